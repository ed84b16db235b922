/** The allowed errors of batch normalisation, derived for one column at a time. */
import { statisticsChunks } from "../kernels/batch_norm_chunks.ts";
import { divisionUnits, smallest, sqrtUnits, unit } from "./check.ts";
import { sumBound } from "./lab.ts";

const { abs, fround, sqrt } = Math;

export const epsilon = fround(1e-5);
/** Rounding units of 1 / sqrt(variance + epsilon). */
export const rstdUnits = 1 + sqrtUnits + divisionUnits;

/** The allowed errors of the statistics of one column. */
export function statisticsErrors(rows: number, mean: number, variance: number) {
  const chunks = statisticsChunks(rows);
  const steps = Math.min(rows, chunks.rows) + chunks.count;
  // A mean is as exact as a sum of `steps` numbers of x's magnitude, divided by `steps`.
  const meanError = sumBound(steps, (mean ** 2 + variance) * steps) / steps + unit * abs(mean);
  // Chan's formula squares differences of the chunks' means, which have that error.
  const varianceError =
    sumBound(steps, 3 * variance ** 2 * steps) + 2 * meanError * sqrt(variance) + meanError ** 2 + smallest;
  const rstd = 1 / sqrt(variance + epsilon);
  return {
    mean: meanError,
    variance: varianceError,
    rstd: 0.5 * rstd ** 3 * varianceError + unit * rstdUnits * rstd,
  };
}

/**
 * The allowed errors of the gradients of one column: dgamma, dbeta, and dx of each row.
 * @param indices of the column's elements in x
 * @param upstream an element's gradient g = dL/d(gamma · x̂ + beta), and its error, given x̂ and x̂'s error
 */
export function gradientErrors(
  x: ArrayLike<number>,
  indices: readonly number[],
  { mean, variance, gamma }: { mean: number; variance: number; gamma: number },
  upstream: (i: number, xHat: number, xHatError: number) => { g: number; gError: number },
) {
  const rows = indices.length;
  const rstd = 1 / sqrt(variance + epsilon);
  // The mean was rounded to f32, which shifts every x̂; then come x̂'s own three roundings.
  const shift = 0.5 * unit * abs(mean) * rstd;
  const elements = indices.map((i) => {
    const xHat = (x[i] - mean) * rstd;
    const xHatError = shift + 3 * unit * abs(xHat);
    return { xHat, xHatError, ...upstream(i, xHat, xHatError) };
  });
  const total = (term: (element: (typeof elements)[number]) => number) =>
    elements.reduce((sum, element) => sum + term(element), 0);
  const inherited = total(({ g, gError, xHat, xHatError }) => abs(g) * xHatError + gError * abs(xHat));
  const dgamma =
    inherited +
    sumBound(
      rows,
      total(({ g, xHat }) => (g * xHat) ** 2),
    );
  const dbeta =
    total(({ gError }) => gError) +
    sumBound(
      rows,
      total(({ g }) => g ** 2),
    );
  const [shareG, shareB] = [abs(total(({ g, xHat }) => g * xHat)) / rows, abs(total(({ g }) => g)) / rows];
  const dx = elements.map(({ g, gError, xHat, xHatError }) => {
    const terms = abs(g) + shareB + abs(xHat) * shareG;
    // Each term goes through a division or a product, two differences, and the two factors in front.
    const rounding = unit * (divisionUnits + 6) * terms;
    const inherited = (dbeta + abs(xHat) * dgamma) / rows + shareG * xHatError + gError;
    return abs(gamma) * rstd * (rounding + inherited) + smallest;
  });
  return { dgamma, dbeta, dx };
}
