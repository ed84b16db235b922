/**
 * A zip's directory, which is at the zip's end, read by zip.js within limits of our own. Entries' data do not go
 * through it: its streams take over twenty times as long as plain reading (docs/decisions.md).
 */
import type { Reader } from "@zip.js/zip.js/lib/zip-core-reader.js";
import type { Later } from "./inflate.ts";
import { maxFiles, reasonOf } from "./photographs.ts";

/** An open file. */
export interface RandomAccess {
  readonly bytes: number;
  /** Bytes [offset, offset + length), fewer where the file ends. */
  read(offset: number, length: number): Later<Uint8Array>;
}

/** What the directory says about one entry. Only the name's form was checked. */
export interface DirectoryEntry {
  /** With slashes, and without empty parts, `.` and `..`. */
  name: string;
  folder: boolean;
  encrypted: boolean;
  /** Where its local header is in the file. */
  offset: number;
  method: number;
  crc32: number;
  compressedBytes: number;
  bytes: number;
}

/** zip.js has the whole directory in memory while it reads it. A million entries with names of 100 bytes take 140 MiB. */
const maxDirectoryBytes = 256 * 2 ** 20;
/** Folders and what systems add (a `__MACOSX/._x` for each x) come on top of the files. */
const maxEntries = 2 * maxFiles;
/** After the zip's end: a mail program's newline, a signature, a tape's padding. */
const maxTrailingBytes = 65_536;
/** A directory at the right place takes ten reads or fewer; more are a search for one that is elsewhere. */
const maxReads = 10_000;

type ZipJs = typeof import("@zip.js/zip.js/lib/zip-core-reader.js");

/** Loaded with the first zip, because the page and most commands never need it. */
async function loadZipJs(): Promise<ZipJs> {
  try {
    return await import("@zip.js/zip.js/lib/zip-core-reader.js");
  } catch {
    throw new Error("the zip reader could not be loaded: check the network, or reload the page");
  }
}

/**
 * The directory's entries, in its order, hidden ones and folders too.
 * @throws Error cut short, damaged, one of several parts, encrypted, or larger than the limits
 */
export async function readDirectory(file: RandomAccess): Promise<DirectoryEntry[]> {
  const zipJs = await loadZipJs();
  // zip.js reports a failed read as a zip without an end. The user must see the read error instead.
  let failure: unknown = null;
  const watched: RandomAccess = {
    bytes: file.bytes,
    async read(offset, length) {
      try {
        return await file.read(offset, length);
      } catch (error) {
        failure ??= error;
        throw error;
      }
    },
  };
  const entries = await readAllEntries(zipJs, watched).catch((error: unknown) => {
    throw failure ?? error;
  });
  if (entries.length > maxEntries) throw new Error(`more than ${maxEntries} entries, folders and hidden ones included`);
  return entries;
}

async function readAllEntries(zipJs: ZipJs, file: RandomAccess): Promise<DirectoryEntry[]> {
  try {
    const found = await readRecords(zipJs, file);
    if (!found.countDiffers) return found.entries;
    // The end record's count is not to be relied on: archivers without zip64 write it modulo 65,536 (which zip.js repairs),
    // others plainly wrong. The directory itself decides, if it is whole.
    const directory = await walkDirectory(file, found.offset, found.bytes);
    if (directory.count === found.entries.length) return found.entries;
    const corrected = await readRecords(zipJs, withCount(file, directory));
    if (corrected.entries.length !== directory.count) {
      throw new Error(`its end record does not count the ${directory.count} entries of its directory`);
    }
    return corrected.entries;
  } catch (error) {
    if ((error as Error).message === zipJs.ERR_ENCRYPTED_CENTRAL_DIRECTORY) {
      throw new Error("its directory is encrypted, unpack the zip first");
    }
    throw new Error(`the zip is cut short or damaged (${reasonIn(zipJs, error)})`);
  }
}

interface Records {
  entries: DirectoryEntry[];
  /** The directory may have more or fewer entries than the end record counts; these are no more than it has. */
  countDiffers: boolean;
  /** Where the directory is in the file, and its length according to the end record. */
  offset: number;
  bytes: number;
}

async function readRecords(zipJs: ZipJs, file: RandomAccess): Promise<Records> {
  // zip.js asks no more than this of a reader, unless it reads entries' data.
  const access = limited(file) as unknown as Reader<unknown>;
  const reader = new zipJs.ZipReader(access, {
    // Names are not used as paths to write to, and everything else that it tolerates is checked below or with each entry.
    strictness: "tolerant",
    maxAppendedDataSize: maxTrailingBytes,
    decodeText: (bytes, _encoding, type) => (type === "filename" ? decodeName(bytes) : ""),
    useWebWorkers: false,
  });
  const entries: DirectoryEntry[] = [];
  let countDiffers = false;
  try {
    for await (const entry of reader.getEntriesGenerator()) {
      if (entries.length > maxEntries) break;
      const slashed = entry.filename.replaceAll("\\", "/");
      entries.push({
        name: normalised(slashed),
        // Some archivers only say it in the attributes; a file of that kind with data in it is a file all the same.
        folder: slashed.endsWith("/") || (entry.directory && entry.uncompressedSize === 0),
        encrypted: entry.encrypted,
        offset: entry.offset,
        method: entry.compressionMethod,
        crc32: entry.crc32!,
        compressedBytes: entry.compressedSize,
        bytes: entry.uncompressedSize,
      });
    }
    countDiffers = reader.warnings!.some(({ reason }) => reason === zipJs.WARNING_TRAILING_CENTRAL_DIRECTORY_DATA);
  } catch (error) {
    // The end record counts more entries than follow each other.
    if (entries.length === 0 || (error as Error).message !== zipJs.ERR_CENTRAL_DIRECTORY_NOT_FOUND) throw error;
    countDiffers = true;
  }
  return { entries, countDiffers, offset: reader.directoryOffset!, bytes: reader.directoryLength! };
}

