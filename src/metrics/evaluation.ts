/** Measures a generator's pictures. Each figure comes with its floor: what real pictures score against real ones. */
import { type Pictures, pickPictures } from "../data/pictures.ts";
import type { Stream } from "../gpu/stream.ts";
import { purposes } from "../random/noise_key.ts";
import { randomPermutation } from "../random/philox.ts";
import { type ColourDistance, type ColourSpread, colourDistance, colourSpread, coloursOf } from "./colours.ts";
import { densityCoverage } from "./density_coverage.ts";
import { type Kid, kid } from "./kid.ts";
import { meanPairSimilarity } from "./ms_ssim.ts";
import { type Closeness, closeness, type Nearest, nearestTo } from "./nearest.ts";
import { pickPoints, standardise } from "./points.ts";
import { randomFeatures } from "./random_features.ts";
import { type Swd, slicedWassersteinDistances } from "./swd.ts";

/** A figure of fakes against real pictures, and its floor: other real pictures against the same ones. */
export interface WithFloor<T> {
  readonly fake: T;
  readonly real: T;
}

export interface Evaluation {
  readonly swd: WithFloor<Swd>;
  readonly colour: WithFloor<ColourDistance>;
  /** Within each set. */
  readonly colourSpread: WithFloor<ColourSpread>;
  /** Mean MS-SSIM of pairs from the same set. */
  readonly msSsim: WithFloor<number>;
  readonly kidRand64: WithFloor<Kid>;
  readonly density: WithFloor<number>;
  readonly coverage: WithFloor<number>;
  /** Distance to the nearest picture in the data set (for a real one: another), in rand64's feature space. */
  readonly nearest: WithFloor<Closeness>;
}

/** Number of projections for SWD, as in the paper. */
const directions = 512;
/** Neighbours per ball in density and coverage, as the authors recommend. */
const neighbours = 5;
/** KID's subset size; for small sets, half the set. */
const kidSubsets = { subsets: 32, points: 256 };
/** Balls with five neighbours need more than five points in each half. */
const minPictures = 2 * (neighbours + 1);

/** Two disjoint sets of real pictures: one to measure against, one for the floor. */
export interface Halves {
  /** The data set. */
  readonly all: Pictures;
  /** Indices of the pictures in each half. */
  readonly reals: Uint32Array;
  readonly others: Uint32Array;
}

/**
 * Splits a data set at random.
 * @param max pictures in each half; fewer if the set is smaller than twice that
 * @throws Error where it has fewer than twelve
 */
export function splitReals(all: Pictures, max: number, seed: number): Halves {
  if (all.count < minPictures) {
    throw new Error(
      `evaluate: the data set has ${all.count} pictures, expected ${minPictures} or more: half of them give the floor`,
    );
  }
  const n = Math.min(max, Math.floor(all.count / 2));
  const order = randomPermutation(all.count, { seed, purpose: purposes.subsets, step: 0 });
  return { all, reals: order.subarray(0, n), others: order.subarray(n, 2 * n) };
}

/**
 * @param fakes the same number as in each half
 * @param seed for all random numbers in the metrics
 * @returns the numbers, and each fake's nearest picture of the data set
 */
export async function evaluate(
  stream: Stream,
  fakes: Pictures,
  halves: Halves,
  seed: number,
  onProgress?: (what: string, done: number, total: number) => void,
): Promise<{ evaluation: Evaluation; nearest: Nearest[] }> {
  const reals = pickPictures(halves.all, halves.reals);
  const others = pickPictures(halves.all, halves.others);
  const [fakeSwd, realSwd] = await slicedWassersteinDistances(stream, reals, [fakes, others], {
    directions,
    seed,
    onProgress: (done, total) => onProgress?.("comparing patches", done, total),
  });

  const [realColours, fakeColours] = [reals, fakes].map(coloursOf);

  const onFeatures = (done: number, total: number) => onProgress?.("comparing features", done, total);
  const allFeatures = await randomFeatures(stream, halves.all, onFeatures);
  const fakeFeatures = await randomFeatures(stream, fakes);
  const [set, drawn] = standardise([allFeatures, fakeFeatures], pickPoints(allFeatures, halves.reals));
  const [known, held] = [pickPoints(set, halves.reals), pickPoints(set, halves.others)];
  const [fakeBalls, realBalls] = [drawn, held].map((points) => densityCoverage(known, points, neighbours));
  const subsets = { ...kidSubsets, points: Math.min(kidSubsets.points, known.count >> 1), seed };
  const nearest = nearestTo(drawn, set, null);
  const realNearest = nearestTo(held, set, halves.others);
  const evaluation: Evaluation = {
    swd: { fake: fakeSwd, real: realSwd },
    colour: {
      fake: colourDistance(fakeColours, realColours),
      real: colourDistance(coloursOf(others), realColours),
    },
    colourSpread: { fake: colourSpread(fakeColours), real: colourSpread(realColours) },
    msSsim: { fake: meanPairSimilarity(fakes), real: meanPairSimilarity(reals) },
    kidRand64: {
      fake: kid(drawn, known, subsets),
      real: kid(held, known, subsets),
    },
    density: { fake: fakeBalls.density, real: realBalls.density },
    coverage: { fake: fakeBalls.coverage, real: realBalls.coverage },
    nearest: { fake: closeness(nearest, realNearest), real: closeness(realNearest, realNearest) },
  };
  return { evaluation, nearest };
}
