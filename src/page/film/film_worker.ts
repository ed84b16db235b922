/** Encodes a film in its own worker, so that it delays neither the page nor training. */
import { encodeGif } from "../../data/gif.ts";
import { factorFor, type Image, scaled } from "../../data/image.ts";
import type { FilmFrame, FilmOrder, FilmWorkerMessage } from "./protocol.ts";
import { encodeVideo } from "./video.ts";

/** What a dedicated worker's global scope has and TypeScript's DOM types do not. */
declare function postMessage(message: FilmWorkerMessage): void;

let give: ((frame: FilmFrame["frame"]) => void) | null = null;

export async function receive(message: FilmOrder | FilmFrame): Promise<void> {
  if (message.kind === "frame") {
    give?.(message.frame);
    return;
  }
  try {
    postMessage({ kind: "done", file: await make(message) });
  } catch (error) {
    postMessage({ kind: "failure", message: error instanceof Error ? error.message : String(error) });
  }
}

async function make(order: FilmOrder): Promise<Blob> {
  const isVideo = order.format === "video";
  let factor = factorFor(order.pictureSize, order.pictureWidth);
  // An even factor, so that a video's chroma, which has half the resolution, aligns with the pixels.
  if (isVideo && factor > 1) factor -= factor & 1;
  async function* enlarged() {
    for await (const frame of frames()) yield scaled(frame, factor);
  }
  if (isVideo) return await encodeVideo(enlarged(), order);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of encodeGif(enlarged(), order)) parts.push(part);
  return new Blob(parts, { type: "image/gif" });
}

/** The page's frames, one at a time. */
async function* frames(): AsyncGenerator<Image> {
  for (;;) {
    const next = new Promise<FilmFrame["frame"]>((resolve) => {
      give = resolve;
    });
    postMessage({ kind: "next" });
    const frame = await next;
    if (frame === null) return;
    yield await imageOf(frame);
  }
}

async function imageOf(frame: Blob | ImageData): Promise<Image> {
  const { width, height, data } = frame instanceof Blob ? await decode(frame) : frame;
  return { width, height, rgba: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

async function decode(png: Blob): Promise<ImageData> {
  const bitmap = await createImageBitmap(png);
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}
