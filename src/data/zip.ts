/**
 * Zips (APPNOTE.TXT) of any age and size, read in place: first the directory, then one entry at a time. Nothing in a zip is
 * trusted before it has been checked, and nothing is inflated beyond the size that the directory states.
 */
import { crc32 } from "./crc32.ts";
import { type Inflate, InflateError, type Later } from "./inflate.ts";
import { type Candidate, isHidden, maxFiles, printable } from "./photographs.ts";
import { type DirectoryEntry, type RandomAccess, readDirectory } from "./zip_directory.ts";

/** How this machine inflates. */
export interface Inflating {
  inflate: Inflate;
  /** Inflates as much as possible of the beginning of raw deflated data, a KiB or less; returns a few MiB at most. */
  inflateBeginning(data: Uint8Array): Later<Uint8Array>;
}

const localHeaderBytes = 30;
const stored = 0;
const deflated = 8;
/** Windows' own archiver uses it for files of 2 GiB and more. */
const deflate64 = 9;
/** Deflate cannot do better: 258 bytes from 2 bits. */
const maxExpansion = 1032;
/** Enough compressed bytes for an entry's first 64, after deflate's table of code lengths. */
const compressedBeginning = 1024;

/** "PK": a file's header, or, in an empty zip, the directory's end. */
export const beginsLikeZip = (bytes: Uint8Array) => bytes[0] === 0x50 && bytes[1] === 0x4b;

/**
 * The zip's files, without folders and hidden files. Two files with the same name are both included.
 * @throws Error encrypted, cut short, damaged, or more entries than are read
 */
export async function openZip(file: RandomAccess, inflating: Inflating): Promise<Candidate[]> {
  const entries = (await readDirectory(file)).filter(({ name, folder }) => !folder && !name.split("/").some(isHidden));
  if (entries.length > maxFiles) throw new Error(`more than ${maxFiles} entries`);
  const secret = entries.find(({ encrypted }) => encrypted);
  if (secret) throw new Error(`${printable(secret.name)} is encrypted, unpack the zip first`);
  // A small zip can name the same compressed data in a million entries (https://www.bamsoftware.com/hacks/zipbomb/).
  const overlapping = new Set<DirectoryEntry>();
  let end = 0;
  for (const entry of entries.toSorted((a, b) => a.offset - b.offset)) {
    const next = entry.offset + localHeaderBytes + entry.compressedBytes;
    if (entry.offset < end) overlapping.add(entry);
    if (next <= file.bytes) end = Math.max(end, next);
  }
  return entries.map((entry) => {
    const guard = () => {
      if (overlapping.has(entry)) throw new Error("its data overlap another entry's");
    };
    return {
      name: entry.name,
      // Both will be in memory; an entry that ends after the file's end is not read at all.
      bytes: Math.max(Math.min(entry.compressedBytes, file.bytes), entry.bytes),
      async beginning() {
        guard();
        const data = await file.read(
          await dataOffset(file, entry),
          Math.min(compressedBeginning, entry.compressedBytes),
        );
        return entry.method === stored ? data : inflating.inflateBeginning(data);
      },
      async read() {
        guard();
        return await readEntry(file, entry, inflating.inflate);
      },
    };
  });
}

/** Where an entry's data begin: its local header repeats the name and may have other extra fields than the directory. */
async function dataOffset(file: RandomAccess, entry: DirectoryEntry): Promise<number> {
  if (entry.method !== stored && entry.method !== deflated) {
    const called = entry.method === deflate64 ? " (Deflate64)" : "";
    throw new Error(`compression method ${entry.method}${called}: only stored and deflated entries are supported`);
  }
  const header = await file.read(entry.offset, localHeaderBytes);
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (view.byteLength < localHeaderBytes || view.getUint32(0, true) !== 0x04034b50) {
    throw new Error("damaged zip: no entry where the directory says");
  }
  const offset = entry.offset + localHeaderBytes + view.getUint16(26, true) + view.getUint16(28, true);
  if (offset + entry.compressedBytes > file.bytes) {
    throw new Error("damaged zip: the entry ends after the file's end");
  }
  return offset;
}

async function readEntry(file: RandomAccess, entry: DirectoryEntry, inflate: Inflate): Promise<Uint8Array> {
  const offset = await dataOffset(file, entry);
  const max = entry.compressedBytes * (entry.method === stored ? 1 : maxExpansion);
  if (entry.bytes > max) {
    throw new Error(`damaged zip: at most ${max} bytes, its directory says ${entry.bytes}`);
  }
  const data = await file.read(offset, entry.compressedBytes);
  const bytes = entry.method === stored ? data : await inflateEntry(data, entry.bytes, inflate);
  if (bytes.length !== entry.bytes) {
    throw new Error(`damaged zip: ${bytes.length} bytes, its directory says ${entry.bytes}`);
  }
  if (crc32(bytes) !== entry.crc32) throw new Error("damaged zip: wrong checksum (CRC-32)");
  return bytes;
}

async function inflateEntry(data: Uint8Array, bytes: number, inflate: Inflate): Promise<Uint8Array> {
  try {
    return await inflate(data, "raw", bytes);
  } catch (error) {
    if (!(error instanceof InflateError)) throw error;
    throw new Error(`damaged zip: ${error.fault === "too long" ? "more data than its directory says" : error.message}`);
  }
}
