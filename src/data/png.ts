/**
 * PNG files (ISO/IEC 15948) → RGB, except for inflating, which Node and browsers do themselves. One decoder for both, so
 * that a PNG gives the same pixels everywhere (a browser's canvas rounds transparency in its own way, and some change
 * what is read back from it).
 */
import { crc32 } from "./crc32.ts";
import { checkSize, maxPixels, type Picture } from "./picture_file.ts";
import { exifOrientation } from "./tiff.ts";

/** A PNG's content. */
export interface PngFile extends PngHeader {
  /** The picture, deflated; never more than `dataBytes` need be inflated. */
  data: Uint8Array;
  palette: Uint8Array;
  /** The tRNS chunk: a palette's alphas, or the one grey or colour that is transparent; empty where there is none. */
  transparent: Uint8Array;
  /** 1…8, by its eXIf chunk. */
  orientation: number;
}

interface PngHeader {
  width: number;
  height: number;
  /** Bits a sample. */
  depth: number;
  colour: ColourType;
  /** The picture's parts, each a coarse picture of its own. [first x, first y, step x, step y] */
  passes: readonly Pass[];
  /** What the data must inflate to. */
  dataBytes: number;
}

type ColourType = keyof typeof kinds;
type Pass = readonly [x: number, y: number, stepX: number, stepY: number];

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
 * @throws Error one line that names what is wrong: cut short, damaged, too large
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
    if (at > bytes.length) throw new Error(`PNG cut short: its ${known} chunk is not whole`);
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
    // A capital letter: nobody can show the picture without it.
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
  return { ...header, data, palette: palette ?? new Uint8Array(0), transparent, orientation: orientation ?? 1 };
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
  // Its data take twice the memory.
  if (depth === 16 && width * height > maxPixels / 2) {
    throw new Error(`PNG of ${width}×${height} pixels of 16 bits: at most 32 megapixels of these are decoded`);
  }
  const header = { width, height, depth, colour: colour as ColourType, passes: interlaced ? adam7 : whole };
  let dataBytes = 0;
  for (const pass of header.passes) {
    const { rows, rowBytes } = passExtent(header, pass);
    dataBytes += rows * (1 + rowBytes);
  }
  return { ...header, dataBytes };
}

/** A pass without columns or rows has nothing, else its rows are a filter byte and the pixels' bytes. */
function passExtent({ width, height, depth, colour }: Omit<PngHeader, "dataBytes">, [x, y, stepX, stepY]: Pass) {
  const columns = Math.ceil((width - x) / stepX);
  const rows = Math.ceil((height - y) / stepY);
  if (columns < 1 || rows < 1) return { columns: 0, rows: 0, rowBytes: 0 };
  return { columns, rows, rowBytes: Math.ceil((columns * kinds[colour].channels * depth) / 8) };
}

/**
 * The picture: transparency laid on white, greys and palettes as RGB, 16 bits rounded to 8.
 * @param inflated the file's data, inflated; changed in place
 * @throws Error where the data are not the picture that the header promises
 */
export function pngPicture(file: PngFile, inflated: Uint8Array): Picture {
  const { width, height, depth, colour, passes, dataBytes } = file;
  if (inflated.length !== dataBytes) {
    throw new Error(`damaged PNG: ${inflated.length} bytes of pixels, expected ${dataBytes}`);
  }
  const rgb = new Uint8Array(width * height * 3);
  const { channels } = kinds[colour];
  const setPixel = pixelSetter(file, rgb);
  let at = 0;
  for (const pass of passes) {
    const { columns, rows, rowBytes } = passExtent(file, pass);
    const [x, y, stepX, stepY] = pass;
    const samples = new Uint16Array(columns * channels);
    const block = inflated.subarray(at, (at += rows * (1 + rowBytes)));
    unfilter(block, rows, rowBytes, Math.max(1, (channels * depth) / 8));
    for (let row = 0; row < rows; row++) {
      readSamples(block, row * (1 + rowBytes) + 1, depth, samples);
      let to = ((y + row * stepY) * width + x) * 3;
      for (let from = 0; from < samples.length; from += channels, to += 3 * stepX) setPixel(samples, from, to);
    }
  }
  return { width, height, rgb };
}

/**
 * Undoes the rows' filters, in place: each byte was stored as its difference from a guess out of its neighbours to the
 * left (a), above (b) and above left (c), which are 0 outside of the picture.
 */
