/**
 * Safetensors files of F32 and F16 tensors: u64 header length (little-endian), a JSON header padded with spaces, the
 * numbers.
 *
 * The reader trusts nothing: a checkpoint may be cut short, damaged or malicious. So the header is parsed by a small
 * grammar of our own (JSON.parse hides duplicate keys and accepts unbounded nesting), and memory is allocated only after
 * every declared size has been checked against the file's length.
 *
 * Files written here carry a checksum as the metadata entry `"checksum": "crc32:1a2b3c4d"`: the CRC-32 of the whole file
 * with these eight digits set to 0. Other readers ignore it. A file without one is read as well.
 * Format: https://github.com/huggingface/safetensors#format
 */
import { crc32 } from "../data/crc32.ts";
import { fromHalf } from "./float16.ts";

export interface NamedTensor {
  /** Dimensions, outermost first; [] is a scalar. */
  shape: number[];
  /** Row-major; as many numbers as the product of `shape`. */
  data: Float32Array;
}

/** What can be written: f32, or f16 as its bits. */
export interface EncodableTensor {
  shape: number[];
  data: Float32Array | Uint16Array;
}

/** The format allows 100 MB; our headers are some ten KB. */
const maxHeaderBytes = 2 ** 20;
const lengthBytes = 8;
const metadataKey = "__metadata__";
const checksumKey = "checksum";
const checksumPrefix = "crc32:";
/** Takes the place of the checksum in the file while it is computed. */
const noDigits = "00000000";
/** Bytes of a number. */
const widths: Readonly<Record<string, number>> = { F32: 4, F16: 2 };
const otherTypes = /^(BOOL|[UI](8|16|32|64)|BF16|F64|C64|F8_\w+|F[46]_\w+)$/;

/**
 * @param tensors written in the map's order
 * @param metadata a `checksum` in it is replaced by the file's own
 * @returns the whole file; the numbers begin at a multiple of 8 bytes
 * @throws Error when a shape and its data disagree, or names and metadata make a header above 1 MiB
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, EncodableTensor>,
  metadata: Record<string, string>,
): Uint8Array {
  // Entries are joined as text: an object would lose a tensor named __proto__ and put names like "7" first.
  const strings = Object.entries(metadata).filter(([key]) => key !== checksumKey);
  // The checksum comes first, so that it is at the same place in every file.
  strings.unshift([checksumKey, checksumPrefix + noDigits]);
  const metadataEntries = strings.map((pair) => pair.map((text) => JSON.stringify(text)).join(":"));
  const entries = [`"${metadataKey}":{${metadataEntries.join(",")}}`];
  let end = 0;
  for (const [name, { shape, data }] of tensors) {
    if (name === metadataKey) throw new Error(`safetensors: a tensor cannot be named ${metadataKey}`);
    if (!shape.every(isSize) || shape.reduce((product, size) => product * size, 1) !== data.length) {
      throw new Error(`safetensors: tensor ${quote(name)} has shape [${shape}] and ${data.length} numbers`);
    }
    const begin = end;
    end += data.byteLength;
    const dtype = data instanceof Float32Array ? "F32" : "F16";
    entries.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
  }
  const header = new TextEncoder().encode(`{${entries.join(",")}}`);
  const headerLength = Math.ceil(header.length / 8) * 8;
  if (headerLength > maxHeaderBytes) {
    throw new Error(`safetensors: names and metadata make a header of ${headerLength} bytes, the most is 1 MiB`);
  }

  const dataStart = lengthBytes + headerLength;
  const bytes = new Uint8Array(dataStart + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.set(header, lengthBytes);
  bytes.fill(0x20, lengthBytes + header.length, dataStart);
  let at = dataStart;
  for (const { data } of tensors.values()) {
    // Every machine that runs WebGPU is little-endian, as the format is.
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  const place = lengthBytes + `{"${metadataKey}":{"${checksumKey}":"${checksumPrefix}`.length;
  bytes.set(new TextEncoder().encode(checksumAt(bytes, place)), place);
  return bytes;
}

/** Eight hexadecimal digits: the CRC-32 of the file as if the eight bytes at `place` were the character 0. */
function checksumAt(bytes: Uint8Array, place: number): string {
  let crc = crc32(bytes.subarray(0, place));
  crc = crc32(new TextEncoder().encode(noDigits), crc);
  crc = crc32(bytes.subarray(place + noDigits.length), crc);
  return crc.toString(16).padStart(noDigits.length, "0");
}

