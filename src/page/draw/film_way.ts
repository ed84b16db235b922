/** The frames of a film through latent space. */
import type { Place } from "../../train/walk.ts";
import type { Painter } from "./painter.ts";
import { atOnce } from "./protocol.ts";

/** Milliseconds per frame: a whole number of hundredths of a second, the unit of GIF. */
const frameTime = 40;
/** Films end where they begin, so that they can be played in a loop: the last frame is like any other. */
export const filmTiming = { delay: frameTime, lastDelay: frameTime };
/** Width of the picture, in pixels. */
export const filmWidth = { gif: 384, video: 512 };

/** @param ms length of the film @param at the place at a fraction of the film, from 0 to below 1 */
export function filmPlaces(ms: number, at: (share: number) => Place): Place[] {
  const count = Math.round(ms / frameTime);
  return Array.from({ length: count }, (_, frame) => at(frame / count));
}

/** Draws the places, a few at a time; then the GPU is left to others for as long as the drawing took. */
export async function* framesAt(places: readonly Place[], painter: Pick<Painter, "draw">): AsyncGenerator<ImageData> {
  for (let from = 0; from < places.length; from += atOnce) {
    const began = performance.now();
    yield* await painter.draw(places.slice(from, from + atOnce));
    const took = performance.now() - began;
    await new Promise((resolve) => setTimeout(resolve, took));
  }
}
