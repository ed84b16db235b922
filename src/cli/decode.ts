/**
 * Picture files → RGB, decoded by sharp (libvips). For Node and Deno only; a page has the browser's own decoders
 * (src/page/pictures/decode.ts).
 *
 * Files come from anywhere, so before decoding, the file's structure is examined: how large the picture will be,
 * how many passes it takes, whether its end is present. Only then is anything allocated.
 */
import { availableParallelism } from "node:os";
import type { Sharp, SharpConstructor } from "sharp";
import { Gate } from "../data/gate.ts";
import { type JpegHeader, readJpegHeader } from "../data/jpeg.ts";
import {
  checkSize,
  maxPixels,
  type Picture,
  type PictureFormat,
  pictureFormat,
  unknownFormat,
} from "../data/picture_file.ts";
import { readPngFile } from "../data/png.ts";
import { isCameraRaw } from "../data/tiff.ts";
import { decodeWithPngjs } from "./decode_png.ts";
import { rgbOnWhite } from "./samples.ts";
import { loadSharp, withoutSharp } from "./sharp.ts";

/** Pictures that take longer to decode are refused; the largest take about three seconds on a slow core. */
const maxSeconds = 30;

/** How many to decode at a time: enough to keep every core busy while pictures wait to be resized, in order. */
export const picturesInFlight = Math.min(8, 3 * availableParallelism());

/** Pixels per byte: photographs have about five, a drawing of a few lines this many. Checked from one megapixel on. */
const maxPixelsPerByte = 2048;

/** Limits the total number of pixels of the pictures that are decoded at the same time. */
const gate = new Gate(maxPixels);

/** What a file's structure says about its picture. */
interface Structure {
  /** As stored, before it is turned upright. */
  width: number;
  height: number;
  /** EXIF's orientation, 1…8. */
  orientation: number;
  /** Whether its samples have 16 bits. */
  deep: boolean;
  /** Whether it has an embedded colour profile; only relevant for samples of 16 bits. */
  profile: boolean;
}

/**
 * A whole file's picture: upright, transparency laid on white, greys, palettes and CMYK as RGB, embedded colour profiles
 * converted to sRGB, 16 bits rounded to 8; of an animation the first frame, of a TIFF the first page. Many may be asked for
 * at a time; the work is done in threads.
 * @throws a one-line Error that names what is wrong: not a picture, cut short, damaged, too large, or of an unsupported kind
 */
export async function decodePicture(bytes: Uint8Array): Promise<Picture> {
  const format = pictureFormat(bytes);
  if (format === null) throw new Error(unknownFormat);
  if (format === "HEIC") throw new Error("HEIC pictures cannot be decoded here: convert them to JPEG first");
  const sharp = await loadSharp();
  if (!sharp) {
    if (format !== "PNG") throw new Error(`${format} ${withoutSharp}`);
    return decodeWithPngjs(bytes);
  }
  if (format === "JPEG") return await decodeJpeg(sharp, bytes);
  const structure = format === "PNG" ? await pngStructure(sharp, bytes) : await otherStructure(sharp, bytes, format);
  // Less strict than for JPEGs: libpng and libtiff warn about much that affects no pixel, such as a profile's wrong date.
  return await decode(sharp(bytes, { ...limits, failOn: "error" }), structure, format);
}

const limits = { limitInputPixels: maxPixels, sequentialRead: true };

async function decodeJpeg(sharp: SharpConstructor, bytes: Uint8Array): Promise<Picture> {
  const header = readJpegHeader(bytes);
  const structure = { ...header, deep: false, profile: false };
  const clean = withoutStray(bytes, header);
  try {
    return await decode(sharp(clean, { ...limits, failOn: "warning" }), structure, "JPEG");
  } catch (error) {
    // After damage, libjpeg warns, continues and fills in grey. Such a picture is refused; warnings about its form alone
    // are ignored.
    if (!harmlessWarnings.test((error as Error).message)) throw error;
  }
  return await decode(sharp(clean, { ...limits, failOn: "truncated" }), structure, "JPEG");
}

/** Warnings about padding between segments. Before a restart marker, or if there are many bytes, data were lost. */
const harmlessWarnings =
  /\b\d extraneous bytes before marker 0x(?!d[0-7])|Invalid SOS parameters|unknown JFIF revision|Unknown Adobe color transform/;

