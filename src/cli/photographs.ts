/** Photographs from a folder or a zip, as square pictures of one size. For Node and Deno only. */
import { closeSync, openSync, readdirSync, readSync, realpathSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { constants, crc32, inflateRawSync } from "node:zlib";
import { type FileEntry, Reader, ZipReader } from "@zip.js/zip.js";
import type { Pictures } from "../data/pictures.ts";
import { resizeRgb } from "../data/resize.ts";
import { decodePicture, pictureFormat } from "./decode.ts";
import { UserError } from "./user_error.ts";

export interface Photographs {
  /** In the order of their paths (by UTF-16 code units), so that every machine sees the same data set. */
  pictures: Pictures;
  /** The paths inside the folder or the zip, one a picture. */
  names: string[];
  /** Files that should have been pictures, and why they are not here. */
  skipped: { name: string; reason: string }[];
}

/** A file in the folder or an entry of the zip. Reading throws an Error that says in one line why it cannot be read. */
interface Candidate {
  /** Path inside the source, with slashes. */
  name: string;
  /** What reading it takes. */
  bytes: number;
  /** Its first bytes, at least 8 where it has them. */
  head(): Uint8Array;
  read(): Uint8Array;
}

interface Source {
  candidates: Candidate[];
  skipped: Photographs["skipped"];
  close(): void;
}

const maxFiles = 1_000_000;
const maxFileBytes = 64 * 2 ** 20;
const maxPixelBytes = 4 * 2 ** 30;
/** Compressed bytes that surely give an entry's first 8, behind deflate's table of code lengths. */
const headBytes = 1024;
/** Files named so should be pictures: where they are not, or of a kind that is not read, the user hears of it. */
const pictureName = /\.(jpe?g|jpe|jfif|png|apng|gif|webp|bmp|tiff?|hei[cf]|avif|jxl)$/i;

/**
 * Reads all JPEG and PNG pictures, known by their first bytes, of a folder (recursively; links are followed, hidden files
 * and __MACOSX are not looked at) or of a zip. A picture that cannot be read is skipped, never fatal.
 *
 * @param options.onProgress is called after every file
 * @throws UserError nothing there, neither folder nor zip, a zip cut short or encrypted, no pictures, too many of them
 */
export async function readPhotographs(
  source: string,
  options: { size: number; fit: "crop" | "stretch"; onProgress?(done: number, total: number): void },
): Promise<Photographs> {
  const { candidates, skipped, close } = await openSource(source);
  const { size, fit, onProgress } = options;
  const names: string[] = [];
  const parts: Uint8Array[] = [];
  try {
    let yielded = performance.now();
    for (const [index, candidate] of candidates.entries()) {
      const name = printable(candidate.name);
      try {
        const bytes = readPicture(candidate);
        if (bytes) {
          const { rgb, width, height } = decodePicture(bytes);
          parts.push(resizeRgb(rgb, width, height, size, fit));
          names.push(name);
        }
      } catch (error) {
        skipped.push({ name, reason: reasonOf(error) });
      }
      if (parts.length * size * size * 3 > maxPixelBytes) {
        throw new UserError(
          `${source}: more than ${parts.length - 1} pictures of ${size}×${size} do not fit in 4 GiB: take fewer or a smaller --size`,
        );
      }
      onProgress?.(index + 1, candidates.length);
      // Decoding is synchronous: now and then signals and progress bars get their turn.
      if (performance.now() - yielded > 50) {
        await new Promise(setImmediate);
        yielded = performance.now();
      }
    }
  } finally {
    close();
  }
  if (names.length === 0) {
    const first =
      skipped.length > 0 ? `; the first of ${skipped.length} skipped: ${skipped[0].name}: ${skipped[0].reason}` : "";
    throw new UserError(
      `${source}: no JPEG or PNG pictures among ${candidates.length} files (hidden ones not counted)${first}`,
    );
  }
  const pixels = new Uint8Array(names.length * size * size * 3);
  for (const [index, part] of parts.entries()) pixels.set(part, index * part.length);
  return { pictures: { size, count: names.length, pixels }, names, skipped };
}

/** The file's bytes, or null where it neither is a picture nor is named like one. */
function readPicture(candidate: Candidate): Uint8Array | null {
  const named = pictureName.test(candidate.name);
  try {
    const head = candidate.head();
    if (!pictureFormat(head) && !named) return null;
    if (head.length === 0) throw new Error("empty file");
  } catch (error) {
    if (named) throw error;
    return null;
  }
  if (candidate.bytes > maxFileBytes) {
    throw new Error(`${Math.ceil(candidate.bytes / 2 ** 20)} MiB: pictures may have at most ${maxFileBytes / 2 ** 20}`);
  }
  return candidate.read();
}

async function openSource(source: string): Promise<Source> {
  const stats = statOf(source);
  if (!stats) throw new UserError(`${source}: no such folder or zip`);
  if (stats.isDirectory()) return openFolder(source);
  if (!stats.isFile()) throw new UserError(`${source}: neither a folder nor a zip`);
  const file = openFile(source);
  try {
    const head = readRange(file, 0, 8);
    const format = pictureFormat(head);
    if (format) throw new UserError(`${source}: a single ${format} picture, expected a folder or a zip of them`);
    // "PK": a file's header, or, in an empty zip, the directory's end.
    if (head[0] !== 0x50 || head[1] !== 0x4b) throw new UserError(`${source}: neither a folder nor a zip`);
    return await openZip(source, file, stats.size);
  } catch (error) {
    closeSync(file);
    throw error instanceof UserError ? error : new UserError(`${source}: ${reasonOf(error)}`);
  }
}

// ---- folders ----

function openFolder(root: string): Source {
  const candidates: Candidate[] = [];
  const skipped: Photographs["skipped"] = [];
  // A folder that links lead to twice, or back to, is read once.
  const visited = new Set<string>();
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    let entries: string[];
    try {
      const real = realpathSync(join(root, folder));
      if (visited.has(real)) continue;
      visited.add(real);
      entries = readdirSync(real).filter((entry) => !isHidden(entry));
    } catch (error) {
      if (folder === "") throw new UserError(`${root}: ${reasonOf(error)}`);
      skipped.push({ name: printable(folder), reason: reasonOf(error) });
      continue;
    }
    // Pushed backwards, so that the first by name is the next: which of two links is followed is then the same everywhere.
    for (const entry of entries.sort().reverse()) {
      const name = folder === "" ? entry : `${folder}/${entry}`;
      const path = join(root, name);
      const stats = statOf(path);
      if (stats?.isDirectory()) folders.push(name);
      else {
        // Links to nowhere, pipes and devices are never opened.
        const bytes = stats?.isFile() ? stats.size : null;
        const head = () => {
          if (bytes === null) throw new Error("not a file that can be read");
          return readFile(path, 8);
        };
        candidates.push({ name, bytes: bytes ?? 0, head, read: () => readFile(path, bytes ?? 0) });
      }
    }
    if (candidates.length > maxFiles) throw new UserError(`${root}: more than ${maxFiles} files`);
  }
  return { candidates: sorted(candidates), skipped, close() {} };
}

