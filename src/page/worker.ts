/** The one script of all workers: takes the role that the worker's name says, so that what roles share is loaded once. */
import type { Role } from "./new_worker.ts";

/** A role's module: takes what is posted to its worker, in order. */
interface RoleModule {
  receive(data: never): void;
}

const roles: Readonly<Record<Role, () => Promise<RoleModule>>> = {
  train: () => import("./train/worker.ts"),
  draw: () => import("./draw/draw_worker.ts"),
  read: () => import("./pictures/reader_worker.ts"),
  gif: () => import("./gif_worker.ts"),
};

const module = roles[self.name as Role]();
self.addEventListener("message", async (event) => (await module).receive((event as MessageEvent<never>).data));