function unfilter(block: Uint8Array, rows: number, rowBytes: number, pixelBytes: number): void {
  let above: Uint8Array = new Uint8Array(rowBytes);
  for (let row = 0; row < rows; row++) {
    const start = row * (1 + rowBytes);
    const line = block.subarray(start + 1, start + 1 + rowBytes);
    switch (block[start]) {
      case 0:
        break;
      case 1:
        for (let i = pixelBytes; i < rowBytes; i++) line[i] += line[i - pixelBytes];
        break;
      case 2:
        for (let i = 0; i < rowBytes; i++) line[i] += above[i];
        break;
      case 3:
        for (let i = 0; i < rowBytes; i++) line[i] += ((i < pixelBytes ? 0 : line[i - pixelBytes]) + above[i]) >> 1;
        break;
      case 4:
        for (let i = 0; i < rowBytes; i++) {
          const left = i < pixelBytes ? 0 : line[i - pixelBytes];
          line[i] += paeth(left, above[i], i < pixelBytes ? 0 : above[i - pixelBytes]);
        }
        break;
      default:
        throw new Error(`damaged PNG: row filter ${block[start]}, there are 0 to 4`);
    }
    above = line;
  }
}

/** Whichever of left, above and above left is nearest to a + b − c. */
export function paeth(a: number, b: number, c: number): number {
  const [toA, toB, toC] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
  if (toA <= toB && toA <= toC) return a;
  return toB <= toC ? b : c;
}

/** A row's samples, of any number of bits, the highest bits first. */
function readSamples(bytes: Uint8Array, start: number, depth: number, samples: Uint16Array): void {
  if (depth === 8) samples.set(bytes.subarray(start, start + samples.length));
  else if (depth === 16) {
    for (let i = 0; i < samples.length; i++) samples[i] = bytes[start + 2 * i] * 256 + bytes[start + 2 * i + 1];
  } else {
    const mask = (1 << depth) - 1;
    for (let i = 0; i < samples.length; i++) {
      const bit = i * depth;
      samples[i] = (bytes[start + (bit >> 3)] >> (8 - depth - (bit & 7))) & mask;
    }
  }
}

/** Puts the pixel whose samples begin at `from` where rgb's index is `to`. */
function pixelSetter(file: PngFile, rgb: Uint8Array): (samples: Uint16Array, from: number, to: number) => void {
  const { depth, colour, palette, transparent } = file;
  const most = 2 ** depth - 1;
  const level = depth === 8 ? (sample: number) => sample : (sample: number) => Math.round((sample * 255) / most);
  /** On white. */
  const blend = (value: number, alpha: number) => Math.round((value * alpha + 255 * (255 - alpha)) / 255);
  const set = (to: number, r: number, g: number, b: number, alpha: number) => {
    rgb[to] = alpha === 255 ? r : blend(r, alpha);
    rgb[to + 1] = alpha === 255 ? g : blend(g, alpha);
    rgb[to + 2] = alpha === 255 ? b : blend(b, alpha);
  };
  /** The channel's sample that means transparent; −1 is none. */
  const key = (channel: number) =>
    transparent.length > 0 ? transparent[2 * channel] * 256 + transparent[2 * channel + 1] : -1;
  switch (colour) {
    case 0: {
      const grey = key(0);
      return (samples, from, to) => {
        const value = level(samples[from]);
        set(to, value, value, value, samples[from] === grey ? 0 : 255);
      };
    }
    case 2: {
      const [r, g, b] = [key(0), key(1), key(2)];
      return (samples, from, to) => {
        const hidden = samples[from] === r && samples[from + 1] === g && samples[from + 2] === b;
        set(to, level(samples[from]), level(samples[from + 1]), level(samples[from + 2]), hidden ? 0 : 255);
      };
    }
    case 3:
      return (samples, from, to) => {
        const at = samples[from] * 3;
        if (at >= palette.length) {
          throw new Error(`damaged PNG: colour ${samples[from]} of a palette of ${palette.length / 3}`);
        }
        set(to, palette[at], palette[at + 1], palette[at + 2], transparent[samples[from]] ?? 255);
      };
    case 4:
      return (samples, from, to) => {
        const value = level(samples[from]);
        set(to, value, value, value, level(samples[from + 1]));
      };
    case 6:
      return (samples, from, to) =>
        set(to, level(samples[from]), level(samples[from + 1]), level(samples[from + 2]), level(samples[from + 3]));
  }
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
