/** The frames of a film through latent space. */
import type { Place } from "../../train/walk.ts";
import type { Painter } from "./painter.ts";
import { atOnce } from "./protocol.ts";

/** Milliseconds of a frame: a whole number of hundredths of a second, which is what GIF has. */
const frameTime = 40;
/** Films end where they begin, so that they can be played in a loop: the last frame is like any other. */
export const filmTiming = { delay: frameTime, lastDelay: frameTime };
/** Of the picture, in pixels. */
export const filmWidth = { gif: 384, video: 512 };

/** @param ms length of the film @param at the place after a share of it, 0 … 1 (which is not reached) */
export function filmPlaces(ms: number, at: (share: number) => Place): Place[] {
  const count = Math.round(ms / frameTime);
  return Array.from({ length: count }, (_, frame) => at(frame / count));
}

/** Draws the places, a few at a time; after each time the GPU is left to others for as long. */
export async function* framesAt(places: readonly Place[], painter: Pick<Painter, "draw">): AsyncGenerator<ImageData> {
  for (let from = 0; from < places.length; from += atOnce) {
    const began = performance.now();
    yield* await painter.draw(places.slice(from, from + atOnce));
    const took = performance.now() - began;
    await new Promise((resolve) => setTimeout(resolve, took));
  }
}
