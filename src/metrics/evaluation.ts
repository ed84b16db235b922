/** How good a generator's pictures are, each number beside what real pictures score against real ones. */
import type { Pictures } from "../data/pictures.ts";
import type { Stream } from "../gpu/stream.ts";
import { noiseStreams } from "../kernels/noise.ts";
import { randomPermutation } from "../reference/philox.ts";
import { type ColourDistance, colourDistance, coloursOf } from "./colours.ts";
import { type Swd, slicedWassersteinDistances } from "./swd.ts";

/** A number of the fakes against real pictures, and of other real pictures against the same: its floor. */
export interface Beside<T> {
  readonly fake: T;
  readonly real: T;
}

export interface Evaluation {
  readonly swd: Beside<Swd>;
  readonly colour: Beside<ColourDistance>;
}

/** Directions of SWD, as in the paper. */
const directions = 512;

/** Two sets of real pictures without a picture in common: one to measure against, one to give the floor. */
export interface Halves {
  readonly reals: Pictures;
  readonly others: Pictures;
}

/**
 * Splits a data set by chance.
 * @param most pictures of each half; fewer where the set has fewer than twice as many
 * @throws Error where it has fewer than two
 */
export function splitReals(pictures: Pictures, most: number, seed: number): Halves {
  const n = Math.min(most, Math.floor(pictures.count / 2));
  if (n < 1) {
    throw new Error(
      `evaluate: the data set has ${pictures.count} picture, expected 2 or more, half of them for the floor`,
    );
  }
  const order = randomPermutation(pictures.count, { seed, stream: noiseStreams.subsets, step: 0 });
  return { reals: pick(pictures, order.subarray(0, n)), others: pick(pictures, order.subarray(n, 2 * n)) };
}

function pick({ size, pixels }: Pictures, indices: Uint32Array): Pictures {
  const bytes = size * size * 3;
  const picked = new Uint8Array(indices.length * bytes);
  for (const [n, index] of indices.entries())
    picked.set(pixels.subarray(index * bytes, (index + 1) * bytes), n * bytes);
  return { size, count: indices.length, pixels: picked };
}

/** @param fakes as many as each half has @param seed of everything random in the metrics */
export async function evaluate(
  stream: Stream,
  fakes: Pictures,
  { reals, others }: Halves,
  seed: number,
  onProgress?: (done: number, total: number) => void,
): Promise<Evaluation> {
  const [fake, real] = await slicedWassersteinDistances(stream, reals, [fakes, others], {
    directions,
    seed,
    onProgress,
  });
  const colours = coloursOf(reals);
  return {
    swd: { fake, real },
    colour: {
      fake: colourDistance(coloursOf(fakes), colours),
      real: colourDistance(coloursOf(others), colours),
    },
  };
}