/** The file up to its end marker, without the bytes between segments. */
function withoutStray(bytes: Uint8Array, { stray, end }: JpegHeader): Uint8Array {
  if (stray.length === 0) return bytes.subarray(0, end);
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const [from, to] of stray) {
    parts.push(bytes.subarray(at, from));
    at = to;
  }
  return Buffer.concat([...parts, bytes.subarray(at, end)]);
}

async function pngStructure(sharp: SharpConstructor, bytes: Uint8Array): Promise<Structure> {
  const { width, height, orientation, depth } = readPngFile(bytes);
  const deep = depth === 16;
  const profile = deep && (await metadataOf(sharp, bytes, "PNG")).hasProfile;
  return { width, height, orientation, deep, profile };
}

async function otherStructure(sharp: SharpConstructor, bytes: Uint8Array, format: PictureFormat): Promise<Structure> {
  if (format === "TIFF" && isCameraRaw(bytes)) {
    throw new Error("TIFF with a camera's raw data (DNG, NEF or the like): convert it to JPEG first");
  }
  const { width, height, orientation, space, hasProfile } = await metadataOf(sharp, bytes, format);
  checkSize(format, width, height);
  // As for JPEGs: a few bytes that declare a large picture are not worth its memory.
  if (width * height > Math.max(2 ** 20, bytes.length * maxPixelsPerByte)) {
    throw new Error(`${format} cut short: ${bytes.length} bytes cannot hold ${width}×${height} pixels`);
  }
  const deep = space === "rgb16" || space === "grey16";
  if (deep && width * height > maxPixels / 2) {
    throw new Error(`${format} of ${width}×${height} pixels: 16-bit pictures are limited to 32 megapixels`);
  }
  // AVIFs are turned by their decoder, whatever their Exif says (ISO/IEC 23008-12, 6.5.10).
  const turned = format === "AVIF" ? 1 : (orientation ?? 1);
  return { width, height, orientation: turned, deep, profile: hasProfile };
}

async function metadataOf(sharp: SharpConstructor, bytes: Uint8Array, format: PictureFormat) {
  try {
    return await sharp(bytes, { failOn: "error", limitInputPixels: false }).metadata();
  } catch (error) {
    throw faultOf(error, format);
  }
}

async function decode(file: Sharp, structure: Structure, format: PictureFormat): Promise<Picture> {
  const { width, height, orientation, deep, profile } = structure;
  const picture = turn(file, orientation)
    .toColourspace(deep ? "rgb16" : "srgb")
    .raw(deep ? { depth: "ushort" } : {})
    .timeout({ seconds: maxSeconds });
  // sharp works on deep samples with a profile in P3, and would leave them so.
  if (deep && profile) picture.withIccProfile("srgb");
  const { data, info } = await gate.pass(width * height, async () => {
    try {
      return await picture.toBuffer({ resolveWithObject: true });
    } catch (error) {
      throw faultOf(error, format);
    }
  });
  const { channels } = info;
  if (info.width * info.height !== width * height || (channels !== 3 && channels !== 4)) {
    throw new Error(`damaged ${format}: it holds two sizes`);
  }
  const samples = deep ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data;
  return { width: info.width, height: info.height, rgb: rgbOnWhite(samples, channels) };
}

/** EXIF's orientations. sharp mirrors first, then turns clockwise. */
function turn(picture: Sharp, orientation: number): Sharp {
  const [mirror, angle] = [
    [null, 0],
    ["flop", 0],
    [null, 180],
    ["flip", 0],
    ["flop", 270],
    [null, 90],
    ["flop", 90],
    [null, 270],
  ][orientation - 1] as ["flip" | "flop" | null, number];
  if (mirror) picture[mirror]();
  return angle === 0 ? picture : picture.rotate(angle);
}

/** A decoder's error as one of ours, with some of its own words. */
function faultOf(error: unknown, format: PictureFormat): Error {
  const { message } = error as Error;
  const [first] = message.replace(/^Input buffer has corrupt header: /, "").split("\n");
  if (first.startsWith("timeout")) return new Error(`${format} that takes more than ${maxSeconds} seconds to decode`);
  const words = first.replace(/^\w+: (Corrupt JPEG data: )?/, "");
  return new Error(`${cutShort.test(message) ? `${format} cut short` : `damaged ${format}`}: ${words}`);
}

const cutShort = /premature end of JPEG|end of GIF source|bad seek|unable to parse image|read gave \d+ warnings/;
