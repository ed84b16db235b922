/** The one script of all workers: takes the role that the worker's name says. */
import type { Role } from "./new_worker.ts";

/** Takes what is posted to the worker, in order. */
type Receive = (data: never) => void;

const roles: Readonly<Record<Role, () => Promise<Receive>>> = {
  train: async () => (await import("./gpu_roles.ts")).train,
  draw: async () => (await import("./gpu_roles.ts")).draw,
  read: async () => (await import("./pictures/reader_worker.ts")).receive,
  gif: async () => (await import("./gif_worker.ts")).receive,
};

const receive = roles[self.name as Role]();
self.addEventListener("message", async (event) => (await receive)((event as MessageEvent<never>).data));
