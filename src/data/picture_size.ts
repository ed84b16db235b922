/**
 * What a picture file's structure says, before any decoder sees it: how large the picture is, and that the file was not
 * cut short. JPEG and PNG have files of their own (jpeg.ts, png.ts); here are WebP, GIF, TIFF, AVIF and HEIC.
 *
 * Nothing is allocated, and the time is proportional to the file's length at most.
 */
import { checkSize, type PictureFormat } from "./picture_file.ts";
import { isCameraRaw, readTiffDirectory } from "./tiff.ts";

export interface PictureSize {
  width: number;
  height: number;
}

/** A part of a file: offsets of its payload. */
interface Part {
  type: string;
  from: number;
  to: number;
}

/**
 * The size in pixels as stored, before the picture is turned upright; of an animation's first picture.
 * @throws a one-line Error that names what is wrong: cut short, damaged, too large
 */
export function readPictureSize(format: Exclude<PictureFormat, "JPEG" | "PNG">, bytes: Uint8Array): PictureSize {
  const { width, height } = readers[format](bytes, format);
  checkSize(format, width, height);
  return { width, height };
}

const readers = { WebP: webpSize, GIF: gifSize, TIFF: tiffSize, AVIF: heifSize, HEIC: heifSize };

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const textAt = (bytes: Uint8Array, at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));
/** A part's type, which may be any bytes, for an error message. */
const named = (type: string) => (/^[\w ]{4}$/.test(type) ? type.trim() : "next");

// ---- WebP (RFC 9649) ----

/** @throws Error where a chunk is incomplete */
export function* webpChunks(bytes: Uint8Array): Generator<Part> {
  const view = viewOf(bytes);
  const end = bytes.length < 12 ? Number.POSITIVE_INFINITY : 8 + view.getUint32(4, true);
  if (end > bytes.length) throw new Error(`WebP cut short: ${bytes.length} of ${end} bytes`);
  for (let from = 20; from <= end; ) {
    const type = textAt(bytes, from - 8);
    const to = from + view.getUint32(from - 4, true);
    if (to > end) throw new Error(`WebP cut short: its ${named(type)} chunk is incomplete`);
    yield { type, from, to };
    // Chunks begin at even offsets.
    from = to + (to % 2) + 8;
  }
}

function webpSize(bytes: Uint8Array): PictureSize {
  const view = viewOf(bytes);
  const threeBytes = (at: number) => view.getUint16(at, true) + view.getUint8(at + 2) * 2 ** 16;
  let canvas: PictureSize | null = null;
  for (const { type, from, to } of webpChunks(bytes)) {
    let picture: PictureSize;
    if (type === "VP8X" && to - from >= 10) {
      canvas = { width: 1 + threeBytes(from + 4), height: 1 + threeBytes(from + 7) };
      continue;
    } else if (type === "ANMF" && to - from >= 16) {
      picture = {
        width: 2 * threeBytes(from) + 1 + threeBytes(from + 6),
        height: 2 * threeBytes(from + 3) + 1 + threeBytes(from + 9),
      };
      if (canvas && picture.width <= canvas.width && picture.height <= canvas.height) return canvas;
    } else if (type === "VP8 " && to - from >= 10) {
      picture = { width: view.getUint16(from + 6, true) & 0x3fff, height: view.getUint16(from + 8, true) & 0x3fff };
    } else if (type === "VP8L" && to - from >= 5) {
      const sides = view.getUint32(from + 1, true);
      picture = { width: 1 + (sides & 0x3fff), height: 1 + ((sides >> 14) & 0x3fff) };
    } else continue;
    canvas ??= picture;
    if (picture.width !== canvas.width || picture.height !== canvas.height) {
      throw new Error("damaged WebP: it holds two sizes");
    }
    return picture;
  }
  throw new Error("damaged WebP: it holds no picture");
}

// ---- GIF (GIF89a) ----

