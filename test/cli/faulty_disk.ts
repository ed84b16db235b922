/**
 * The real file system, watched: any call can be made to fail, and what a power cut would leave is known at every moment.
 *
 *     vi.mock("node:fs/promises", async (original) => (await import("./faulty_disk.ts")).watched(await original()));
 *
 * After a power cut a file holds what it held when it was last synced, and a folder the names that it had when it was last
 * synced. A journaling file system may have made names durable earlier, in the order of the calls: both are modelled.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { join, resolve } from "node:path";

export interface Call {
  name: string;
  path: string;
}

type Promises = typeof import("node:fs/promises");
type Entries = ReadonlyMap<string, number | "folder">;

/** What would be left by a power cut. */
export interface Durable {
  /** Folder → names; a name stands for a file's number, or for a folder. */
  folders: Map<string, Entries>;
  /** A file's number → its bytes. */
  files: Map<number, Buffer>;
}

export const disk = {
  /** Only calls on paths in here are watched. */
  root: null as string | null,
  /** May throw in the place of the call. */
  before: null as ((call: Call) => void) | null,
  after: null as ((call: Call) => void) | null,
  durable: { folders: new Map(), files: new Map() } as Durable,
};

export function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: made to fail`), { code });
}

/** Everything that is there now is taken to be on the disk. */
export function settleDisk(root: string): void {
  disk.root = root;
  disk.durable = { folders: new Map(), files: new Map() };
  const settle = (folder: string) => {
    disk.durable.folders.set(folder, entriesOf(folder));
    for (const [name, entry] of entriesOf(folder)) {
      const path = join(folder, name);
      if (entry === "folder") settle(path);
      else disk.durable.files.set(entry, readFileSync(path));
    }
  };
  settle(root);
}

/** @param names the names that reached the disk: those that were synced, or all that there are */
export function snapshot(names: "synced" | "all"): Durable {
  const folders = new Map(disk.durable.folders);
  if (names === "all") {
    const look = (folder: string) => {
      folders.set(folder, entriesOf(folder));
      for (const [name, entry] of entriesOf(folder)) if (entry === "folder") look(join(folder, name));
    };
    look(disk.root!);
  }
  return { folders, files: new Map(disk.durable.files) };
}

/** Makes of a folder what a power cut would leave of it. */
export function materialise({ folders, files }: Durable, from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const [name, entry] of folders.get(from) ?? []) {
    if (entry === "folder") materialise({ folders, files }, join(from, name), join(to, name));
    else writeFileSync(join(to, name), files.get(entry) ?? "");
  }
}

function entriesOf(folder: string): Entries {
  return new Map(
    readdirSync(folder).map((name) => {
      const found = statSync(join(folder, name));
      return [name, found.isDirectory() ? "folder" : found.ino];
    }),
  );
}

const isWatched = (path: string) => disk.root !== null && `${resolve(path)}/`.startsWith(`${disk.root}/`);

async function call<T>(name: string, path: string, work: () => Promise<T>, instead?: () => Promise<void>): Promise<T> {
  if (!isWatched(path)) return await work();
  try {
    disk.before?.({ name, path });
  } catch (error) {
    await instead?.();
    throw error;
  }
  const result = await work();
  disk.after?.({ name, path });
  return result;
}

/** `node:fs/promises`, watched. */
export function watched(real: Promises): Promises {
  const wrapped: Record<string, unknown> = { ...real };
  const names = ["readFile", "mkdir", "readdir", "rename", "rm", "rmdir", "stat", "lstat", "utimes"] as const;
  for (const name of names) {
    const original = real[name] as (path: string, ...more: unknown[]) => Promise<unknown>;
    wrapped[name] = (path: string, ...more: unknown[]) => call(name, path, () => original(path, ...more));
  }
  wrapped.open = async (path: string, flags: string) => {
    const handle = await call(`open ${flags}`, path, () => real.open(path, flags));
    if (!isWatched(path)) return handle;
    // A number may be one that a deleted file had.
    if (flags === "wx") disk.durable.files.delete((await handle.stat()).ino);
    return watchedHandle(handle, path);
  };
  return wrapped as unknown as Promises;
}

function watchedHandle(handle: FileHandle, path: string): FileHandle {
  const sync = async () => {
    await handle.sync();
    const found = await handle.stat();
    if (found.isDirectory()) disk.durable.folders.set(resolve(path), entriesOf(path));
    else if (existsSync(path)) disk.durable.files.set(found.ino, readFileSync(path));
  };
  const methods: Record<string, (...args: never[]) => Promise<unknown>> = {
    sync: () => call("sync", path, sync),
    // A disk that fills up takes half of it.
    writeFile: (content: Uint8Array | string) =>
      call(
        "writeFile",
        path,
        () => handle.writeFile(content),
        () => handle.writeFile(content.slice(0, content.length >> 1)),
      ),
    write: (bytes: Uint8Array, offset: number, length: number, position: number) =>
      call(
        "write",
        path,
        () => handle.write(bytes, offset, length, position),
        async () => void (await handle.write(bytes, offset, length >> 1, position)),
      ),
    // The descriptor is closed, whatever close reports.
    close: () =>
      call(
        "close",
        path,
        () => handle.close(),
        () => handle.close(),
      ),
    read: (...args: never[]) => call("read", path, () => (handle.read as (...args: never[]) => never)(...args)),
    stat: () => call("stat", path, () => handle.stat()),
    truncate: (length: number) => call("truncate", path, () => handle.truncate(length)),
  };
  return methods as unknown as FileHandle;
}
