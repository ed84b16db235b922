/**
 * KID, the kernel distance of two sets of points: the squared maximum mean discrepancy under (x·y/d + 1)³, its unbiased
 * estimate, which is about 0 (and may be below) for two sets from the same distribution (Bińkowski, Sutherland, Arbel and
 * Gretton, "Demystifying MMD GANs", 2018).
 */
import { purposes } from "../random/noise_key.ts";
import { randomPermutation } from "../random/philox.ts";
import { type Points, pickPoints } from "./points.ts";

/** Mean over the subsets. */
export interface Kid {
  readonly mean: number;
  /** Standard deviation over the subsets. */
  readonly deviation: number;
}

/** @param options.subsets how many pairs of random subsets @param options.points of each; all where there are fewer */
export function kid(x: Points, y: Points, options: { subsets: number; points: number; seed: number }): Kid {
  const { subsets, points, seed } = options;
  const estimates = Array.from({ length: subsets }, (_, subset) => {
    const [a, b] = [x, y].map((set, side) => {
      const key = { seed, purpose: purposes.subsets, step: 1 + 2 * subset + side };
      return pickPoints(set, randomPermutation(set.count, key).subarray(0, points));
    });
    return squaredDiscrepancy(a, b);
  });
  const mean = estimates.reduce((sum, value) => sum + value, 0) / subsets;
  const squares = estimates.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / subsets) };
}

/** The unbiased estimate: pairs of a point with itself are left out. @throws Error for fewer than two points */
export function squaredDiscrepancy(x: Points, y: Points): number {
  if (x.count < 2 || y.count < 2) throw new Error(`KID: ${x.count} and ${y.count} points, expected 2 or more of each`);
  const within = (set: Points) => (kernelSum(set, set) - diagonalSum(set)) / (set.count * (set.count - 1));
  return within(x) + within(y) - (2 * kernelSum(x, y)) / (x.count * y.count);
}

function kernelSum(a: Points, b: Points): number {
  let sum = 0;
  for (let i = 0; i < a.count; i++) for (let j = 0; j < b.count; j++) sum += kernel(a, i, b, j);
  return sum;
}

function diagonalSum(a: Points): number {
  let sum = 0;
  for (let i = 0; i < a.count; i++) sum += kernel(a, i, a, i);
  return sum;
}

function kernel(a: Points, i: number, b: Points, j: number): number {
  const { dimensions } = a;
  let dot = 0;
  for (let d = 0; d < dimensions; d++) dot += a.values[i * dimensions + d] * b.values[j * dimensions + d];
  return (dot / dimensions + 1) ** 3;
}
