/** Dropped or picked files as candidates, with the names that the command line would give them. */
import {
  type Candidate,
  isHidden,
  lostCandidate,
  maxFiles,
  printable,
  type Refused,
  reasonOf,
} from "../../data/photographs.ts";
import { beginningBytes } from "../../data/picture_file.ts";
import { isPrepared, preparedFiles } from "../../data/prepared.ts";
import { beginsLikeZip, openZip } from "../../data/zip.ts";
import type { RandomAccess } from "../../data/zip_directory.ts";
import { browserInflating } from "./inflate.ts";

/** A file and its path: `cats/black/1.jpg` in a folder, otherwise only its name. */
export interface BroughtFile {
  path: string;
  file: File;
}

/** The files of one drop or one choice. */
export interface Brought {
  files: BroughtFile[];
  /** What the browser could not open, by path, and why; a folder's path ends in a slash. */
  lost: Refused[];
  /** Its name: the folder's or the file's name, or how many files there are. */
  label: string;
}

/** From an input: one with `webkitdirectory` gives paths. */
export function fromInput(list: Iterable<File>): Brought {
  return named([...list].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}

/**
 * From a drop: folders are walked. What cannot be opened is noted, and the walk continues.
 * @param items files where the browser gave no entry, null where it gave neither
 * @param onFile called with the number of files found so far
 * @throws Error too many files
 */
export async function fromDrop(
  items: readonly (FileSystemEntry | File | null)[],
  signal: AbortSignal,
  onFile: (count: number) => void,
): Promise<Brought> {
  const files: BroughtFile[] = [];
  const lost: Refused[] = [];
  const walk = async (entry: FileSystemEntry, path: string): Promise<void> => {
    signal.throwIfAborted();
    if (entry.name === "") {
      // Chromium gives this name to entries whose name is not UTF-8, and opening one opens the folder around it, endlessly.
      lost.push({ name: `${path}\ufffd${entry.isFile ? "" : "/"}`, reason: "its name is not UTF-8: rename it" });
      return;
    }
    if (isHidden(entry.name)) return;
    if (entry.isFile) {
      try {
        const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
        files.push({ path, file });
      } catch (error) {
        lost.push({ name: path, reason: entryReason(error) });
      }
      if (files.length + lost.length > maxFiles) throw new Error(`more than ${maxFiles} files`);
      onFile(files.length);
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      let entries: FileSystemEntry[];
      try {
        // A hundred or so at a time; none means that there are no more.
        entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      } catch (error) {
        lost.push({ name: `${path}/`, reason: `a folder that cannot be listed: ${entryReason(error)}` });
        return;
      }
      if (entries.length === 0) return;
      for (const inner of entries) await walk(inner, `${path}/${inner.name}`);
    }
  };
  for (const item of items) {
    if (item === null) lost.push({ name: "(without a name)", reason: "the browser gave no file" });
    else if (item instanceof File) files.push({ path: item.name, file: item });
    else await walk(item, item.name);
  }
  return { ...named(files, items.length === 1 ? (items[0]?.name ?? null) : null), lost };
}

const zipName = /\.zip$/i;

const entryReasons: Record<string, string> = {
  NotFoundError: "it is gone",
  NotReadableError: "no permission to read it",
  NotAllowedError: "no permission to read it",
  SecurityError: "no permission to read it",
};

const entryReason = (error: unknown) => entryReasons[(error as DOMException).name] ?? reasonOf(error);

function named(files: BroughtFile[], name: string | null = null): Brought {
  const tops = new Set(files.map(({ path }) => path.split("/")[0]));
  const [top] = tops;
  return { files, lost: [], label: printable(name ?? (tops.size === 1 ? top : `${files.length} files`)) };
}

/**
 * All files that may be pictures, including zips' entries and files that cannot be opened, so that they are reported.
 * @throws Error for the user: the only zip is damaged, or there are too many files
 */
export async function openBrought(files: readonly BroughtFile[], lost: readonly Refused[]): Promise<Candidate[]> {
  const paths = [...files.map(({ path }) => path), ...lost.map(({ name }) => name)];
  const tops = new Set(paths.map((path) => path.split("/")[0]));
  // The name of a single folder does not distinguish files.
  const prefix = tops.size === 1 && paths.some((path) => path.includes("/")) ? `${[...tops][0]}/` : "";
  if (isPrepared(paths.map((path) => path.slice(prefix.length)))) {
    const path = prefix + preparedFiles.pictures;
    const zip = files.find((one) => one.path === path);
    if (!zip) throw new Error(`${printable(path)}: ${lost.find(({ name }) => name === path)!.reason}`);
    return await zipCandidates(path, zip.file, false);
  }
  const candidates = lost.map(({ name, reason }) => {
    // A zip by itself holds pictures like a folder does, so its name ends like a folder's.
    const isSet = !name.includes("/") && zipName.test(name);
    return lostCandidate((name.slice(prefix.length) || name) + (isSet ? "/" : ""), reason);
  });
  for (const { path, file } of files) {
    const name = path.slice(prefix.length);
    if (name.split("/").some(isHidden)) continue;
    // As on the command line, a zip inside a folder is one file among others.
    if (!path.includes("/") && (await isZip(file))) {
      candidates.push(...(await zipCandidates(name, file, paths.length > 1)));
    } else {
      candidates.push({
        name,
        bytes: file.size,
        beginning: () => bytesOf(file.slice(0, beginningBytes)),
        read: () => bytesOf(file),
      });
    }
    if (candidates.length > maxFiles) throw new Error(`more than ${maxFiles} files`);
  }
  return candidates;
}

/** Decides by its first bytes, or by its name if they cannot be read. */
async function isZip(file: File): Promise<boolean> {
  try {
    return beginsLikeZip(await bytesOf(file.slice(0, 2)));
  } catch {
    return zipName.test(file.name);
  }
}

/**
 * @param among whether there are other files: then the zip's name precedes its pictures', and damage does not stop the
 * rest
 */
async function zipCandidates(name: string, file: File, among: boolean): Promise<Candidate[]> {
  try {
    const candidates = await openZip(readAhead(file), browserInflating);
    return among ? candidates.map((entry) => ({ ...entry, name: `${name}/${entry.name}` })) : candidates;
  } catch (error) {
    if (among) return [lostCandidate(`${name}/`, reasonOf(error))];
    throw new Error(`${printable(name)}: ${reasonOf(error)}`);
  }
}

async function bytesOf(blob: Blob): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch {
    throw new Error("it cannot be read: it is gone, has changed, or may not be opened");
  }
}

const windowBytes = 2 ** 18;

/** Entries are mostly small and adjacent: one read serves many. */
export function readAhead(file: Blob): RandomAccess {
  let start = 0;
  let held = new Uint8Array(0) as Uint8Array;
  return {
    bytes: file.size,
    async read(offset, length) {
      const end = Math.min(offset + length, file.size);
      if (length > windowBytes) return await bytesOf(file.slice(offset, end));
      if (offset < start || end > start + held.length) {
        const window = await bytesOf(file.slice(offset, offset + windowBytes));
        [start, held] = [offset, window];
        return window.slice(0, end - offset);
      }
      return held.slice(offset - start, end - start);
    },
  };
}
