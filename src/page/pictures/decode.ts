/** One JPEG or PNG → RGB in a browser's worker. What is refused, and in which words, is as on the command line. */
import { InflateError } from "../../data/inflate.ts";
import { readJpegHeader } from "../../data/jpeg.ts";
import { type Picture, pictureFormat, unknownFormat } from "../../data/picture_file.ts";
import { pngPicture, readPngFile } from "../../data/png.ts";
import { browserInflating } from "./inflate.ts";

/** Pixels are read back in squares of this side: no canvas need be as large as the picture, which some browsers refuse. */
const tile = 1024;

/**
 * A whole file's picture, as the command line's `decodePicture`: upright, transparency laid on white, RGB. A PNG gives the
 * same bytes as there; JPEGs go through the browser's own decoder, which rounds and blends colours in its own way.
 * @throws Error one line that names what is wrong: not a picture, cut short, damaged, too large, or of an unsupported kind
 */
export async function decodePicture(bytes: Uint8Array): Promise<Picture> {
  switch (pictureFormat(bytes)) {
    case "JPEG":
      return await decodeJpeg(bytes);
    case "PNG":
      return await decodePng(bytes);
    default:
      throw new Error(unknownFormat);
  }
}

export async function decodePng(bytes: Uint8Array): Promise<Picture> {
  const file = readPngFile(bytes);
  try {
    return pngPicture(file, await browserInflating.inflate(file.data, "zlib", file.dataBytes));
  } catch (error) {
    throw error instanceof InflateError ? new Error(`damaged PNG: ${error.message}`) : error;
  }
}

async function decodeJpeg(bytes: Uint8Array): Promise<Picture> {
  const header = readJpegHeader(bytes);
  let bitmap: ImageBitmap;
  try {
    const file = new Blob([bytes as Uint8Array<ArrayBuffer>], { type: "image/jpeg" });
    // Colour profiles are not applied: the networks see the numbers of the file, here and on the command line.
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", imageOrientation: "from-image" });
  } catch {
    throw new Error("damaged JPEG");
  }
  try {
    const { width, height } = bitmap;
    if (width * height !== header.width * header.height) throw new Error("damaged JPEG: it holds two sizes");
    return { width, height, rgb: readBack(bitmap) };
  } finally {
    bitmap.close();
  }
}

let canvas: OffscreenCanvasRenderingContext2D | null = null;

/** On the CPU, where the pixels are needed. @throws Error where the browser does not let pixels be read */
function openCanvas(): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(tile, tile).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser gives no canvas to read JPEGs with");
  // Protection against fingerprinting may put noise in the place of what a canvas holds. A little does no harm.
  const expected = [200, 100, 50, 255];
  context.putImageData(new ImageData(new Uint8ClampedArray([...expected, ...expected]), 2, 1), 0, 0);
  const { data } = context.getImageData(0, 0, 2, 1);
  if (data.some((value, i) => Math.abs(value - expected[i % 4]) > 2)) {
    throw new Error(
      "this browser hides what its canvases hold, so JPEGs cannot be read: allow it for this page, or bring PNGs",
    );
  }
  return context;
}

/** @returns [height, width, 3] */
function readBack(bitmap: ImageBitmap): Uint8Array {
  canvas ??= openCanvas();
  const { width, height } = bitmap;
  const rgb = new Uint8Array(width * height * 3);
  for (let top = 0; top < height; top += tile) {
    const rows = Math.min(tile, height - top);
    for (let left = 0; left < width; left += tile) {
      const columns = Math.min(tile, width - left);
      canvas.drawImage(bitmap, left, top, columns, rows, 0, 0, columns, rows);
      const { data } = canvas.getImageData(0, 0, columns, rows);
      for (let y = 0, from = 0; y < rows; y++) {
        let to = ((top + y) * width + left) * 3;
        for (let x = 0; x < columns; x++, from += 4) {
          rgb[to++] = data[from];
          rgb[to++] = data[from + 1];
          rgb[to++] = data[from + 2];
        }
      }
    }
  }
  return rgb;
}
