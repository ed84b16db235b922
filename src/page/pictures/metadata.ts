/**
 * Removes from PNG and WebP files what browsers and the command line interpret differently. Newer browsers turn a picture by
 * its PNG's eXIf chunk, older ones do not; Chromium and Firefox do not turn a WebP by its EXIF chunk. Both apply a PNG's
 * gAMA, cHRM and cICP chunks, which the command line's decoder ignores. So the browser never sees any of these, and
 * pictures are turned here.
 */
import { readPictureSize, webpChunks } from "../../data/picture_size.ts";
import { readPngFile } from "../../data/png.ts";
import { exifOrientation } from "../../data/tiff.ts";

/** A file for the browser's decoder. */
export interface Decodable {
  file: Uint8Array;
  /** The pixels that it may decode to. */
  pixels: number;
  /** The decoded picture's orientation: 1…8, EXIF's tag 0x0112. */
  orientation: number;
}

/** The picture and its colour profile. Without their chunks, an APNG's other pictures are not looked at. */
const pngKept = new Set(["IHDR", "PLTE", "tRNS", "iCCP", "sRGB", "IDAT", "IEND"]);

/** @throws Error cut short, damaged or too large */
export function examinePng(bytes: Uint8Array): Decodable {
  const { width, height, orientation } = readPngFile(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const file = new Uint8Array(bytes.length);
  file.set(bytes.subarray(0, 8));
  let length = 8;
  for (let at = 8, type = ""; type !== "IEND"; ) {
    const chunk = bytes.subarray(at, at + 12 + view.getUint32(at));
    type = String.fromCharCode(...chunk.subarray(4, 8));
    if (pngKept.has(type)) {
      file.set(chunk, length);
      length += chunk.length;
    }
    at += chunk.length;
  }
  return { file: file.subarray(0, length), pixels: width * height, orientation };
}

/** Readers skip chunks with a name that they do not know. */
const unknownName = new TextEncoder().encode("skip");

/** @throws Error cut short, damaged or too large */
export function examineWebp(bytes: Uint8Array): Decodable {
  const { width, height } = readPictureSize("WebP", bytes);
  const file = bytes.slice();
  let exif: Uint8Array | null = null;
  for (const { type, from, to } of webpChunks(bytes)) {
    if (type === "EXIF") exif ??= bytes.subarray(from, to);
    if (type === "EXIF" || type === "XMP ") file.set(unknownName, from - 8);
  }
  return { file, pixels: width * height, orientation: exif ? exifOrientation(exif) : 1 };
}
