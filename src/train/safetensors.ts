/**
 * Safetensors files of F32 and F16 tensors:
 *
 *     8 bytes   the header's length, little-endian
 *     header    JSON, padded with spaces: see safetensors_header.ts
 *     data      the numbers, tensor after tensor
 *
 * The reader trusts nothing: a checkpoint may be cut short, damaged or malicious. Memory is allocated only after every
 * declared size has been checked against the file's length.
 *
 * Files written here carry a checksum as the metadata entry `"checksum": "crc32:1a2b3c4d"`: the CRC-32 of the whole file
 * with these eight digits set to 0. Other readers ignore it, and files without one can be read as well.
 * Format: https://github.com/huggingface/safetensors#format
 */
import { crc32 } from "../data/crc32.ts";
import { fromHalf } from "./float16.ts";
import {
  checksumKey,
  damaged,
  isSize,
  listed,
  metadataKey,
  quote,
  readHeader,
  type TensorEntry,
  widths,
} from "./safetensors_header.ts";

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

/** The format allows 100 MB. Ours are about ten KB. */
const maxHeaderBytes = 2 ** 20;
const lengthBytes = 8;
const checksumPrefix = "crc32:";
/** Takes the place of the checksum in the file while it is computed. */
const noDigits = "00000000";

// Writing

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
    throw new Error(`safetensors: names and metadata need a header of ${headerLength} bytes, at most 1 MiB is allowed`);
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

// Reading

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
  for (const [name, { dtype, shape, begin, end }] of entries) {
    // A copy, since a view needs a multiple of 4 as its offset, which files of other writers need not have.
    const { buffer } = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
    const data = dtype === "F32" ? new Float32Array(buffer) : Float32Array.from(new Uint16Array(buffer), fromHalf);
    tensors.set(name, { shape, data });
  }
  return { tensors, metadata: Object.fromEntries(metadata), verified };
}

function readHeaderLength(bytes: Uint8Array): number {
  if (bytes.length < lengthBytes) throw damaged(`a file of ${bytes.length} bytes, which is too short`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes))
    throw notSafetensors(`its header would have ${length} bytes, at most 1 MiB is allowed`);
  const left = bytes.length - lengthBytes;
  if (length > BigInt(left)) throw damaged(`its header has ${length} bytes, but only ${left} are there`);
  return Number(length);
}

function decodeUtf8(header: Uint8Array): string {
  if (header[0] !== 0x7b) throw notSafetensors("its header does not start with {");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(header);
  } catch {
    throw damaged("its header is not UTF-8");
  }
}

/** An error in the part that every safetensors file begins with. */
function notSafetensors(what: string): Error {
  return new Error(`safetensors: ${what}: another kind of file, or a damaged one`);
}

/** Tensors must fill the data from start to end, in any order: without overlaps, gaps or bytes left over. */
function checkLayout(entries: ReadonlyMap<string, TensorEntry>, dataBytes: number): void {
  const sorted = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const [name, { dtype, shape, begin, end }] of sorted) {
    const numbers = product(name, shape);
    // Not numbers × width, which need not be a safe integer.
    if (end < begin || (end - begin) / widths[dtype] !== numbers) {
      throw damaged(`tensor ${quote(name)} of shape ${listed(shape)} does not fit its data_offsets [${begin},${end}]`);
    }
    if (begin !== at) {
      const problem =
        begin < at ? "overlaps the tensor before it, which ends" : "leaves a gap after the last byte in use,";
      throw damaged(`tensor ${quote(name)} starts at byte ${begin} and ${problem} at ${at}`);
    }
    at = end;
  }
  if (at > dataBytes) throw damaged(`its tensors need ${at} bytes, but only ${dataBytes} are there`);
  if (at < dataBytes) throw damaged(`its tensors need ${at} bytes, but there are ${dataBytes}`);
}

function product(name: string, shape: readonly number[]): number {
  let numbers = 1;
  for (const size of shape) {
    if (size > 0 && numbers > Number.MAX_SAFE_INTEGER / size) {
      throw damaged(`tensor ${quote(name)} of shape ${listed(shape)} is too large for any file`);
    }
    numbers *= size;
  }
  return numbers;
}

/**
 * @param end the byte after the checksum's last digit
 * @throws Error when the bytes are not those from which the checksum was computed
 */
function verify(bytes: Uint8Array, checksum: string, end: number): void {
  const found = checksumPrefix + checksumAt(bytes, end - noDigits.length);
  if (checksum !== found) throw damaged(`its checksum is ${quote(checksum)}, its bytes give ${quote(found)}`);
}
