/** Photographs from a folder or a zip, as square pictures of one size. For Node and Deno only. */
import { closeSync, openSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import * as shared from "../data/photographs.ts";
import { beginningBytes, pictureFormat } from "../data/picture_file.ts";
import { isPrepared, preparedFiles } from "../data/prepared.ts";
import { beginsLikeZip, openZip } from "../data/zip.ts";
import { decodePicture, picturesInFlight } from "./decode.ts";
import { openFolder } from "./folder.ts";
import { recoverSwap } from "./prepared_swap.ts";
import { readRange } from "./read_range.ts";
import { systemReason } from "./system_reason.ts";
import { UserError } from "./user_error.ts";
import { nodeInflating } from "./zip_inflating.ts";

/** An open folder or zip. */
export interface Source {
  candidates: shared.Candidate[];
  close(): void;
}

const maxPixelBytes = 4 * 2 ** 30;

/**
 * Reads all pictures, known by their first bytes, of a folder (recursively; links are followed, hidden files
 * and __MACOSX are ignored), of a zip, or of what `catgan prepare` made. A picture that cannot be read is skipped,
 * never fatal.
 *
 * @param options.onProgress is called after every file
 * @throws UserError: missing, neither folder nor zip, a zip cut short or encrypted, no pictures, too many of them
 */
export async function readPhotographs(
  path: string,
  options: { size: number; fit: shared.Fit } & Pick<shared.ReadingAll, "onProgress" | "onLooking">,
): Promise<shared.Photographs> {
  const reading = { ...options, decode: decodePicture, inFlight: picturesInFlight, maxBytes: maxPixelBytes };
  const work = ({ candidates }: Source) => shared.readPhotographs(candidates, reading);
  return await withSource(path, work, options.onLooking);
}

/** Opens a folder or a zip for `work`, and closes it. @throws UserError whose message begins with the path */
export async function withSource<T>(
  path: string,
  work: (source: Source) => Promise<T>,
  onLooking?: shared.OnLooking,
): Promise<T> {
  let source: Source | null = null;
  try {
    await recoverSwap(basename(path) === preparedFiles.pictures ? dirname(path) : path);
    source = await openSource(path, onLooking);
    return await work(source);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path}: ${systemReason(error)}`);
  } finally {
    source?.close();
  }
}

async function openSource(path: string, onLooking?: shared.OnLooking): Promise<Source> {
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw error.code === "ENOENT" || error.code === "ENOTDIR" ? new Error("no such folder or zip") : error;
  });
  if (stats.isDirectory()) {
    if (isPrepared(await readdir(path))) return await openSource(join(path, preparedFiles.pictures));
    const candidates = await openFolder(path, (files) => onLooking?.(files, null));
    return { candidates, close() {} };
  }
  if (!stats.isFile()) throw new Error("neither a folder nor a zip");
  const file = openSync(path, "r");
  try {
    const beginning = readRange(file, 0, beginningBytes);
    const format = pictureFormat(beginning);
    if (format) throw new Error(`a single ${format} picture, expected a folder or a zip of them`);
    if (!beginsLikeZip(beginning)) throw new Error("neither a folder nor a zip");
    const access = { bytes: stats.size, read: (offset: number, length: number) => readRange(file, offset, length) };
    const candidates = await openZip(access, nodeInflating);
    return { candidates, close: () => closeSync(file) };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}
