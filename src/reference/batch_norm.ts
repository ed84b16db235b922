import { leakyRelu, leakyReluGradient } from "./activations.ts";
import { columnSum } from "./reduce.ts";

// Batch normalisation (Ioffe and Szegedy 2015, arxiv.org/abs/1502.03167) of x [rows, C], rows = N·H·W: each channel is a
// column.

/**
 * Mean and biased variance of each column, in two passes: E[x²] − E[x]² would cancel where the mean is large.
 *
 * @param x [rows, C]
 * @returns mean [C] and variance [C] = Σ (x − mean)² / rows
 */
export function batchNormStatistics(
  x: ArrayLike<number>,
  rows: number,
  C: number,
): { mean: Float64Array; variance: Float64Array } {
  const mean = columnSum(x, rows, C).map((total) => total / rows);
  const squares = new Float64Array(C);
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < C; c++) squares[c] += (x[row * C + c] - mean[c]) ** 2;
  }
  return { mean, variance: squares.map((total) => total / rows) };
}

/**
 * y = gamma · x̂ + beta with x̂ = (x − mean) · rstd and rstd = 1 / sqrt(variance + epsilon). The statistics are the
 * batch's when training and the running ones when sampling.
 *
 * @param x [rows, C]
 * @param mean [C]
 * @param variance [C], biased
 * @param gamma [C]
 * @param beta [C]
 * @returns y [rows, C]
 */
export function batchNorm(
  x: ArrayLike<number>,
  mean: ArrayLike<number>,
  variance: ArrayLike<number>,
  gamma: ArrayLike<number>,
  beta: ArrayLike<number>,
  epsilon: number,
  rows: number,
  C: number,
): Float64Array {
  const y = new Float64Array(rows * C);
  for (let c = 0; c < C; c++) {
    const rstd = 1 / Math.sqrt(variance[c] + epsilon);
    for (let row = 0; row < rows; row++) {
      const i = row * C + c;
      y[i] = gamma[c] * (x[i] - mean[c]) * rstd + beta[c];
    }
  }
  return y;
}

/**
 * The gradients of batch normalisation with the batch's own statistics, which also depend on x:
 *
 *     dbeta  = Σ dy
 *     dgamma = Σ dy · x̂
 *     dx     = gamma · rstd · (dy − dbeta/rows − x̂ · dgamma/rows)
 *
 * @param x [rows, C]
 * @param dy [rows, C]
 * @param gamma [C]
 * @returns dx [rows, C], dgamma [C], dbeta [C]
 */
export function batchNormGradient(
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  gamma: ArrayLike<number>,
  epsilon: number,
  rows: number,
  C: number,
): { dx: Float64Array; dgamma: Float64Array; dbeta: Float64Array } {
  const { mean, variance } = batchNormStatistics(x, rows, C);
  const dx = new Float64Array(rows * C);
  const dgamma = new Float64Array(C);
  const dbeta = new Float64Array(C);
  for (let c = 0; c < C; c++) {
    const rstd = 1 / Math.sqrt(variance[c] + epsilon);
    for (let row = 0; row < rows; row++) {
      const i = row * C + c;
      dbeta[c] += dy[i];
      dgamma[c] += dy[i] * (x[i] - mean[c]) * rstd;
    }
    for (let row = 0; row < rows; row++) {
      const i = row * C + c;
      const xHat = (x[i] - mean[c]) * rstd;
      dx[i] = gamma[c] * rstd * (dy[i] - dbeta[c] / rows - (xHat * dgamma[c]) / rows);
    }
  }
  return { dx, dgamma, dbeta };
}

/** Rows [group·rows, (group + 1)·rows) of x [.., C]. */
function groupOf(x: ArrayLike<number>, group: number, rows: number, C: number): number[] {
  return Array.from({ length: rows * C }, (_, i) => x[group * rows * C + i]);
}

/** Sizes of a batch normalisation fused with leaky ReLU: `groups` of `rows` rows, each normalised separately. */
export interface BatchNormLeakyReluDims {
  readonly groups: number;
  readonly rows: number;
  readonly C: number;
  readonly epsilon: number;
  readonly slope: number;
}

/**
 * y = leakyRelu(batchNorm(x)), each group with its own statistics.
 *
 * @param x [groups·rows, C]
 * @param gamma [C]
 * @param beta [C]
 * @returns y [groups·rows, C]
 */
export function batchNormLeakyRelu(
  x: ArrayLike<number>,
  gamma: ArrayLike<number>,
  beta: ArrayLike<number>,
  { groups, rows, C, epsilon, slope }: BatchNormLeakyReluDims,
): Float64Array {
  const y = new Float64Array(groups * rows * C);
  for (let group = 0; group < groups; group++) {
    const part = groupOf(x, group, rows, C);
    const { mean, variance } = batchNormStatistics(part, rows, C);
    y.set(leakyRelu(batchNorm(part, mean, variance, gamma, beta, epsilon, rows, C), slope), group * rows * C);
  }
  return y;
}

/**
 * The gradients of `batchNormLeakyRelu`.
 *
 * @param x [groups·rows, C]
 * @param dy [groups·rows, C]
 * @returns dx [groups·rows, C]; dgamma [C] and dbeta [C], which the groups share
 */
export function batchNormLeakyReluGradient(
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  gamma: ArrayLike<number>,
  beta: ArrayLike<number>,
  dims: BatchNormLeakyReluDims,
): { dx: Float64Array; dgamma: Float64Array; dbeta: Float64Array } {
  const { groups, rows, C, epsilon, slope } = dims;
  const masked = leakyReluGradient(dy, batchNormLeakyRelu(x, gamma, beta, dims), slope);
  const dx = new Float64Array(groups * rows * C);
  const dgamma = new Float64Array(C);
  const dbeta = new Float64Array(C);
  for (let group = 0; group < groups; group++) {
    const [part, upstream] = [groupOf(x, group, rows, C), groupOf(masked, group, rows, C)];
    const gradient = batchNormGradient(part, upstream, gamma, epsilon, rows, C);
    dx.set(gradient.dx, group * rows * C);
    for (let c = 0; c < C; c++) {
      dgamma[c] += gradient.dgamma[c];
      dbeta[c] += gradient.dbeta[c];
    }
  }
  return { dx, dgamma, dbeta };
}
