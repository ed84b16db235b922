/**
 * JPEG and PNG files → RGB. For Node and Deno only (pngjs needs node:zlib); a page has the browser's own decoders.
 *
 * Files come from anywhere, so every decoder is preceded by a walk over the file's structure: what is in it, how large
 * it will be, whether its end is there. Only then is anything allocated. The decoders alone are not enough: jpeg-js reads
 * zeros past the end of a file, and pngjs inflates interlaced pictures without a limit and takes whatever lies in
 * memory for the result of a broken stream.
 */
import { inflateSync } from "node:zlib";
import jpeg from "jpeg-js";
import { PNG } from "pngjs";

/** 8-bit RGB. */
export interface Picture {
  width: number;
  height: number;
  /** [height, width, 3] */
  rgb: Uint8Array;
}

/** 64 megapixels, what the largest phones deliver; decoding takes about 30 bytes a pixel. */
const maxPixels = 8192 * 8192;
/** Real progressive JPEGs have about ten; each may cost a pass over the picture for a few bytes of file. */
const maxScans = 100;

/** The file's format by its first bytes (8 are enough); null where it is neither. */
export function pictureFormat(bytes: Uint8Array): "JPEG" | "PNG" | null {
  const startsWith = (magic: number[]) => magic.every((byte, i) => bytes[i] === byte);
  if (startsWith([0xff, 0xd8, 0xff])) return "JPEG";
  return startsWith([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) ? "PNG" : null;
}

/**
 * A whole file's picture: upright (a JPEG's EXIF orientation is applied), transparency laid on white, greys and
 * palettes as RGB, 16 bits rounded to 8.
 * @throws Error one line that names what is wrong: not a picture, cut short, damaged, too large, or of an unsupported kind
 */
export function decodePicture(bytes: Uint8Array): Picture {
  switch (pictureFormat(bytes)) {
    case "JPEG":
      return decodeJpeg(bytes);
    case "PNG":
      return decodePng(bytes);
    case null:
      throw new Error("neither JPEG nor PNG by its first bytes");
  }
}

function checkSize(format: string, width: number, height: number): void {
  if (width < 1 || height < 1) throw new Error(`damaged ${format}: its size is ${width}×${height}`);
  if (width * height > maxPixels) {
    throw new Error(`${format} of ${width}×${height} pixels: at most 64 megapixels are decoded, make it smaller first`);
  }
}

// ---- JPEG (ITU-T T.81) ----

interface JpegHeader {
  width: number;
  height: number;
  /** 1…8, EXIF's tag 0x0112. */
  orientation: number;
  /** Whether the three components are Y Cb Cr. */
  colorTransform: boolean;
}

function decodeJpeg(bytes: Uint8Array): Picture {
  const { width, height, orientation, colorTransform } = readJpegHeader(bytes);
  let data: Uint8Array;
  try {
    ({ data } = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      colorTransform,
      // Strictly, jpeg-js refuses a good grey picture whose last restart interval is not full. It forgives nothing else.
      tolerantDecoding: true,
      maxResolutionInMP: maxPixels / 1e6,
      maxMemoryUsageInMB: 1536,
    }));
  } catch (error) {
    throw new Error(`damaged JPEG${detail(error)}`);
  }
  if (data.length !== width * height * 3) throw new Error("damaged JPEG: it holds two sizes");
  return upright({ width, height, rgb: data }, orientation);
}

/** Walks all segments to the end marker. */
function readJpegHeader(bytes: Uint8Array): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let frame: { width: number; height: number; ids: number[] } | null = null;
  let orientation = 1;
  let adobeTransform: number | null = null;
  let jfif = false;
  let scans = 0;
  let at = 2;
  for (;;) {
    at = nextMarker(bytes, at);
    const marker = bytes[at - 1];
    if (marker === 0xd9) break;
    const length = at + 2 <= bytes.length ? view.getUint16(at) : 0;
    if (length < 2 || at + length > bytes.length) {
      throw new Error(`JPEG cut short: segment ${hex(marker)} at byte ${at - 2} is not whole`);
    }
    const segment = bytes.subarray(at + 2, at + length);
    at += length;
    if (marker === 0xe0 && beginsWith(segment, "JFIF\0")) jfif = true;
    else if (marker === 0xe1 && beginsWith(segment, "Exif\0\0")) orientation = exifOrientation(segment.subarray(6));
    else if (marker === 0xee && beginsWith(segment, "Adobe") && segment.length >= 12) adobeTransform = segment[11];
    else if (marker === 0xda) {
      if (!frame) throw new Error("damaged JPEG: a scan before the frame header");
      if (!(segment[0] >= 1 && segment[0] <= frame.ids.length)) {
        throw new Error(`damaged JPEG: a scan of ${segment[0] ?? 0} components, the frame has ${frame.ids.length}`);
      }
      if (++scans > maxScans) throw new Error(`damaged JPEG: more than ${maxScans} scans`);
    } else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      if (frame) throw new Error("damaged JPEG: two frame headers");
      frame = readJpegFrame(marker, segment);
      // Every block of 8×8 takes at least one bit: a few bytes that promise a large picture are not worth its memory.
      if (bytes.length < (frame.width * frame.height) / 512) {
        throw new Error(`JPEG cut short: ${bytes.length} bytes cannot hold ${frame.width}×${frame.height} pixels`);
      }
    }
  }
  if (!frame || scans === 0) throw new Error("damaged JPEG: it ends before its picture");
  // Adobe's segment says it, JFIF is always Y Cb Cr, and else the components' names decide (libjpeg's rule).
  const named = frame.ids.map((id) => String.fromCharCode(id)).join("");
  const colorTransform = adobeTransform !== null ? adobeTransform !== 0 : jfif || named !== "RGB";
  return { width: frame.width, height: frame.height, orientation, colorTransform };
}

