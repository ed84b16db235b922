/** Encodes a GIF out of the way of the page and of the training. */
import { enlarge, type Image } from "../data/image.ts";
import { encodeGif } from "./gif.ts";

export interface GifOrder {
  /** PNGs, in order. */
  grids: Blob[];
  /** Height and width of a single picture, in pixels. */
  pictureSize: number;
}

export type GifMessage = { done: number; file: null } | { done: number; file: Blob };

declare function postMessage(message: GifMessage): void;

export async function receive({ grids, pictureSize }: GifOrder): Promise<void> {
  const frame = async (index: number) => enlarge(await decode(grids[index]), pictureSize);
  const bytes = await encodeGif(grids.length, frame, (done) => postMessage({ done, file: null }));
  postMessage({ done: grids.length, file: new Blob([bytes], { type: "image/gif" }) });
}

async function decode(png: Blob): Promise<Image> {
  const bitmap = await createImageBitmap(png);
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, rgba: new Uint8Array(context.getImageData(0, 0, width, height).data.buffer) };
}
