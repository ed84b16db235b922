/**
 * What a PNG file (ISO/IEC 15948) declares, and whether it is complete. Decoding is left to sharp, a browser or
 * pngjs, each of which accepts some damaged files.
 */
import { crc32 } from "./crc32.ts";
import { checkSize, maxPixels } from "./picture_file.ts";
import { exifOrientation } from "./tiff.ts";

/** A PNG's content. */
export interface PngFile extends PngHeader {
  /** The picture, deflated; never more than `dataBytes` need be inflated. */
  data: Uint8Array;
  /** 1…8, by its eXIf chunk. */
  orientation: number;
}

interface PngHeader {
  width: number;
  height: number;
  /** Bits a sample. */
  depth: number;
  colour: ColourType;
  /** What the data must inflate to. */
  dataBytes: number;
}

type ColourType = keyof typeof kinds;
/** A pass of an interlaced picture: a coarse picture in itself. */
type Pass = readonly [firstX: number, firstY: number, stepX: number, stepY: number];

const kinds = {
  0: { name: "grey", channels: 1, depths: [1, 2, 4, 8, 16] },
  2: { name: "RGB", channels: 3, depths: [8, 16] },
  3: { name: "palette", channels: 1, depths: [1, 2, 4, 8] },
  4: { name: "grey, alpha", channels: 2, depths: [8, 16] },
  6: { name: "RGB, alpha", channels: 4, depths: [8, 16] },
} as const;

const whole: readonly Pass[] = [[0, 0, 1, 1]];
const adam7: readonly Pass[] = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/**
 * Walks all chunks to the end, and decodes nothing.
 * @throws a one-line Error that names what is wrong: cut short, damaged, too large
 */
export function readPngFile(bytes: Uint8Array): PngFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts: Uint8Array[] = [];
  let header: PngHeader | null = null;
  let palette: Uint8Array | null = null;
  let transparent: Uint8Array = new Uint8Array(0);
  let orientation: number | null = null;
  for (let at = 8, end = false; !end; ) {
    if (at + 12 > bytes.length) throw new Error("PNG cut short: its end chunk is missing");
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const known = /^[A-Za-z]{4}$/.test(type) ? type : "next";
    const chunk = bytes.subarray(at + 8, at + 8 + length);
    const typeAndChunk = bytes.subarray(at + 4, at + 8 + length);
    at += 12 + length;
    if (at > bytes.length) throw new Error(`PNG cut short: its ${known} chunk is incomplete`);
    if (crc32(typeAndChunk) !== view.getUint32(at - 4)) {
      throw new Error(`damaged PNG: wrong checksum of its ${known} chunk`);
    }
    if (!header) {
      if (type !== "IHDR" || length !== 13) throw new Error("damaged PNG: it does not begin with a header chunk");
      header = readHeader(chunk);
    } else if (type === "IHDR") throw new Error("damaged PNG: two header chunks");
    else if (type === "IDAT") parts.push(chunk);
    else if (type === "PLTE") {
      if (palette || length > 768 || length % 3 > 0)
        throw new Error("damaged PNG: its palette is not one of ≤ 256 colours");
      palette = chunk;
    } else if (type === "tRNS") transparent = chunk;
    else if (type === "eXIf") orientation ??= exifOrientation(chunk);
    else if (type === "IEND") end = true;
    // A capital letter marks a chunk without which the picture cannot be shown.
    else if (/^[A-Z]/.test(type)) throw new Error(`damaged PNG: a ${known} chunk, which no reader knows`);
  }
  if (!header) throw new Error("damaged PNG: it does not begin with a header chunk");
  const { colour, width, height, dataBytes } = header;
  if (colour === 3 && !palette) throw new Error("damaged PNG: its palette is missing");
  if (colour === 0 || colour === 2) {
    // One sample of 16 bits a channel.
    const expected = kinds[colour].channels * 2;
    if (transparent.length > 0 && transparent.length < expected)
      throw new Error("damaged PNG: its tRNS chunk is too short");
  }
  const data = concatenated(parts);
  // Deflate expands at most 1032 times.
  if (dataBytes > 1032 * data.length) {
    throw new Error(`PNG cut short: ${data.length} bytes of data cannot hold ${width}×${height} pixels`);
  }
  return { ...header, data, orientation: orientation ?? 1 };
}

function readHeader(chunk: Uint8Array): PngHeader {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  checkSize("PNG", width, height);
  const [depth, colour, compression, filter, interlaced] = chunk.subarray(8);
  const kind = (kinds as Record<number, (typeof kinds)[ColourType]>)[colour];
  if (!(kind?.depths as readonly number[] | undefined)?.includes(depth)) {
    throw new Error(`damaged PNG: colour type ${colour} with ${depth} bits a sample`);
  }
  if (compression !== 0 || filter !== 0 || interlaced > 1) {
    throw new Error(`damaged PNG: compression ${compression}, filter ${filter}, interlace ${interlaced}: no such kind`);
  }
  // Such data take twice the memory.
  if (depth === 16 && width * height > maxPixels / 2) {
    throw new Error(`PNG of ${width}×${height} pixels: 16-bit pictures are limited to 32 megapixels`);
  }
  let dataBytes = 0;
  for (const [firstX, firstY, stepX, stepY] of interlaced ? adam7 : whole) {
    const columns = Math.ceil((width - firstX) / stepX);
    const rows = Math.ceil((height - firstY) / stepY);
    // A row is a filter byte and the pixels' bytes; a pass without columns has no rows either.
    if (columns > 0) dataBytes += Math.max(0, rows) * (1 + Math.ceil((columns * kind.channels * depth) / 8));
  }
  return { width, height, depth, colour: colour as ColourType, dataBytes };
}

function concatenated(parts: Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
