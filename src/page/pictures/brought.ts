/** Files that somebody dropped or picked, to candidates with the names that the command line would give them. */
import { type Candidate, isHidden, maxFiles, printable, reasonOf } from "../../data/photographs.ts";
import { beginningBytes } from "../../data/picture_file.ts";
import { isPrepared, preparedFiles } from "../../data/prepared.ts";
import { beginsLikeZip, openZip } from "../../data/zip.ts";
import type { RandomAccess } from "../../data/zip_directory.ts";
import { browserInflating } from "./inflate.ts";

/** A file and where it lies: `cats/black/1.jpg` in a folder that was brought, else only its name. */
export interface BroughtFile {
  path: string;
  file: File;
}

/** What was brought in one go. */
export interface Brought {
  files: BroughtFile[];
  /** What it is called: the folder's or the file's name, or how many files there are. */
  label: string;
}

/** From an input: one with `webkitdirectory` gives paths. */
export function fromInput(list: Iterable<File>): Brought {
  return named([...list].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}

/**
 * From a drop: folders are walked.
 * @param onFile is called with how many files were found so far
 */
export async function fromDrop(
  items: readonly FileSystemEntry[],
  signal: AbortSignal,
  onFile: (count: number) => void,
): Promise<Brought> {
  const files: BroughtFile[] = [];
  const walk = async (entry: FileSystemEntry, path: string): Promise<void> => {
    signal.throwIfAborted();
    if (isHidden(entry.name)) return;
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
      files.push({ path, file });
      if (files.length > maxFiles) throw new Error(`more than ${maxFiles} files`);
      onFile(files.length);
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      // A hundred or so at a time; none means that there are no more.
      const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (entries.length === 0) return;
      for (const inner of entries) await walk(inner, `${path}/${inner.name}`);
    }
  };
  for (const item of items) await walk(item, item.name);
  return named(files, items.length === 1 ? items[0].name : null);
}

function named(files: BroughtFile[], name: string | null = null): Brought {
  const tops = new Set(files.map(({ path }) => path.split("/")[0]));
  const [top] = tops;
  return { files, label: printable(name ?? (tops.size === 1 ? top : `${files.length} files`)) };
}

/** All that may be pictures in what was brought, zips' entries among them. @throws Error in words for people */
export async function openBrought(files: readonly BroughtFile[]): Promise<Candidate[]> {
  const tops = new Set(files.map(({ path }) => path.split("/")[0]));
  // The one folder's own name says nothing that tells files apart.
  const prefix = tops.size === 1 && files.some(({ path }) => path.includes("/")) ? `${[...tops][0]}/` : "";
  if (isPrepared(files.map(({ path }) => path.slice(prefix.length)))) {
    const { path, file } = files.find((one) => one.path === prefix + preparedFiles.pictures)!;
    return await zipCandidates(path, file, false);
  }
  const candidates: Candidate[] = [];
  for (const { path, file } of files) {
    const name = path.slice(prefix.length);
    if (name.split("/").some(isHidden)) continue;
    // As on the command line, a zip inside of a folder is one file among others.
    if (!path.includes("/") && beginsLikeZip(await bytesOf(file.slice(0, 2)))) {
      candidates.push(...(await zipCandidates(name, file, files.length > 1)));
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

async function zipCandidates(name: string, file: File, among: boolean): Promise<Candidate[]> {
  try {
    const candidates = await openZip(readAhead(file), browserInflating);
    return among ? candidates.map((entry) => ({ ...entry, name: `${name}/${entry.name}` })) : candidates;
  } catch (error) {
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

/** Entries mostly follow each other and are small: one reading serves many. */
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