function readFile(path: string, length: number): Uint8Array {
  const file = openSync(path, "r");
  try {
    return readRange(file, 0, length);
  } finally {
    closeSync(file);
  }
}

// ---- zips (APPNOTE.TXT) ----

/**
 * zip.js reads the directory, with all that zips have grown over the years. The entries are read here: through zip.js'
 * streams 5,000 small pictures take seconds, through node:zlib a tenth of one.
 */
async function openZip(path: string, file: number, fileBytes: number): Promise<Source> {
  const entries: { name: string; entry: ZipEntry }[] = [];
  try {
    const reader = new ZipReader(new FileReader({ file, bytes: fileBytes }), { filenameValidation: "tolerant" });
    for await (const found of reader.getEntriesGenerator()) {
      if (entries.length >= maxFiles) throw new UserError(`${path}: more than ${maxFiles} entries`);
      if (found.directory) continue;
      const name = found.filename.replaceAll("\\", "/");
      if (name.split("/").some(isHidden)) continue;
      if (found.encrypted) throw new UserError(`${path}: ${printable(name)} is encrypted, unpack the zip first`);
      entries.push({ name, entry: pick(found) });
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path}: the zip is cut short or damaged (${reasonOf(error)})`);
  }
  // A small zip can name the same compressed data in a million entries (https://www.bamsoftware.com/hacks/zipbomb/).
  const overlapping = new Set<ZipEntry>();
  let end = 0;
  for (const { entry } of entries.toSorted((a, b) => a.entry.offset - b.entry.offset)) {
    const next = entry.offset + localHeaderBytes + entry.compressedSize;
    if (entry.offset < end) overlapping.add(entry);
    if (next <= fileBytes) end = Math.max(end, next);
  }
  const candidates = entries.map(({ name, entry }) => ({
    name,
    // Both will be in memory.
    bytes: Math.max(entry.compressedSize, entry.uncompressedSize),
    head() {
      if (overlapping.has(entry)) throw new Error("its data overlap another entry's");
      return readEntryHead(file, fileBytes, entry);
    },
    read: () => readEntry(file, fileBytes, entry),
  }));
  return { candidates: sorted(candidates), skipped: [], close: () => closeSync(file) };
}

/** What reading needs of an entry: zip.js keeps kilobytes for each. */
type ZipEntry = Pick<FileEntry, "offset" | "compressedSize" | "uncompressedSize" | "compressionMethod" | "crc32">;

function pick({ offset, compressedSize, uncompressedSize, compressionMethod, crc32 }: FileEntry): ZipEntry {
  return { offset, compressedSize, uncompressedSize, compressionMethod, crc32 };
}

const localHeaderBytes = 30;
const stored = 0;
const deflated = 8;

/** Where an entry's data begin: its local header repeats the name and may have other extra fields than the directory. */
function dataOffset(file: number, fileBytes: number, entry: ZipEntry): number {
  if (entry.compressionMethod !== stored && entry.compressionMethod !== deflated) {
    throw new Error(`compression method ${entry.compressionMethod}: only stored and deflated entries are supported`);
  }
  const header = readRange(file, entry.offset, localHeaderBytes);
  const view = new DataView(header.buffer);
  if (header.length < localHeaderBytes || view.getUint32(0, true) !== 0x04034b50) {
    throw new Error("damaged zip: no entry where the directory says");
  }
  const offset = entry.offset + localHeaderBytes + view.getUint16(26, true) + view.getUint16(28, true);
  if (offset + entry.compressedSize > fileBytes) throw new Error("damaged zip: the entry ends behind the file's end");
  return offset;
}

function readEntryHead(file: number, fileBytes: number, entry: ZipEntry): Uint8Array {
  const head = readRange(file, dataOffset(file, fileBytes, entry), Math.min(headBytes, entry.compressedSize));
  if (entry.compressionMethod === stored) return head;
  return inflateRawSync(head, { finishFlush: constants.Z_SYNC_FLUSH });
}

function readEntry(file: number, fileBytes: number, entry: ZipEntry): Uint8Array {
  const raw = readRange(file, dataOffset(file, fileBytes, entry), entry.compressedSize);
  // Never more than was promised, and what was promised is at most maxFileBytes.
  const bytes =
    entry.compressionMethod === stored ? raw : inflateRawSync(raw, { maxOutputLength: entry.uncompressedSize });
  if (bytes.length !== entry.uncompressedSize) {
    throw new Error(`damaged zip: ${bytes.length} bytes, its directory says ${entry.uncompressedSize}`);
  }
  if (crc32(bytes) !== entry.crc32) throw new Error("damaged zip: wrong checksum (CRC-32)");
  return bytes;
}

/** zip.js' view of an open file. */
class FileReader extends Reader<{ file: number; bytes: number }> {
  readonly #file: number;

  constructor(value: { file: number; bytes: number }) {
    super(value);
    this.#file = value.file;
    this.size = value.bytes;
  }

  override async readUint8Array(offset: number, length: number): Promise<Uint8Array> {
    return readRange(this.#file, offset, Math.min(length, Math.max(0, this.size - offset)));
  }
}

// ---- small things ----

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

function openFile(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw new UserError(`${path}: ${reasonOf(error)}`);
  }
}

/** null: not there, or a link to nowhere, or not ours to see. */
function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

const isHidden = (entry: string) => entry.startsWith(".") || entry === "__MACOSX";

const sorted = (candidates: Candidate[]) => candidates.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));

/** Names in zips may hold anything, also what moves a terminal's cursor. */
const printable = (text: string) => text.replace(/\p{Cc}/gu, "?");

const systemReasons: Record<string, string> = {
  EACCES: "no permission to read it",
  EPERM: "no permission to read it",
  ENOENT: "it is gone",
  ELOOP: "links in a circle",
  Z_DATA_ERROR: "damaged zip: its compressed data are broken",
  Z_BUF_ERROR: "damaged zip: its compressed data are cut short",
  ERR_BUFFER_TOO_LARGE: "damaged zip: more data than its directory says",
};

/** One line. */
function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return printable(systemReasons[code ?? ""] ?? message.split("\n")[0]);
}
