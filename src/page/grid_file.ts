/** Grids of pictures as PNG files. */
import { pictureGrid, previewCount } from "../data/grid.ts";
import type { Image } from "../data/image.ts";
import type { Pictures } from "../data/pictures.ts";

export async function encodePng({ width, height, rgba }: Image): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const pixels = new Uint8ClampedArray(rgba.buffer as ArrayBuffer, rgba.byteOffset, rgba.byteLength);
  canvas.getContext("2d")!.putImageData(new ImageData(pixels, width, height), 0, 0);
  return await canvas.convertToBlob({ type: "image/png" });
}

/** The first of the training pictures, as many as a run's preview has. */
export async function realsGrid({ size, count, pixels }: Pictures): Promise<Blob> {
  return await encodePng(pictureGrid({ size, count: Math.min(count, previewCount(size)), pixels }));
}