/** The offset behind the next marker, be it behind segments or in a scan's data, where FF 00 and restarts stand for data. */
function nextMarker(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const code = bytes[at + 1];
    if (code >= 0xc0 && code !== 0xff && !(code >= 0xd0 && code <= 0xd7)) return at + 2;
  }
  throw new Error("JPEG cut short: its end marker is missing");
}

function readJpegFrame(marker: number, segment: Uint8Array): { width: number; height: number; ids: number[] } {
  if (marker > 0xc2)
    throw new Error(`JPEG with marker ${hex(marker)}: only baseline and progressive ones are supported`);
  const [precision, heightHigh, heightLow, widthHigh, widthLow, count] = segment;
  if (segment.length < 6 || segment.length < 6 + 3 * count)
    throw new Error("damaged JPEG: its frame header is too short");
  if (precision !== 8) throw new Error(`JPEG of ${precision} bits a sample: only 8 are supported`);
  const width = widthHigh * 256 + widthLow;
  const height = heightHigh * 256 + heightLow;
  checkSize("JPEG", width, height);
  if (count === 4) throw new Error("CMYK JPEG: only RGB and grey ones are supported, save it as RGB");
  if (count !== 1 && count !== 3) throw new Error(`JPEG of ${count} components: only 1 and 3 are supported`);
  const ids: number[] = [];
  for (let i = 6; i < 6 + 3 * count; i += 3) {
    const [h, v] = [segment[i + 1] >> 4, segment[i + 1] & 15];
    if (!(h >= 1 && h <= 4 && v >= 1 && v <= 4)) throw new Error(`damaged JPEG: sampling factors ${h}×${v}`);
    ids.push(segment[i]);
  }
  return { width, height, ids };
}

