/** The files of a folder, whatever their names and whether or not they can be read. For Node and Deno only. */
import { closeSync, type Dirent, fstatSync, openSync, type Stats, statSync } from "node:fs";
import { readdir, realpath } from "node:fs/promises";
import { type Candidate, checkFileBytes, isHidden, lostCandidate, maxFiles } from "../data/photographs.ts";
import { beginningBytes } from "../data/picture_file.ts";
import { turns } from "../data/turns.ts";
import { readRange } from "./read_range.ts";
import { systemReason } from "./system_reason.ts";

/** Bytes if they are not UTF-8, because a string would not lead to the file. */
type Path = string | Buffer;

interface Entry {
  /** The name by which a file or a folder is shown and ordered. */
  name: string;
  path: Path;
}

const replacement = "\ufffd";

/**
 * All files below a folder, links followed, hidden ones left out. What cannot be read is included: a folder (its name
 * then ends in a slash), a dangling link, a pipe, a socket or a device. Reading it throws the reason.
 *
 * Folders are listed asynchronously. Files are not opened, since the listing distinguishes them from folders and links.
 *
 * @param onFound called from time to time with the number of files so far; an exception from it ends the walk
 * @throws Error the folder itself cannot be listed, or too many files
 */
export async function openFolder(root: string, onFound?: (files: number) => void): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  // A folder that links lead to twice, or back to, is read once.
  const visited = new Set<string>();
  const folders: Entry[] = [{ name: "", path: root }];
  const turn = turns();
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    let entries: (Entry & { dirent: Kind })[];
    try {
      const real = await realpath(folder.path, { encoding: "buffer" });
      const key = real.toString("latin1");
      if (visited.has(key)) continue;
      visited.add(key);
      entries = await entriesOf(pathOf(real));
    } catch (error) {
      if (folder.name === "") throw error;
      candidates.push(
        lostCandidate(`${folder.name}/`, `a folder that cannot be listed: ${reasonAt(folder.path, error)}`),
      );
      continue;
    }
    // Backwards, so that the first by name is the next: which of two links is followed is then the same everywhere.
    entries.sort((a, b) => (a.name < b.name ? 1 : a.name > b.name ? -1 : 0));
    for (const { name: own, path, dirent } of entries) {
      const name = folder.name === "" ? own : `${folder.name}/${own}`;
      const kind = dirent.isSymbolicLink() ? targetOf(path) : dirent;
      if (typeof kind === "string") candidates.push(lostCandidate(name, kind));
      else if (kind.isDirectory()) folders.push({ name, path });
      else candidates.push(kind.isFile() ? new FolderFile(name, path) : lostCandidate(name, otherKind(kind)));
      if (await turn()) onFound?.(candidates.length);
    }
    if (candidates.length > maxFiles) throw new Error(`more than ${maxFiles} files`);
  }
  return candidates;
}

type Kind = Dirent | Dirent<Buffer> | Stats;

/** The entries of a folder except hidden ones, in any order. */
async function entriesOf(folder: Path): Promise<(Entry & { dirent: Kind })[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  if (!entries.some(({ name }) => name.includes(replacement))) {
    return entries
      .filter(({ name }) => !isHidden(name))
      .map((dirent) => ({ name: dirent.name, path: inside(folder, dirent.name), dirent }));
  }
  // The replacement character stands for bytes that are not UTF-8, or for itself: the bytes tell which.
  const named = await readdir(folder, { withFileTypes: true, encoding: "buffer" });
  return named
    .map((dirent) => ({ name: shownName(dirent.name), path: inside(folder, pathOf(dirent.name)), dirent }))
    .filter(({ name }) => !isHidden(name));
}

function inside(folder: Path, entry: Path): Path {
  if (typeof folder === "string" && typeof entry === "string") return `${folder}/${entry}`;
  return Buffer.concat([Buffer.from(folder), Buffer.from("/"), Buffer.from(entry)]);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** null: the bytes are not UTF-8. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

const pathOf = (bytes: Buffer): Path => textOf(bytes) ?? bytes;

/**
 * A name as text. A byte that is not part of UTF-8 becomes the replacement character and its two hexadecimal digits, so
 * that names that differ only in such bytes remain different.
 */
export function shownName(bytes: Buffer): string {
  const whole = textOf(bytes);
  if (whole !== null) return whole;
  let name = "";
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((length) => textOf(bytes.subarray(at, at + length)) !== null);
    name += length ? textOf(bytes.subarray(at, at + length)) : replacement + bytes.toString("hex", at, at + 1);
    at += length ?? 1;
  }
  return name;
}

/** What a link points to, or a string that says why that is unknown. */
function targetOf(path: Path): Stats | string {
  try {
    return statSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const nowhere = (code === "ENOENT" || code === "ENOTDIR") && !isLossy(path);
    return nowhere ? "a link that leads nowhere" : reasonAt(path, error);
  }
}

function otherKind(kind: Kind): string {
  const what = kind.isFIFO() ? "a pipe" : kind.isSocket() ? "a socket" : "a device";
  return `${what}, not a file`;
}

/** Deno gives names that are not UTF-8 only as such strings, which lead to no file. */
const isLossy = (path: Path) => typeof path === "string" && path.includes(replacement);

function reasonAt(path: Path, error: unknown): string {
  if (isLossy(path) && (error as NodeJS.ErrnoException).code === "ENOENT") {
    return "its name is not UTF-8: rename it, or use Node instead of Deno";
  }
  return systemReason(error);
}

/** Opening and reading are synchronous: for small files the asynchronous calls take ten times as long. */
class FolderFile implements Candidate {
  /** Unknown until the file is read: asking the system for a million sizes takes too long. */
  readonly bytes = null;

  constructor(
    readonly name: string,
    private readonly path: Path,
  ) {}

  beginning(): Uint8Array {
    return this.first((bytes) => Math.min(bytes, beginningBytes));
  }

  read(): Uint8Array {
    return this.first((bytes) => {
      checkFileBytes(bytes);
      return bytes;
    });
  }

  /**
   * @param wanted takes the file's size and returns how many bytes to read
   * @throws a one-line Error that says what went wrong
   */
  private first(wanted: (bytes: number) => number): Uint8Array {
    try {
      const file = openSync(this.path, "r");
      try {
        const length = wanted(fstatSync(file).size);
        const bytes = readRange(file, 0, length);
        if (bytes.length < length) throw new Error("it became shorter while it was read");
        return bytes;
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw new Error(reasonAt(this.path, error));
    }
  }
}
