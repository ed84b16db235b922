/** PNGs where sharp cannot be loaded. */
import { PNG } from "pngjs";
import { upright } from "../data/orientation.ts";
import type { Picture } from "../data/picture_file.ts";
import { readPngFile } from "../data/png.ts";
import { inflate } from "./inflate.ts";
import { rgbOnWhite } from "./samples.ts";

/** pngjs takes about 14 bytes a pixel. */
const maxPixels = 16e6;

/**
 * As `decodePicture` (decode.ts), for PNGs only; colour profiles are not applied.
 * @throws a one-line Error that names what is wrong
 */
export function decodeWithPngjs(bytes: Uint8Array): Picture {
  const file = readPngFile(bytes);
  const { width, height, data, dataBytes, orientation } = file;
  if (width * height > maxPixels) {
    throw new Error(`PNG of ${width}×${height} pixels: without the library sharp the limit is 16 megapixels`);
  }
  try {
    // pngjs has no inflation limit for interlaced pictures and accepts data that are too short, so both are checked here.
    const inflated = inflate(data, "zlib", dataBytes).length;
    if (inflated !== dataBytes) throw new Error(`${inflated} bytes of pixels, expected ${dataBytes}`);
    const { data: rgba } = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    return upright({ width, height, rgb: rgbOnWhite(rgba, 4) }, orientation);
  } catch (error) {
    throw new Error(`damaged PNG: ${(error as Error).message.split("\n")[0]}`);
  }
}
