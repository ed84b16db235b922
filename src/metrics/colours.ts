/** How much the colours of two sets of pictures differ. SWD normalises colours away, so it cannot see this. */
import type { Pictures } from "../data/pictures.ts";
import { eigenSymmetric } from "./symmetric.ts";

/** Mean colour and covariance of colours, over all pixels of all pictures, in 8-bit levels. */
export interface Colours {
  /** [3] */
  readonly mean: readonly number[];
  /** [3, 3], in squared levels */
  readonly covariance: readonly number[];
}

/** Both in 8-bit levels, so that 255 is from black to white along one channel. */
export interface ColourDistance {
  /** Distance of the mean colours. */
  readonly mean: number;
  /** Distance of the covariances, see `gaussianDistance`. */
  readonly covariance: number;
}

/** How widely colours spread around their mean, in 8-bit levels. */
export interface ColourSpread {
  /** Deviation of the greys (R + G + B)/3: contrast. */
  readonly grey: number;
  /** Root mean square distance from the grey line through the mean: how colourful. */
  readonly chroma: number;
}

export function coloursOf({ pixels }: Pictures): Colours {
  const count = pixels.length / 3;
  const sums = [0, 0, 0];
  const products = new Array<number>(9).fill(0);
  // Whole numbers, exact up to 2⁵³: no cancellation.
  for (let i = 0; i < pixels.length; i += 3) {
    for (let a = 0; a < 3; a++) {
      sums[a] += pixels[i + a];
      for (let b = 0; b < 3; b++) products[a * 3 + b] += pixels[i + a] * pixels[i + b];
    }
  }
  const mean = sums.map((sum) => sum / count);
  const covariance = products.map((sum, i) => sum / count - mean[Math.floor(i / 3)] * mean[i % 3]);
  return { mean, covariance };
}

/**
 * The Wasserstein-2 distance of two normal distributions in its two parts (Dowson and Landau, 1982): |μa − μb|, and for
 * the covariances sqrt(tr(A + B − 2·(A^½ B A^½)^½)). Normal distributions of one shape and deviations σ and τ along each
 * of three axes have a covariance distance of √3·|σ − τ|.
 */
export function colourDistance(a: Colours, b: Colours): ColourDistance {
  const mean = Math.hypot(...a.mean.map((value, i) => value - b.mean[i]));
  const root = squareRoot(a.covariance);
  const between = squareRoot(multiply(multiply(root, b.covariance), root));
  const trace = (m: readonly number[]) => m[0] + m[4] + m[8];
  // Rounding may take a distance of 0 below it.
  const squared = trace(a.covariance) + trace(b.covariance) - 2 * trace(between);
  return { mean, covariance: Math.sqrt(Math.max(0, squared)) };
}

/** A covariance's variance along (1, 1, 1), and across it: the rest of its trace. */
export function colourSpread({ covariance }: Colours): ColourSpread {
  const sum = covariance.reduce((total, value) => total + value, 0);
  const trace = covariance[0] + covariance[4] + covariance[8];
  // Rounding may take greys' chroma of 0 below it.
  return { grey: Math.sqrt(sum) / 3, chroma: Math.sqrt(Math.max(0, trace - sum / 3)) };
}

/** The square root of a positive semidefinite matrix; negative eigenvalues, from rounding, count as 0. */
function squareRoot(matrix: readonly number[]): number[] {
  const { values, vectors } = eigenSymmetric(matrix, 3);
  return Array.from({ length: 9 }, (_, i) => {
    const [row, column] = [Math.floor(i / 3), i % 3];
    return values.reduce(
      (sum, value, k) => sum + vectors[row * 3 + k] * Math.sqrt(Math.max(0, value)) * vectors[column * 3 + k],
      0,
    );
  });
}

function multiply(a: readonly number[], b: readonly number[]): number[] {
  return Array.from({ length: 9 }, (_, i) =>
    [0, 1, 2].reduce((sum, k) => sum + a[Math.floor(i / 3) * 3 + k] * b[k * 3 + (i % 3)], 0),
  );
}
