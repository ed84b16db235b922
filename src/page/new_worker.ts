/** The tasks of workers. */
export type Role = "train" | "draw" | "read" | "film";

export function newWorker(role: Role): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: role });
}
