/**
 * Zips (APPNOTE.TXT) of any age and size, read in place: first the directory, which stands at the end, then one entry at
 * a time. Nothing in it is believed before it was checked, and nothing is inflated past what the directory promises.
 */
import { crc32 } from "./crc32.ts";
import { type Inflate, InflateError, type Later } from "./inflate.ts";
import { type Candidate, isHidden, maxFiles, printable, reasonOf } from "./photographs.ts";

/** An open file. */
export interface RandomAccess {
  readonly bytes: number;
  /** Bytes [offset, offset + length), fewer where the file ends. */
  read(offset: number, length: number): Later<Uint8Array>;
}

/** How this machine inflates. */
export interface Inflating {
  inflate: Inflate;
  /** What can be had from the beginning of raw deflated data, a KiB or less of it; a few MiB at most. */
  inflateBeginning(data: Uint8Array): Later<Uint8Array>;
}

interface Entry {
  name: string;
  /** Where its local header is. */
  offset: number;
  method: number;
  crc32: number;
  compressedBytes: number;
  bytes: number;
}

const localHeaderBytes = 30;
const entryHeaderBytes = 46;
const endBytes = 22;
const stored = 0;
const deflated = 8;
/** Compressed bytes that surely give an entry's first 64, behind deflate's table of code lengths. */
const compressedBeginning = 1024;

/** "PK": a file's header, or, in an empty zip, the directory's end. */
export const beginsLikeZip = (bytes: Uint8Array) => bytes[0] === 0x50 && bytes[1] === 0x4b;

/**
 * The zip's files, but for folders and what is hidden.
 * @throws Error encrypted, cut short, damaged, or more entries than are read
 */
