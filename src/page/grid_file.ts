/** Grids of pictures as PNG files. */
import { pictureGrid } from "../data/grid.ts";
import type { Image } from "../data/image.ts";
import type { Pictures } from "../data/pictures.ts";

export async function encodePng({ width, height, rgba }: Image): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const pixels = new Uint8ClampedArray(rgba.buffer as ArrayBuffer, rgba.byteOffset, rgba.byteLength);
  canvas.getContext("2d")!.putImageData(new ImageData(pixels, width, height), 0, 0);
  return await canvas.convertToBlob({ type: "image/png" });
}

/** Some of the pictures, as many as a grid of samples has; few of them stand in fewer columns. */
export async function realsGrid({ size, count, pixels }: Pictures): Promise<Blob> {
  const columns = Math.min(size === 128 ? 6 : 8, Math.ceil(Math.sqrt(count)));
  return await encodePng(pictureGrid({ size, count: Math.min(count, columns ** 2), pixels }, columns));
}