/** EXIF is a TIFF file: byte order, the offset of a directory, its 12-byte entries. Anything unexpected means upright. */
function exifOrientation(tiff: Uint8Array): number {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.length);
  if (tiff.length < 8) return 1;
  const little = beginsWith(tiff, "II");
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return 1;
  const end = directory + 2 + 12 * view.getUint16(directory, little);
  for (let entry = directory + 2; entry + 12 <= Math.min(end, tiff.length); entry += 12) {
    const [tag, type] = [view.getUint16(entry, little), view.getUint16(entry + 2, little)];
    if (tag !== 0x0112 || type !== 3) continue;
    const value = view.getUint16(entry + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

/** Turns and mirrors a picture that was stored in one of EXIF's eight orientations. */
function upright({ width, height, rgb }: Picture, orientation: number): Picture {
  if (orientation === 1) return { width, height, rgb };
  const right = width - 1;
  const bottom = (height - 1) * width;
  // Where the result's first pixel lies in the stored picture, and how far apart its neighbours to the right and below.
  const [origin, stepX, stepY] = [
    [right, -1, width], // 2: mirrored
    [right + bottom, -1, -width], // 3: upside down
    [bottom, 1, -width], // 4: upside down, mirrored
    [0, width, 1], // 5: rows and columns swapped
    [bottom, -width, 1], // 6: to be turned clockwise
    [right + bottom, -width, -1], // 7: swapped along the other diagonal
    [right, width, -1], // 8: to be turned counterclockwise
  ][orientation - 2];
  const turned = orientation >= 5 ? { width: height, height: width } : { width, height };
  const result = new Uint8Array(rgb.length);
  let to = 0;
  for (let y = 0; y < turned.height; y++) {
    for (let x = 0; x < turned.width; x++) {
      const from = (origin + x * stepX + y * stepY) * 3;
      result[to++] = rgb[from];
      result[to++] = rgb[from + 1];
      result[to++] = rgb[from + 2];
    }
  }
  return { ...turned, rgb: result };
}

// ---- PNG (ISO/IEC 15948) ----

/** Samples a pixel and allowed bits a sample, by colour type. */
const pngKinds: Record<number, { channels: number; depths: number[] }> = {
  0: { channels: 1, depths: [1, 2, 4, 8, 16] },
  2: { channels: 3, depths: [8, 16] },
  3: { channels: 1, depths: [1, 2, 4, 8] },
  4: { channels: 2, depths: [8, 16] },
  6: { channels: 4, depths: [8, 16] },
};

/** Adam7: the seven passes of an interlaced picture, each a coarse picture of its own. [first x, first y, step x, step y] */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

function decodePng(bytes: Uint8Array): Picture {
  const { width, height, dataBytes, data, end } = readPngHeader(bytes);
  // Deflate expands at most 1032 times.
  if (dataBytes > 1032 * data.length) {
    throw new Error(`PNG cut short: ${data.length} bytes of data cannot hold ${width}×${height} pixels`);
  }
  let rgba: Uint8Array;
  try {
    const inflated = inflateSync(data, { maxOutputLength: dataBytes });
    if (inflated.length !== dataBytes) throw new Error(`${inflated.length} bytes of pixels, expected ${dataBytes}`);
    rgba = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, end)).data;
  } catch (error) {
    throw new Error(`damaged PNG${detail(error)}`);
  }
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    const alpha = rgba[from + 3];
    for (let c = 0; c < 3; c++) rgb[to++] = Math.round((rgba[from + c] * alpha + 255 * (255 - alpha)) / 255);
  }
  return { width, height, rgb };
}

/** Walks all chunks to the end. `dataBytes`: what the image data (`data`, deflated) must inflate to. */
function readPngHeader(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts: Uint8Array[] = [];
  let header: { width: number; height: number; dataBytes: number } | null = null;
  let palettes = 0;
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) throw new Error("PNG cut short: its end chunk is missing");
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const chunk = bytes.subarray(at + 8, at + 8 + length);
    at += 12 + length;
    if (at > bytes.length) {
      throw new Error(`PNG cut short: its ${/^[A-Za-z]{4}$/.test(type) ? type : "next"} chunk is not whole`);
    }
    if (!header) {
      if (type !== "IHDR" || length !== 13) throw new Error("damaged PNG: it does not begin with a header chunk");
      header = readPngSize(chunk);
    } else if (type === "IHDR") throw new Error("damaged PNG: two header chunks");
    else if (type === "IDAT") parts.push(chunk);
    else if (type === "PLTE" && (++palettes > 1 || length > 768)) throw new Error("damaged PNG: more than 256 colours");
    else if (type === "IEND") return { ...header, data: Buffer.concat(parts), end: at };
  }
}

function readPngSize(chunk: Uint8Array): { width: number; height: number; dataBytes: number } {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  checkSize("PNG", width, height);
  const [depth, colour, , , interlaced] = chunk.subarray(8);
  const kind = pngKinds[colour];
  if (!kind?.depths.includes(depth)) throw new Error(`damaged PNG: colour type ${colour} with ${depth} bits a sample`);
  // pngjs then takes twice the memory, and five times as long.
  if (depth === 16 && width * height > maxPixels / 2) {
    throw new Error(`PNG of ${width}×${height} pixels of 16 bits: at most 32 megapixels of these are decoded`);
  }
  let dataBytes = 0;
  for (const [x, y, stepX, stepY] of interlaced ? adam7 : [[0, 0, 1, 1]]) {
    const columns = Math.ceil((width - x) / stepX);
    const rows = Math.ceil((height - y) / stepY);
    // A row is a filter byte and its pixels; a pass without columns or rows has nothing.
    if (columns > 0 && rows > 0) dataBytes += rows * (1 + Math.ceil((columns * kind.channels * depth) / 8));
  }
  return { width, height, dataBytes };
}

// ---- messages ----

function beginsWith(bytes: Uint8Array, text: string): boolean {
  return [...text].every((character, i) => bytes[i] === character.charCodeAt(0));
}

const hex = (marker: number) => `FF${marker.toString(16).toUpperCase().padStart(2, "0")}`;

/** A decoder's own words, except where it just stumbled. */
function detail(error: unknown): string {
  return error instanceof TypeError || error instanceof RangeError
    ? ""
    : `: ${(error as Error).message.split("\n")[0]}`;
}
