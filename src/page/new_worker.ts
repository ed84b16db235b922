/** What a worker may be for. */
export type Role = "train" | "draw" | "read" | "gif";

/** Those that compute share nearly all they are made of: they are one script, which goes by the worker's name. */
const scripts: Readonly<Record<Role, URL | string>> = {
  train: new URL("./gpu_worker.ts", import.meta.url),
  draw: new URL("./gpu_worker.ts", import.meta.url),
  read: new URL("./pictures/reader_worker.ts", import.meta.url),
  gif: new URL("./gif_worker.ts", import.meta.url),
};

export function newWorker(role: Role): Worker {
  return new Worker(scripts[role], { type: "module", name: role });
}