export async function openZip(file: RandomAccess, inflating: Inflating): Promise<Candidate[]> {
  const entries: Entry[] = [];
  for await (const { flags, ...entry } of readDirectory(file)) {
    if (entries.length >= maxFiles) throw new Error(`more than ${maxFiles} entries`);
    if (entry.name.endsWith("/") || entry.name.split("/").some(isHidden)) continue;
    if (flags & encryptedFlag) throw new Error(`${printable(entry.name)} is encrypted, unpack the zip first`);
    entries.push(entry);
  }
  // A small zip can name the same compressed data in a million entries (https://www.bamsoftware.com/hacks/zipbomb/).
  const overlapping = new Set<Entry>();
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
      // Both will be in memory; what ends behind the file's end is not read at all.
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

// ---- entries ----

/** Where an entry's data begin: its local header repeats the name and may have other extra fields than the directory. */
async function dataOffset(file: RandomAccess, entry: Entry): Promise<number> {
  if (entry.method !== stored && entry.method !== deflated) {
    throw new Error(`compression method ${entry.method}: only stored and deflated entries are supported`);
  }
  const header = viewOf(await file.read(entry.offset, localHeaderBytes));
  if (header.byteLength < localHeaderBytes || header.getUint32(0, true) !== 0x04034b50) {
    throw new Error("damaged zip: no entry where the directory says");
  }
  const offset = entry.offset + localHeaderBytes + header.getUint16(26, true) + header.getUint16(28, true);
  if (offset + entry.compressedBytes > file.bytes) {
    throw new Error("damaged zip: the entry ends behind the file's end");
  }
  return offset;
}

async function readEntry(file: RandomAccess, entry: Entry, inflate: Inflate): Promise<Uint8Array> {
  const data = await file.read(await dataOffset(file, entry), entry.compressedBytes);
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

// ---- the directory ----

const encryptedFlag = 1;
const utf8Flag = 1 << 11;
/** Directories of many entries are read in pieces of this size. */
const pieceBytes = 2 ** 20;

async function* readDirectory(file: RandomAccess): AsyncGenerator<Entry & { flags: number }> {
  try {
    const { offset, bytes, count, shift } = await findDirectory(file);
    let at = offset;
    const end = offset + bytes;
    let piece = new Uint8Array(0);
    let from = 0;
    for (let i = 0; i < count; i++) {
      // The longest possible entry is whole in what is in memory.
      if (piece.length - from < entryHeaderBytes + 3 * 65535 && at < end) {
        const more = await file.read(at, Math.min(pieceBytes, end - at));
        if (more.length === 0) throw new Error("its directory is not whole");
        at += more.length;
        const joined = new Uint8Array(piece.length - from + more.length);
        joined.set(piece.subarray(from));
        joined.set(more, piece.length - from);
        [piece, from] = [joined, 0];
      }
      const record = viewOf(piece.subarray(from));
      if (record.byteLength < entryHeaderBytes || record.getUint32(0, true) !== 0x02014b50) {
        throw new Error(`its directory promises ${count} entries and has ${i}`);
      }
      const [nameBytes, extraBytes] = [record.getUint16(28, true), record.getUint16(30, true)];
      const recordBytes = entryHeaderBytes + nameBytes + extraBytes + record.getUint16(32, true);
      if (recordBytes > record.byteLength) throw new Error("its directory is not whole");
      const start = from + entryHeaderBytes;
      const name = piece.subarray(start, start + nameBytes);
      const extra = piece.subarray(start + nameBytes, start + nameBytes + extraBytes);
      yield readRecord(record, name, extra, shift);
      from += recordBytes;
    }
  } catch (error) {
    throw new Error(`the zip is cut short or damaged (${reasonOf(error)})`);
  }
}

function readRecord(record: DataView, name: Uint8Array, extra: Uint8Array, shift: number): Entry & { flags: number } {
  const flags = record.getUint16(8, true);
  // Sizes and offsets that need more than 32 bits follow in an extra field, in this order.
  const large = zip64Field(extra);
  const [bytes, compressedBytes, offset] = [24, 20, 42].map((at) => {
    const value = record.getUint32(at, true);
    return value === 0xffffffff && large ? large() : value;
  });
  return {
    name: nameOf(name, flags).replaceAll("\\", "/"),
    flags,
    method: record.getUint16(10, true),
    crc32: record.getUint32(16, true),
    compressedBytes,
    bytes,
    offset: offset + shift,
  };
}

/** Reads one 64-bit number of the extra field 0x0001 after the other; null where there is no such field. */
function zip64Field(extra: Uint8Array): (() => number) | null {
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.length; ) {
    const [id, length] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    at += 4;
    if (id === 1) {
      return () => {
        if (at + 8 > extra.length) throw new Error("a 64-bit size is missing");
        return readUint64(view, (at += 8) - 8);
      };
    }
    at += length;
  }
  return null;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
const utf8Tolerant = new TextDecoder("utf-8");
const latin1 = new TextDecoder("windows-1252");

/** UTF-8 where the entry says so, and where it does not but is (as from many Unix tools); else a guess. */
function nameOf(bytes: Uint8Array, flags: number): string {
  if (flags & utf8Flag) return utf8Tolerant.decode(bytes);
  try {
    return utf8.decode(bytes);
  } catch {
    return latin1.decode(bytes);
  }
}

interface Directory {
  offset: number;
  bytes: number;
  count: number;
  /** What to add to every offset of the zip's: something may stand before it, as in self-extracting ones. */
  shift: number;
}

/** The record at the zip's end says where the directory is; behind it there may be a comment of up to 64 KiB. */
async function findDirectory(file: RandomAccess): Promise<Directory> {
  const tailBytes = Math.min(file.bytes, endBytes + 65535);
  const tail = viewOf(await file.read(file.bytes - tailBytes, tailBytes));
  for (let at = tail.byteLength - endBytes; at >= 0; at--) {
    if (tail.getUint32(at, true) !== 0x06054b50) continue;
    // Else these are bytes of a comment that look like it.
    if (at + endBytes + tail.getUint16(at + 20, true) !== tail.byteLength) continue;
    const end = file.bytes - tailBytes + at;
    return checked(
      (await findLargeDirectory(file, end)) ?? readEnd(new DataView(tail.buffer, tail.byteOffset + at), end),
    );
  }
  throw new Error("its directory's end is missing");
}

interface End {
  disk: number;
  count: number;
  bytes: number;
  /** As the zip has it. */
  offset: number;
  /** Where the directory's last byte is followed by this record. */
  at: number;
}

const readEnd = (record: DataView, at: number): End => ({
  disk: Math.max(record.getUint16(4, true), record.getUint16(6, true)),
  count: record.getUint16(10, true),
  bytes: record.getUint32(12, true),
  offset: record.getUint32(16, true),
  at,
});

/** zip64: a locator before the end record names another end record, with 64-bit numbers. */
async function findLargeDirectory(file: RandomAccess, end: number): Promise<End | null> {
  if (end < 20) return null;
  const locator = viewOf(await file.read(end - 20, 20));
  if (locator.byteLength < 20 || locator.getUint32(0, true) !== 0x07064b50) return null;
  // Where something stands before the zip the locator's offset is too small; the record then is right before the locator.
  for (const at of [readUint64(locator, 8), end - 20 - 56]) {
    if (at < 0) continue;
    const record = viewOf(await file.read(at, 56));
    if (record.byteLength < 56 || record.getUint32(0, true) !== 0x06064b50) continue;
    return {
      disk: Math.max(record.getUint32(16, true), record.getUint32(20, true)),
      count: readUint64(record, 32),
      bytes: readUint64(record, 40),
      offset: readUint64(record, 48),
      at,
    };
  }
  throw new Error("its directory's 64-bit end is missing");
}

function checked({ disk, count, bytes, offset, at }: End): Directory {
  if (disk > 0) throw new Error("it is one of several parts");
  const shift = at - bytes - offset;
  if (shift < 0) throw new Error("its directory is not where it says");
  if (count * entryHeaderBytes > bytes) throw new Error(`its directory of ${bytes} bytes cannot hold ${count} entries`);
  return { offset: offset + shift, bytes, count, shift };
}

function readUint64(view: DataView, at: number): number {
  const value = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
  if (!Number.isSafeInteger(value)) throw new Error("a size beyond all files");
  return value;
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
