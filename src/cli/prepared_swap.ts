/**
 * How a new result of `catgan prepare` takes the place of an earlier one. Node cannot exchange two folders atomically,
 * so this takes three steps, after each of which a complete result is on the disk:
 *
 *     1  OUT is renamed to OUT.catgan-earlier
 *     2  the new folder is renamed to OUT
 *     3  OUT.catgan-earlier is deleted
 *
 * A process that is killed between 1 and 2 leaves no OUT, and one that is killed before the end of 3 leaves both.
 * `recoverSwap` repairs both; every command that reads or writes OUT calls it first. It touches only folders that hold
 * what `prepare` writes.
 */
import { lstat, readdir, readFile, rename, rmdir, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { isPrepared, preparedFiles } from "../data/prepared.ts";
import { warn } from "./describe.ts";
import { explained, isTemporary, nullIfMissing, syncFolder } from "./files.ts";

/** Milliseconds without a write after which an unfinished folder must be a dead process's. */
const staleAfter = 60 * 60 * 1000;

export const earlierPath = (out: string) => `${resolve(out)}.catgan-earlier`;

/** Finishes or undoes a swap that was interrupted by a kill. @throws UserError when OUT cannot be restored */
export async function recoverSwap(out: string): Promise<void> {
  const [place, earlier] = [resolve(out), earlierPath(out)];
  await explained(`cannot restore ${out} from ${earlier}`, async () => {
    if (!(await isFolder(earlier))) return;
    if ((await nullIfMissing(lstat(place))) !== null) {
      if (await isPreparedFolder(place)) await deleteEarlier(place);
    } else if (await isPreparedFolder(earlier)) {
      await rename(earlier, place);
      await syncFolder(dirname(place));
      warn(`${out}: an earlier catgan prepare was interrupted; restored the previous result`);
    }
  });
}

/**
 * Moves a finished folder to OUT, in place of an earlier result. If this fails, the earlier result is at OUT again and
 * the finished folder is where it was.
 * @throws the file system's error
 */
export async function moveIn(finished: string, out: string): Promise<void> {
  const [place, earlier] = [resolve(out), earlierPath(out)];
  await syncFolder(finished);
  // Hours may have passed since the command checked both.
  await recoverSwap(out);
  const replaces = await isPreparedFolder(place);
  if (!replaces && (await nullIfMissing(lstat(place))) !== null) await rmdir(place);
  if (replaces) await rename(place, earlier);
  let moved = false;
  try {
    await rename(finished, place);
    moved = true;
    // The new name must be on the disk before the earlier result is deleted.
    await syncFolder(dirname(place));
  } catch (error) {
    // Should this fail as well, the next command restores the earlier result.
    if (moved) await rename(place, finished).catch(() => {});
    if (replaces) await rename(earlier, place).catch(() => {});
    throw error;
  }
  if (replaces) await deleteEarlier(place);
}

/** Whether a folder, not a link to one, holds what `prepare` writes and nothing else. */
export async function isPreparedFolder(folder: string): Promise<boolean> {
  if (!(await isFolder(folder)) || !(await holdsOnly(folder, isResult))) return false;
  return isPrepared(await readdir(folder)) && (await hasReport(folder));
}

async function hasReport(folder: string): Promise<boolean> {
  const text = await nullIfMissing(readFile(join(folder, preparedFiles.report), "utf8"));
  try {
    const { catgan, pictures } = JSON.parse(text!);
    return typeof catgan === "string" && Number.isInteger(pictures.count);
  } catch {
    return false;
  }
}

/** Deletes unfinished folders for OUT that killed processes left. One that cannot be deleted does no harm. */
export async function deleteUnfinished(out: string): Promise<void> {
  const place = resolve(out);
  const isUnfinished = (name: string) => isTemporary(name) && name.startsWith(`${basename(place)}.catgan-`);
  for (const name of (await readdir(dirname(place))).filter(isUnfinished)) {
    const folder = join(dirname(place), name);
    try {
      if ((await isFolder(folder)) && (await isStale(folder))) {
        await deleteFolder(folder, (name) => isResult(name) || isUnfinishedResult(name));
      }
    } catch {}
  }
}

async function isStale(folder: string): Promise<boolean> {
  const names = await readdir(folder);
  const times = await Promise.all([".", ...names].map(async (name) => (await lstat(join(folder, name))).mtimeMs));
  return Math.max(...times) < Date.now() - staleAfter;
}

/** OUT is complete, so the earlier result is no longer needed. If deleting it fails, the next command tries again. */
async function deleteEarlier(place: string): Promise<void> {
  const earlier = earlierPath(place);
  try {
    await syncFolder(dirname(place));
    // A partly deleted folder is empty or still has its report, which is deleted last.
    const known = (await readdir(earlier)).length === 0 || (await hasReport(earlier));
    if (known) await deleteFolder(earlier, isResult);
    await syncFolder(dirname(place));
  } catch {}
}

/** Deletes a folder's files by name, the report last, then the folder; nothing at all if it holds anything else. */
async function deleteFolder(folder: string, isOurs: (name: string) => boolean): Promise<void> {
  if (!(await holdsOnly(folder, isOurs))) return;
  const isReport = (name: string) => Number(name === preparedFiles.report);
  const names = (await readdir(folder)).sort((a, b) => isReport(a) - isReport(b));
  for (const name of names) await unlink(join(folder, name));
  await rmdir(folder);
}

/** Whether all entries are regular files with such names. */
async function holdsOnly(folder: string, isOurs: (name: string) => boolean): Promise<boolean> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.every((entry) => entry.isFile() && isOurs(entry.name));
}

const results: readonly string[] = Object.values(preparedFiles);
const isResult = (name: string) => results.includes(name);
/** A temporary file of `writeFileAtomically`. */
const isUnfinishedResult = (name: string) =>
  isTemporary(name) && results.some((result) => name.startsWith(`${result}.`));

async function isFolder(path: string): Promise<boolean> {
  return (await nullIfMissing(lstat(path)))?.isDirectory() ?? false;
}
