/** Small writers of picture files for tests: what encoders rarely write, but people's files contain. */
import { crc32, deflateSync } from "node:zlib";

export const bytesOf = (...parts: (ArrayLike<number> | string)[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    Buffer.concat(
      parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part as Uint8Array))),
    ),
  );

// ---- JPEG ----

export function segment(marker: number, ...content: (ArrayLike<number> | string)[]): Uint8Array {
  const body = bytesOf(...content);
  return bytesOf([0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255], body);
}

/** Puts a segment, or any bytes, behind a JPEG's start marker. */
export const withSegment = (jpeg: Uint8Array, added: Uint8Array) =>
  bytesOf(jpeg.subarray(0, 2), added, jpeg.subarray(2));

/** A TIFF directory with one entry, the orientation, in either byte order; type 3 is SHORT, 4 LONG. */
export function exifTiff(orientation: number, order: "II" | "MM", type: 3 | 4 = 3): Uint8Array {
  const short = (value: number) => (order === "II" ? [value, 0] : [0, value]);
  const long = (value: number) => (order === "II" ? [value, 0, 0, 0] : [0, 0, 0, value]);
  const tag = order === "II" ? [0x12, 0x01] : [0x01, 0x12];
  const value = type === 3 ? [...short(orientation), 0, 0] : long(orientation);
  return bytesOf(order, short(42), long(8), short(1), tag, short(type), long(1), value, long(0));
}

export const exifSegment = (orientation: number, order: "II" | "MM") =>
  segment(0xe1, "Exif\0\0", exifTiff(orientation, order));

/** The offset of a JPEG's first marker of this kind. */
export function markerAt(jpeg: Uint8Array, marker: number): number {
  for (let at = 2; at < jpeg.length; at += 2 + jpeg[at + 2] * 256 + jpeg[at + 3])
    if (jpeg[at + 1] === marker) return at;
  throw new Error(`no marker ${marker}`);
}

// ---- PNG ----

export const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

export function chunk(type: string, ...content: (ArrayLike<number> | string)[]): Uint8Array {
  const body = bytesOf(type, ...content);
  const result = new Uint8Array(body.length + 8);
  const view = new DataView(result.buffer);
  view.setUint32(0, body.length - 4);
  result.set(body, 4);
  view.setUint32(body.length + 4, crc32(body));
  return result;
}

export function pngHeader(width: number, height: number, depth: number, colour: number, interlaced = 0): Uint8Array {
  const size = new DataView(new ArrayBuffer(8));
  size.setUint32(0, width);
  size.setUint32(4, height);
  return chunk("IHDR", new Uint8Array(size.buffer), [depth, colour, 0, 0, interlaced]);
}

/** [first x, first y, step x, step y] */
export const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/** A PNG of any kind from its samples; row filters by turns. */
export function pngOfSamples(
  {
    width,
    height,
    depth,
    colour,
    interlaced,
  }: { width: number; height: number; depth: number; colour: number; interlaced: boolean },
  samples: (x: number, y: number) => number[],
  ...before: Uint8Array[]
): Uint8Array {
  const rows: number[] = [];
  for (const [x0, y0, stepX, stepY] of interlaced ? adam7 : [[0, 0, 1, 1]]) {
    if (x0 >= width) continue;
    let above: number[] | null = null;
    for (let y = y0, n = 0; y < height; y += stepY, n++) {
      const bits: string[] = [];
      for (let x = x0; x < width; x += stepX)
        for (const sample of samples(x, y)) bits.push(sample.toString(2).padStart(depth, "0"));
      const all = bits.join("");
      const row = Array.from({ length: Math.ceil(all.length / 8) }, (_, i) =>
        Number.parseInt(all.slice(8 * i, 8 * i + 8).padEnd(8, "0"), 2),
      );
      // None or up: the others are libpng's business.
      const up: number[] | null = n % 2 === 1 ? above : null;
      rows.push(up ? 2 : 0, ...row.map((byte, i) => (byte - (up ? up[i] : 0)) & 255));
      above = row;
    }
  }
  const header = pngHeader(width, height, depth, colour, interlaced ? 1 : 0);
  return bytesOf(pngSignature, header, ...before, chunk("IDAT", deflateSync(Uint8Array.from(rows))), chunk("IEND"));
}
