/** Files that are either complete or absent: atomic writes, folders that survive a power cut, one-line errors. */
import { randomBytes } from "node:crypto";
import { lstat, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { UserError } from "./user_error.ts";

const temporary = /\.catgan-[0-9a-f]{16}\.tmp$/;

/**
 * A temporary name next to a file.
 * @param unique 16 hexadecimal digits; random ones never collide with another process's or a user's file
 */
export function temporaryPath(path: string, unique = randomBytes(8).toString("hex")): string {
  return `${path}.catgan-${unique}.tmp`;
}

export function isTemporary(name: string): boolean {
  return temporary.test(name);
}

/**
 * Writes a file completely or not at all: to a temporary file next to it, to the disk, then into its place.
 * @param content may come in parts, which are written as they arrive
 * @throws UserError when it cannot be written; a file that was there before is unchanged
 */
export async function writeFileAtomically(
  path: string,
  content: Uint8Array | string | AsyncIterable<Uint8Array>,
): Promise<void> {
  await explained(`cannot write ${path}`, async () => {
    const unfinished = temporaryPath(path);
    try {
      const file = await open(unfinished, "wx");
      try {
        if (typeof content === "string" || content instanceof Uint8Array) await file.writeFile(content);
        else for await (const part of content) await file.writeFile(part);
        // Before the rename: after a power cut, the name must not refer to bytes that never reached the disk.
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, path);
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => {});
      throw error;
    }
    await syncFolder(dirname(path));
  });
}

/** Makes renames and new names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open folders; its file systems journal names.
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes a folder and any missing parents, durably. Two processes that make the same folder both succeed.
 * @returns the folders that this call made, outermost first
 */
export async function makeFolders(folder: string): Promise<string[]> {
  const parent = dirname(resolve(folder));
  let made: string[] = [];
  for (;;) {
    try {
      await mkdir(folder);
      made = [...made, folder];
      await syncFolder(parent);
      return made;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EEXIST" && (await stat(folder)).isDirectory()) return made;
      const lacksParent = code === "ENOENT" && made.length === 0 && parent !== resolve(folder);
      if (lacksParent) made = await makeFolders(parent);
      if (lacksParent && made.length > 0) continue;
      await removeMade(made);
      throw error;
    }
  }
}

/** Removes what was made, in reverse order: folders only when they are empty. What cannot be removed stays. */
export async function removeMade(paths: readonly string[]): Promise<void> {
  for (const path of [...paths].reverse()) {
    // `rm` refuses folders, `rmdir` files and folders with something in them.
    await rm(path, { force: true }).catch(() => rmdir(path).catch(() => {}));
  }
}

/** Removes temporary files that a crash left in a folder, which may be someone else's. Links are not followed. */
export async function removeTemporaries(folder: string): Promise<void> {
  if (!(await lstat(folder)).isDirectory()) return;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (isTemporary(name) && (await lstat(path)).isFile()) await rm(path, { force: true });
  }
}

/** Null when there is no such file. Any other error is rethrown: it does not mean that nothing is there. */
export async function nullIfMissing<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** A file's bytes; null when there is no such file. */
export const readIfThere = (path: string): Promise<Uint8Array | null> => nullIfMissing(readFile(path));

/** Names in a folder; none when there is no such folder. */
export const namesIn = async (folder: string): Promise<string[]> => (await nullIfMissing(readdir(folder))) ?? [];

/** @throws UserError when there is no such file or folder */
export async function isFolder(path: string): Promise<boolean> {
  return await explained(`cannot read ${path}`, async () => (await stat(path)).isDirectory());
}

const reasons: Record<string, string> = {
  ENOSPC: "no space is left on the disk; what was written before is intact",
  EDQUOT: "the disk quota is used up; what was written before is intact",
  EROFS: "the file system is read-only",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOENT: "no such file or folder",
  EEXIST: "there is a file with that name",
  ENOTDIR: "part of the path is not a folder",
  EISDIR: "it is a folder",
  EIO: "the disk reports an error",
};

/** Runs `work`; an error of the file system becomes a one-line UserError that says what failed and why. */
export async function explained<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    // An error without a code is a defect of the program, and keeps its stack.
    if (code === undefined) throw error;
    throw new UserError(`${what}: ${reasons[code] ?? message}`);
  }
}