/** The canvas, which grows to hold the first picture. What follows that is not looked at, as in other readers. */
function gifSize(bytes: Uint8Array): PictureSize {
  const view = viewOf(bytes);
  const tableBytes = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  const cutShort = (what: string) => new Error(`GIF cut short: ${what}`);
  if (bytes.length < 13) throw cutShort("its header is incomplete");
  const canvas = { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  /** The offset after a chain of sub-blocks, each a length byte and that many bytes, with an empty one at the end. */
  const skip = (from: number): number => {
    let at = from;
    while (bytes[at] > 0) at += 1 + bytes[at];
    if (at >= bytes.length) throw cutShort("its picture is incomplete");
    return at + 1;
  };
  for (let at = 13 + tableBytes(bytes[10]); ; ) {
    const kind = bytes[at];
    if (kind === 0x21) at = skip(at + 2);
    else if (kind === 0x2c && at + 10 <= bytes.length) {
      const [left, top, width, height] = [1, 3, 5, 7].map((offset) => view.getUint16(at + offset, true));
      checkSize("GIF", width, height);
      // A picture's own colours, a byte that says how long codes are, its data.
      skip(at + 10 + tableBytes(bytes[at + 9]) + 1);
      return { width: Math.max(canvas.width, left + width), height: Math.max(canvas.height, top + height) };
    } else if (at >= bytes.length || kind === 0x2c) throw cutShort("it ends before its picture");
    else if (kind === 0x3b) throw new Error("damaged GIF: it holds no picture");
    else throw new Error(`damaged GIF: a block of kind ${kind}`);
  }
}

// ---- TIFF (TIFF 6.0) ----

const tags = { width: 256, height: 257, strips: 273, stripBytes: 279, tiles: 324, tileBytes: 325 };

function tiffSize(bytes: Uint8Array): PictureSize {
  if (isCameraRaw(bytes)) {
    throw new Error("TIFF with a camera's raw data (DNG, NEF or the like): convert it to JPEG first");
  }
  const directory = readTiffDirectory(bytes);
  if (!directory?.whole) throw new Error("TIFF cut short: its directory is incomplete");
  const { entries } = directory;
  const sideOf = (tag: number) => {
    const entry = entries.get(tag);
    return entry && entry.count > 0 ? entry.at(0) : 0;
  };
  const [offsets, lengths] = entries.has(tags.tiles)
    ? [entries.get(tags.tiles), entries.get(tags.tileBytes)]
    : [entries.get(tags.strips), entries.get(tags.stripBytes)];
  if (!offsets) throw new Error("damaged TIFF: the offsets of its pixels are missing");
  for (let i = 0; lengths && i < Math.min(offsets.count, lengths.count); i++) {
    const end = offsets.at(i) + lengths.at(i);
    if (end > bytes.length) throw new Error(`TIFF cut short: ${bytes.length} bytes, its pixels end at ${end}`);
  }
  return { width: sideOf(tags.width), height: sideOf(tags.height) };
}

// ---- AVIF and HEIC (ISO/IEC 14496-12, 23008-12) ----

/** The boxes between two offsets. @throws Error where one is incomplete */
function* boxes(bytes: Uint8Array, start: number, end: number, format: PictureFormat): Generator<Part> {
  const view = viewOf(bytes);
  for (let at = start; at < end; ) {
    let [header, size] = [8, at + 8 <= end ? view.getUint32(at) : Number.POSITIVE_INFINITY];
    if (size === 1)
      [header, size] = [16, at + 16 <= end ? Number(view.getBigUint64(at + 8)) : Number.POSITIVE_INFINITY];
    // The last box may leave its size open.
    else if (size === 0) size = end - at;
    const type = textAt(bytes, at + 4);
    if (size > end - at) throw new Error(`${format} cut short: its ${named(type)} box is incomplete`);
    if (size < header) throw new Error(`damaged ${format}: a box of ${size} bytes`);
    yield { type, from: at + header, to: at + size };
    at += size;
  }
}

/** Tiles, thumbnails and the picture itself all have their sizes there: the picture's is the largest. */
function heifSize(bytes: Uint8Array, format: PictureFormat): PictureSize {
  const view = viewOf(bytes);
  let largest: PictureSize = { width: 0, height: 0 };
  let data = false;
  // A full box, as meta and ispe are, begins with a version and flags, four bytes.
  for (const meta of boxes(bytes, 0, bytes.length, format)) {
    data ||= meta.type === "mdat";
    if (meta.type !== "meta") continue;
    for (const properties of boxes(bytes, meta.from + 4, meta.to, format)) {
      data ||= properties.type === "idat";
      if (properties.type !== "iprp") continue;
      for (const container of boxes(bytes, properties.from, properties.to, format)) {
        if (container.type !== "ipco") continue;
        for (const { type, from, to } of boxes(bytes, container.from, container.to, format)) {
          if (type !== "ispe" || to - from < 12) continue;
          const size = { width: view.getUint32(from + 4), height: view.getUint32(from + 8) };
          if (size.width * size.height > largest.width * largest.height) largest = size;
        }
      }
    }
  }
  if (!data) throw new Error(`${format} cut short: its pixels are missing`);
  if (largest.width === 0) throw new Error(`damaged ${format}: its size is missing`);
  return largest;
}