/** What zip.js reads: inside the file, never more than a directory may have, in a limited number of reads. */
function limited(file: RandomAccess) {
  let reads = 0;
  return {
    size: file.bytes,
    async readUint8Array(offset: number, length: number): Promise<Uint8Array> {
      if (++reads > maxReads) throw new Error("its directory is not where it says");
      const inside = offset >= 0 ? Math.min(length, file.bytes - offset) : 0;
      if (inside > maxDirectoryBytes) {
        throw new Error(`a directory of ${Math.ceil(inside / 2 ** 20)} MiB, at most ${maxDirectoryBytes / 2 ** 20}`);
      }
      return inside > 0 ? await file.read(offset, inside) : new Uint8Array(0);
    },
  };
}

function reasonIn(zipJs: ZipJs, error: unknown): string {
  if (error instanceof RangeError || error instanceof TypeError) return "its directory is incomplete";
  const reason = reasonOf(error);
  switch (reason) {
    case zipJs.ERR_BAD_FORMAT:
    case zipJs.ERR_EOCDR_NOT_FOUND:
      return "its directory's end is missing";
    case zipJs.ERR_AMBIGUOUS_ARCHIVE:
      return `more than ${maxTrailingBytes} bytes after its end`;
    case zipJs.ERR_EOCDR_LOCATOR_ZIP64_NOT_FOUND:
      return "its directory's 64-bit end is missing";
    case zipJs.ERR_CENTRAL_DIRECTORY_NOT_FOUND:
      return "its directory is not where it says";
    case zipJs.ERR_SPLIT_ZIP_FILE:
      return "it is one of several parts";
    case zipJs.ERR_UNSUPPORTED_UINT64:
      return "a size larger than any file's";
    default:
      return reason;
  }
}

// ---- names ----

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const windows1252 = new TextDecoder("windows-1252");

/**
 * UTF-8 if it is valid, whether the entry says so or not (many Unix tools do not). Otherwise a guess that gives every
 * byte its own character, so that different names remain different.
 */
function decodeName(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return windows1252.decode(bytes);
  }
}

/** `./1.png`, `/1.png` and `../cats/../1.png` are 1.png. What has nothing else in it (`..`) stays as it is. */
function normalised(name: string): string {
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/") || name;
}

// ---- a wrong count ----

const signatures = { entry: 0x02014b50, digitalSignature: 0x05054b50, largeEnd: 0x06064b50, end: 0x06054b50 };

interface Directory {
  /** How many entries follow each other. */
  count: number;
  /** Where the end record is in the file, and its 64-bit counterpart if there is one. */
  end: number;
  largeEnd: number | null;
}

/** @throws Error there is something else where the next entry or the end should be */
async function walkDirectory(file: RandomAccess, offset: number, bytes: number): Promise<Directory> {
  const view = viewOf(await limited(file).readUint8Array(offset, file.bytes - offset));
  const has = (signature: number, at: number) => at + 4 <= view.byteLength && view.getUint32(at, true) === signature;
  let [count, at] = [0, 0];
  while (has(signatures.entry, at) && at + 46 <= view.byteLength) {
    at += 46 + view.getUint16(at + 28, true) + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    count++;
  }
  const ends = [signatures.end, signatures.largeEnd, signatures.digitalSignature].some((end) => has(end, at));
  if (!ends && at !== bytes) throw new Error(`its directory is damaged after entry ${count}`);
  let largeEnd: number | null = null;
  for (; at < view.byteLength; at++) {
    if (has(signatures.largeEnd, at)) largeEnd ??= offset + at;
    if (has(signatures.end, at)) return { count, end: offset + at, largeEnd };
  }
  throw new Error("its directory's end is missing");
}

/** The file as it would be with the right count in its end record. */
function withCount(file: RandomAccess, { count, end, largeEnd }: Directory): RandomAccess {
  // Without zip64 the count is modulo 65,536; with it, 65,535 says that the 64-bit record has the count.
  const small = new Uint8Array(new Uint16Array(2).fill(largeEnd === null ? count : 0xffff).buffer);
  const patches: [offset: number, bytes: Uint8Array][] = [[end + 8, small]];
  if (largeEnd !== null) {
    patches.push([largeEnd + 24, new Uint8Array(new BigUint64Array(2).fill(BigInt(count)).buffer)]);
  }
  return {
    bytes: file.bytes,
    async read(offset, length) {
      const result = Uint8Array.from(await file.read(offset, length));
      for (const [at, bytes] of patches) {
        for (const [i, byte] of bytes.entries()) {
          const place = at + i - offset;
          if (place >= 0 && place < result.length) result[place] = byte;
        }
      }
      return result;
    },
  };
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