export interface DecodedFile {
  /** Copies, F16 as f32, in the header's order. */
  tensors: Map<string, NamedTensor>;
  /** Without the checksum. */
  metadata: Record<string, string>;
  /** Whether the file had a checksum, and so is known to be undamaged. */
  verified: boolean;
}

/** @throws Error `safetensors: …` with what is wrong, in one line, whatever the bytes are */
export function decodeSafetensors(bytes: Uint8Array): DecodedFile {
  const headerLength = readHeaderLength(bytes);
  const dataStart = lengthBytes + headerLength;
  const text = decodeUtf8(bytes.subarray(lengthBytes, dataStart));
  const { entries, metadata, checksumEnd } = readHeader(text);
  checkLayout(entries, bytes.length - dataStart);
  const checksum = metadata.get(checksumKey);
  const verified = checksum !== undefined;
  if (verified) {
    const end = lengthBytes + new TextEncoder().encode(text.slice(0, checksumEnd)).length;
    verify(bytes, checksum, end);
    metadata.delete(checksumKey);
  }

  const tensors = new Map<string, NamedTensor>();
  for (const [name, { width, shape, begin, end }] of entries) {
    // A copy, since a view needs a multiple of 4 as its offset, which files of other writers need not have.
    const { buffer } = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
    const data = width === 4 ? new Float32Array(buffer) : Float32Array.from(new Uint16Array(buffer), fromHalf);
    tensors.set(name, { shape, data });
  }
  return { tensors, metadata: Object.fromEntries(metadata), verified };
}

/**
 * @param end the byte after the checksum's last digit
 * @throws Error when the bytes are not those that the checksum was computed from
 */
function verify(bytes: Uint8Array, checksum: string, end: number): void {
  const found = checksumPrefix + checksumAt(bytes, end - noDigits.length);
  if (checksum === found) return;
  throw damaged(`its checksum is ${quote(checksum)}, its bytes give ${quote(found)}`);
}

/** A tensor as the header declares it: bytes begin … end of the data that follow the header. */
interface Entry {
  /** Bytes of a number. */
  width: number;
  shape: number[];
  begin: number;
  end: number;
}

function readHeaderLength(bytes: Uint8Array): number {
  if (bytes.length < lengthBytes) throw damaged(`${bytes.length} bytes, fewer than the header's length takes`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) throw damaged(`a header of ${length} bytes, the most is 1 MiB`);
  if (length > BigInt(bytes.length - lengthBytes)) {
    throw damaged(`a header of ${length} bytes in a file of ${bytes.length}`);
  }
  return Number(length);
}

function decodeUtf8(header: Uint8Array): string {
  if (header[0] !== 0x7b) throw damaged("the header does not start with {");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(header);
  } catch {
    throw damaged("the header is not UTF-8");
  }
}

/** The tensors tile the data from 0 to the end, in any order of the header: no overlap, no hole, nothing after. */
function checkLayout(entries: ReadonlyMap<string, Entry>, dataBytes: number): void {
  const sorted = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const [name, { width, shape, begin, end }] of sorted) {
    const numbers = product(name, shape);
    // Not numbers × width, which need not be a safe integer.
    if (end < begin || (end - begin) / width !== numbers) {
      throw damaged(`tensor ${quote(name)} of shape [${brief(shape.join())}] has data_offsets [${begin},${end}]`);
    }
    if (begin !== at) {
      throw damaged(
        `tensor ${quote(name)} starts at ${begin}, ${begin < at ? "inside" : "not at"} the end of the last, ${at}`,
      );
    }
    at = end;
  }
  if (at !== dataBytes) throw damaged(`its tensors take ${at} bytes, it has ${dataBytes}`);
}

function product(name: string, shape: readonly number[]): number {
  let numbers = 1;
  for (const size of shape) {
    if (size > 0 && numbers > Number.MAX_SAFE_INTEGER / size) {
      throw damaged(`tensor ${quote(name)} of shape [${brief(shape.join())}] is beyond all bounds`);
    }
    numbers *= size;
  }
  return numbers;
}

// ---- the header's grammar: an object of tensors, each an object of three known keys ----

interface Scan {
  readonly text: string;
  at: number;
}

interface Header {
  entries: Map<string, Entry>;
  metadata: Map<string, string>;
  /** Index in the header's text after the checksum's last character; 0 without a checksum. */
  checksumEnd: number;
}

