/**
 * Where a command may write its result. All checks run before the work starts, so that a mistake costs only seconds and
 * none of the user's files is replaced: not what the command reads, not a run's own files, not a file that another
 * program wrote.
 */
import type { Stats } from "node:fs";
import { lstat, open, readdir, realpath, rm, stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve, sep } from "node:path";
import { isOurGif } from "../data/gif.ts";
import { explained, isFolder, nullIfMissing, temporaryPath } from "./files.ts";
import { isOurPng } from "./png.ts";
import { UserError } from "./user_error.ts";

export interface Output {
  /** As the user gave it. */
  path: string;
  extension: keyof typeof recognisers;
  /** Files and folders that the command reads; a folder stands for everything in it. */
  inputs: readonly string[];
  /** Replace a file that catgan did not write. */
  force: boolean;
}

/** How a file that catgan wrote is recognised, by its first bytes. */
const recognisers = { ".png": isOurPng, ".gif": isOurGif, ".safetensors": isOurSafetensors };
/** As much of a file as a recogniser needs: a safetensors header has at most 1 MiB. */
const recognisedBytes = 2 ** 20 + 8;

const runFolders = ["checkpoints", "samples"];
const runFiles = ["config.json", "losses.csv", "metrics.csv", "reals.png", "augmented.png", "run.lock"];
/** A disk with less room than this counts as full. */
const probeBytes = 16 * 1024;

/** @throws UserError when the file must not or cannot be written */
export async function checkOutput({ path, extension, inputs, force }: Output): Promise<void> {
  const refuse = (why: string) => new UserError(`cannot write ${path}: ${why}`);
  await explained(`cannot write ${path}`, async () => {
    const place = await realPlace(path);
    await refuseRunFiles(path, place);
    const found = await nullIfMissing(stat(place));
    for (const input of inputs) {
      const read = await explained(`cannot read ${input}`, () => isInput(place, found, input));
      if (read) throw refuse(`the command reads ${input}; choose another place`);
    }
    if (extname(path).toLowerCase() !== extension) throw refuse(`expected a name that ends in ${extension}`);
    if (found && !found.isFile()) throw refuse(`it is ${found.isDirectory() ? "a folder" : "not a regular file"}`);
    const isLink = !found && (await nullIfMissing(lstat(place))) !== null;
    if (!force && (isLink || (found && !recognisers[extension](await beginningOf(place))))) {
      throw refuse("catgan did not write the file that is there; choose another name, or replace it with --force");
    }
    await probe(path);
  });
}

/** What drawing from a run, a checkpoint or a generator file reads. @throws UserError when it does not exist */
export async function inputsOfSource(source: string): Promise<string[]> {
  // Other files may be written into a run's folder, where timelapse.gif goes by default.
  return (await isFolder(source)) ? runFolders.map((name) => join(source, name)) : [source];
}

/** @throws UserError when a path is one of a run's own files, or lies in its checkpoints/ or samples/ */
export async function refuseRunFiles(path: string, place: string): Promise<void> {
  const parent = dirname(place);
  if (runFiles.includes(basename(place).toLowerCase()) && (await isRun(parent))) {
    throw new UserError(`cannot write ${path}: this file belongs to the run in ${parent}; choose another name`);
  }
  for (let folder = parent; folder !== dirname(folder); folder = dirname(folder)) {
    if (runFolders.includes(basename(folder).toLowerCase()) && (await isRun(dirname(folder)))) {
      throw new UserError(`cannot write ${path}: only training writes to ${folder}; choose another folder`);
    }
  }
}

/**
 * Finds out whether a file can be written next to `path`.
 * @throws the file system's error when it is read-only or full, or when the folder is missing
 */
export async function probe(path: string): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(new Uint8Array(probeBytes));
    } finally {
      // Some file systems report a full disk only here.
      await file.close();
    }
  } finally {
    await rm(temporary, { force: true });
  }
}

/** The path without links; of a file that is missing, its name in its folder. */
export async function realPlace(path: string): Promise<string> {
  const absolute = resolve(path);
  const real = await nullIfMissing(realpath(absolute));
  if (real !== null) return real;
  const folder = await nullIfMissing(realpath(dirname(absolute)));
  return join(folder ?? dirname(absolute), basename(absolute));
}

async function isInput(place: string, found: Stats | null, input: string): Promise<boolean> {
  const [real, read] = [await nullIfMissing(realpath(input)), await nullIfMissing(stat(input))];
  if (real === null || read === null) return false;
  if (place === real || (read.isDirectory() && place.startsWith(`${real}${sep}`))) return true;
  if (found === null) return false;
  const same = (other: Stats | null) => other !== null && other.dev === found.dev && other.ino === found.ino;
  if (!read.isDirectory()) return same(read);
  // A hard link to one of the folder's files may lie outside the folder. Subfolders are not searched.
  if (found.nlink < 2) return false;
  for (const name of await readdir(real)) if (same(await nullIfMissing(stat(join(real, name))))) return true;
  return false;
}

/** Other programs have a config.json or a folder named samples too, so at least two of a run's parts must be there. */
async function isRun(folder: string): Promise<boolean> {
  const parts = ["config.json", "losses.csv", ...runFolders];
  const found = await Promise.all(parts.map(async (name) => (await nullIfMissing(stat(join(folder, name)))) !== null));
  return found.filter(Boolean).length >= 2;
}

async function beginningOf(path: string): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
    const bytes = new Uint8Array(Math.min(recognisedBytes, (await file.stat()).size));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function isOurSafetensors(beginning: Uint8Array): boolean {
  try {
    const length = Number(new DataView(beginning.buffer, beginning.byteOffset).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(beginning.subarray(8, 8 + length)));
    return String(header.__metadata__.format).startsWith("catgan");
  } catch {
    return false;
  }
}
