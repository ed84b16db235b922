/**
 * JPEG and PNG files → RGB. For Node and Deno only; a page has the browser's own decoders (src/page/pictures/decode.ts).
 *
 * Files come from anywhere, so every decoder is preceded by a walk over the file's structure: what is in it, how large
 * it will be, whether its end is there. Only then is anything allocated. The decoder alone is not enough: jpeg-js reads
 * zeros past the end of a file.
 */
import { inflateRawSync, inflateSync } from "node:zlib";
import jpeg from "jpeg-js";
import { InflateError } from "../data/inflate.ts";
import { readJpegHeader } from "../data/jpeg.ts";
import { maxPixels, type Picture, pictureFormat, unknownFormat } from "../data/picture_file.ts";
import { pngPicture, readPngFile } from "../data/png.ts";

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
    default:
      throw new Error(unknownFormat);
  }
}

/** {@link Inflate} at once. */
export function inflate(data: Uint8Array, kind: "zlib" | "raw", atMost: number): Uint8Array {
  try {
    // Node has no limit of 0, and the caller sees that there is a byte too many.
    return (kind === "zlib" ? inflateSync : inflateRawSync)(data, { maxOutputLength: Math.max(1, atMost) });
  } catch (error) {
    throw new InflateError((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE" ? "too long" : "broken");
  }
}

function decodePng(bytes: Uint8Array): Picture {
  const file = readPngFile(bytes);
  try {
    return pngPicture(file, inflate(file.data, "zlib", file.dataBytes));
  } catch (error) {
    throw error instanceof InflateError ? new Error(`damaged PNG: ${error.message}`) : error;
  }
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

/** A decoder's own words, except where it just stumbled. */
function detail(error: unknown): string {
  return error instanceof TypeError || error instanceof RangeError
    ? ""
    : `: ${(error as Error).message.split("\n")[0]}`;
}