function readHeader(text: string): Header {
  const scan = { text, at: 0 };
  const header: Header = { entries: new Map(), metadata: new Map(), checksumEnd: 0 };
  readObject(scan, "the header", (key) => {
    if (key === metadataKey) {
      readObject(scan, metadataKey, (name) => {
        header.metadata.set(name, readString(scan));
        if (name === checksumKey) header.checksumEnd = scan.at - 1;
      });
    } else header.entries.set(key, readEntry(scan, key));
  });
  skipSpace(scan);
  if (scan.at < text.length) throw unexpected(scan, "the end of the header");
  return header;
}

function readEntry(scan: Scan, name: string): Entry {
  const where = `tensor ${quote(name)}`;
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  readObject(scan, where, (key) => {
    if (key === "dtype") dtype = readString(scan);
    else if (key === "shape") shape = readSizes(scan);
    else if (key === "data_offsets") offsets = readSizes(scan);
    else throw damaged(`${where} has an unknown key ${quote(key)}`);
  });
  if (dtype === undefined || shape === undefined || offsets === undefined) {
    throw damaged(`${where} lacks ${dtype === undefined ? "dtype" : shape === undefined ? "shape" : "data_offsets"}`);
  }
  if (!Object.hasOwn(widths, dtype)) {
    if (!otherTypes.test(dtype)) throw damaged(`${where} has an unknown dtype ${quote(dtype)}`);
    throw new Error(`safetensors: ${where} has dtype ${brief(dtype)}, only F32 and F16 can be read: convert the file`);
  }
  if (offsets.length !== 2) throw damaged(`${where} has ${offsets.length} data_offsets, expected 2`);
  return { width: widths[dtype], shape, begin: offsets[0], end: offsets[1] };
}

/** Calls `readValue` with each key, the scan standing on its value; refuses a key that came before. */
function readObject(scan: Scan, where: string, readValue: (key: string) => void): void {
  expect(scan, "{");
  if (accept(scan, "}")) return;
  const keys = new Set<string>();
  do {
    const key = readString(scan);
    if (keys.has(key)) throw damaged(`${where} has the key ${quote(key)} twice`);
    keys.add(key);
    expect(scan, ":");
    readValue(key);
  } while (accept(scan, ","));
  expect(scan, "}");
}

function readSizes(scan: Scan): number[] {
  expect(scan, "[");
  const sizes: number[] = [];
  if (accept(scan, "]")) return sizes;
  do sizes.push(readSize(scan));
  while (accept(scan, ","));
  expect(scan, "]");
  return sizes;
}

const digits = /0(?![0-9])|[1-9][0-9]*/y;

function readSize(scan: Scan): number {
  skipSpace(scan);
  digits.lastIndex = scan.at;
  const found = digits.exec(scan.text);
  const size = Number(found?.[0]);
  if (!isSize(size)) throw unexpected(scan, "a whole number of at most 2^53 − 1");
  scan.at = digits.lastIndex;
  return size;
}

function readString(scan: Scan): string {
  skipSpace(scan);
  const start = scan.at;
  if (scan.text[start] !== '"') throw unexpected(scan, "a string");
  let end = start + 1;
  while (end < scan.text.length && scan.text[end] !== '"') end += scan.text[end] === "\\" ? 2 : 1;
  scan.at = end + 1;
  try {
    // Judges the escapes and control characters, and a string that never ends.
    return JSON.parse(scan.text.slice(start, scan.at));
  } catch {
    throw damaged(`the header has a malformed string at character ${start}`);
  }
}

function accept(scan: Scan, sign: string): boolean {
  skipSpace(scan);
  const found = scan.text[scan.at] === sign;
  if (found) scan.at++;
  return found;
}

function expect(scan: Scan, sign: string): void {
  if (!accept(scan, sign)) throw unexpected(scan, sign);
}

function skipSpace(scan: Scan): void {
  while (scan.at < scan.text.length && " \t\n\r".includes(scan.text[scan.at])) scan.at++;
}

// ---- words ----

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function unexpected({ text, at }: Scan, expected: string): Error {
  const came = at < text.length ? quote(text.slice(at, at + 12)) : "its end";
  return damaged(`the header has ${came} at character ${at}, expected ${expected}`);
}

function damaged(what: string): Error {
  return new Error(`safetensors: ${what}: the file is damaged`);
}

/** A name in one line: escaped, and cut where it is long, for a damaged file can hold anything. */
function quote(name: string): string {
  return JSON.stringify(brief(name));
}

function brief(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}
