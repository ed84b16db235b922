/** Encodes a GIF out of the way of the page and of the training. */
import { encodeGif } from "../data/gif.ts";
import { enlargeForGif, type Image } from "../data/image.ts";

export interface GifOrder {
  /** PNGs, in order. */
  grids: Blob[];
  /** Height and width of a single picture, in pixels. */
  pictureSize: number;
}

export type GifMessage = { done: number; file: null } | { done: number; file: Blob };

declare function postMessage(message: GifMessage): void;

/** Milliseconds of a grid, and of the last one. */
const timing = { delay: 140, lastDelay: 2500 };

export async function receive({ grids, pictureSize }: GifOrder): Promise<void> {
  async function* frames() {
    for (const [done, grid] of grids.entries()) {
      postMessage({ done, file: null });
      yield enlargeForGif(await decode(grid), pictureSize);
    }
  }
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of encodeGif(frames(), timing)) parts.push(part);
  postMessage({ done: grids.length, file: new Blob(parts, { type: "image/gif" }) });
}

async function decode(png: Blob): Promise<Image> {
  const bitmap = await createImageBitmap(png);
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, rgba: new Uint8Array(context.getImageData(0, 0, width, height).data.buffer) };
}
