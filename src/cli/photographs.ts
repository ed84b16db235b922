/** Photographs from a folder or a zip, as square pictures of one size. For Node and Deno only. */
import { closeSync, openSync, readdirSync, readSync, realpathSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { constants, inflateRawSync } from "node:zlib";
import * as shared from "../data/photographs.ts";
import { beginningBytes, pictureFormat } from "../data/picture_file.ts";
import { isPrepared, preparedFiles } from "../data/prepared.ts";
import { beginsLikeZip, openZip } from "../data/zip.ts";
import { decodePicture, inflate, picturesInFlight } from "./decode.ts";
import { recoverSwap } from "./prepared_swap.ts";
import { UserError } from "./user_error.ts";

/** An open folder or zip. */
export interface Source {
  candidates: shared.Candidate[];
  /** Folders that cannot be read. */
  skipped: shared.Refused[];
  close(): void;
}

const maxPixelBytes = 4 * 2 ** 30;

/**
 * Reads all pictures, known by their first bytes, of a folder (recursively; links are followed, hidden files
 * and __MACOSX are not looked at), of a zip, or of what `catgan prepare` made. A picture that cannot be read is skipped,
 * never fatal.
 *
 * @param options.onProgress is called after every file
 * @throws UserError nothing there, neither folder nor zip, a zip cut short or encrypted, no pictures, too many of them
 */
export async function readPhotographs(
  path: string,
  options: { size: number; fit: shared.Fit; onProgress?(done: number, total: number): void },
): Promise<shared.Photographs> {
  return await withSource(path, async ({ candidates, skipped }) => {
    const reading = { ...options, decode: decodePicture, inFlight: picturesInFlight, maxBytes: maxPixelBytes };
    const found = await shared.readPhotographs(candidates, reading);
    return { ...found, skipped: [...skipped, ...found.skipped] };
  });
}

/** Opens a folder or a zip for `work`, and closes it. @throws UserError for what goes wrong in it, the path before it */
export async function withSource<T>(path: string, work: (source: Source) => Promise<T>): Promise<T> {
  let source: Source | null = null;
  try {
    await recoverSwap(basename(path) === preparedFiles.pictures ? dirname(path) : path);
    source = await openSource(path);
    return await work(source);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path}: ${systemReason(error)}`);
  } finally {
    source?.close();
  }
}

async function openSource(path: string): Promise<Source> {
  const stats = statOf(path);
  if (!stats) throw new Error("no such folder or zip");
  if (stats.isDirectory()) {
    return isPrepared(readdirSync(path)) ? await openSource(join(path, preparedFiles.pictures)) : openFolder(path);
  }
  if (!stats.isFile()) throw new Error("neither a folder nor a zip");
  const file = openSync(path, "r");
  try {
    const beginning = readRange(file, 0, beginningBytes);
    const format = pictureFormat(beginning);
    if (format) throw new Error(`a single ${format} picture, expected a folder or a zip of them`);
    if (!beginsLikeZip(beginning)) throw new Error("neither a folder nor a zip");
    const access = { bytes: stats.size, read: (offset: number, length: number) => readRange(file, offset, length) };
    const inflateBeginning = (data: Uint8Array) => inflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH });
    const candidates = await openZip(access, { inflate, inflateBeginning });
    return { candidates, skipped: [], close: () => closeSync(file) };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function openFolder(root: string): Source {
  const candidates: shared.Candidate[] = [];
  const skipped: shared.Refused[] = [];
  // A folder that links lead to twice, or back to, is read once.
  const visited = new Set<string>();
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    let entries: string[];
    try {
      const real = realpathSync(join(root, folder));
      if (visited.has(real)) continue;
      visited.add(real);
      entries = readdirSync(real).filter((entry) => !shared.isHidden(entry));
    } catch (error) {
      if (folder === "") throw error;
      skipped.push({ name: shared.printable(folder), reason: systemReason(error) });
      continue;
    }
    // Pushed backwards, so that the first by name is the next: which of two links is followed is then the same everywhere.
    for (const entry of entries.sort().reverse()) {
      const name = folder === "" ? entry : `${folder}/${entry}`;
      const path = join(root, name);
      const stats = statOf(path);
      if (stats?.isDirectory()) folders.push(name);
      else candidates.push(fileCandidate(name, path, stats));
    }
    if (candidates.length > shared.maxFiles) throw new Error(`more than ${shared.maxFiles} files`);
  }
  return { candidates, skipped, close() {} };
}

function fileCandidate(name: string, path: string, stats: Stats | null): shared.Candidate {
  // Links to nowhere, pipes and devices are never opened.
  const bytes = stats?.isFile() ? stats.size : null;
  const readFirst = (length: number) => {
    if (bytes === null) throw new Error("not a file that can be read");
    try {
      return readFile(path, length);
    } catch (error) {
      throw new Error(systemReason(error));
    }
  };
  return { name, bytes: bytes ?? 0, beginning: () => readFirst(beginningBytes), read: () => readFirst(bytes ?? 0) };
}

function readFile(path: string, length: number): Uint8Array {
  const file = openSync(path, "r");
  try {
    return readRange(file, 0, length);
  } finally {
    closeSync(file);
  }
}

/** Bytes [offset, offset + length) of an open file, fewer where it ends. */
function readRange(file: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = readSync(file, bytes, done, length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

/** null: not there, or a link to nowhere, or not ours to see. */
function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

const systemReasons: Record<string, string> = {
  EACCES: "no permission to read it",
  EPERM: "no permission to read it",
  ENOENT: "it is gone",
  ELOOP: "links in a circle",
};

/** One line; the system's own errors in words. */
function systemReason(error: unknown): string {
  return systemReasons[(error as NodeJS.ErrnoException).code ?? ""] ?? shared.reasonOf(error);
}
