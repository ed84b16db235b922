import { describe, expect, test } from "vitest";
import {
  batchNorm,
  batchNormGradient,
  batchNormLeakyRelu,
  batchNormLeakyReluGradient,
  batchNormStatistics,
} from "../../src/reference/batch_norm.ts";
import { expectClose, expectGradient, random } from "./finite_difference.ts";

const EPSILON = 1e-5;

/** Batch-norm by the batch's own statistics, as in training. */
function trainingBatchNorm(
  x: ArrayLike<number>,
  gamma: ArrayLike<number>,
  beta: ArrayLike<number>,
  rows: number,
  C: number,
): Float64Array {
  const { mean, variance } = batchNormStatistics(x, rows, C);
  return batchNorm(x, mean, variance, gamma, beta, EPSILON, rows, C);
}

describe("batchNorm", () => {
  test("statistics by hand, the variance biased", () => {
    const { mean, variance } = batchNormStatistics([1, 10, 3, 10, 5, 40], 3, 2);
    expectClose(mean, [3, 20]);
    expectClose(variance, [8 / 3, 200]);
  });

  // 1e9 is where E[x²] − E[x]² has lost everything in f64, as it has at 1000 in f32.
  test.each([1000, 1e9])("a large mean does not cancel: mean %d, stddev 1", (centre) => {
    const rows = 1000;
    const x = Float64Array.from({ length: rows }, (_, i) => centre + (i % 2 === 0 ? -1 : 1));
    expect(batchNormStatistics(x, rows, 1)).toEqual({ mean: Float64Array.of(centre), variance: Float64Array.of(1) });
    const rstd = 1 / Math.sqrt(1 + EPSILON);
    const expected = x.map((value) => 2 * (value - centre) * rstd + 0.25);
    expectClose(trainingBatchNorm(x, [2], [0.25], rows, 1), expected);
  });

  test("given statistics are used as they are", () => {
    expectClose(batchNorm([1, 2, 3, 4], [1, 2], [4, 0], [6, 1], [0.5, 7], 0.0625, 2, 2), [
      0.5,
      7,
      0.5 + (6 * 2) / Math.sqrt(4.0625),
      7 + 2 / 0.25,
    ]);
  });

  test.each([
    { rows: 7, C: 3, mean: 0 },
    { rows: 63, C: 5, mean: 0 },
    { rows: 2, C: 1, mean: 0 },
    { rows: 63, C: 2, mean: 1000 },
  ])("gradients, x [$rows,$C] around $mean", ({ rows, C, mean }) => {
    // Uniform in ±sqrt(3): stddev 1.
    const x = random(rows * C, 1).map((value) => mean + Math.sqrt(3) * value);
    const gamma = random(C, 2).map((value) => 1 + value / 2);
    const beta = random(C, 3);
    const dy = random(rows * C, 4);
    const { dx, dgamma, dbeta } = batchNormGradient(x, dy, gamma, EPSILON, rows, C);
    expectGradient(dx, (x) => trainingBatchNorm(x, gamma, beta, rows, C), x, dy);
    expectGradient(dgamma, (gamma) => trainingBatchNorm(x, gamma, beta, rows, C), gamma, dy);
    expectGradient(dbeta, (beta) => trainingBatchNorm(x, gamma, beta, rows, C), beta, dy);
  });

  test("dx is orthogonal to 1 and, except for epsilon, to x: shifts and scales do not matter", () => {
    const rows = 50;
    const x = random(rows, 1);
    const { dx } = batchNormGradient(x, random(rows, 4), [1.5], 0, rows, 1);
    expectClose([dx.reduce((sum, value) => sum + value, 0)], [0]);
    expectClose([dx.reduce((sum, value, i) => sum + value * x[i], 0)], [0]);
    expect(Math.max(...dx)).toBeGreaterThan(0.1);
  });

  test("one row: y is beta, dx is 0", () => {
    expectClose(trainingBatchNorm([3, -4], [2, 2], [0.5, 0.75], 1, 2), [0.5, 0.75]);
    const { dx, dgamma, dbeta } = batchNormGradient([3, -4], [5, 6], [2, 2], EPSILON, 1, 2);
    expectClose(dx, [0, 0]);
    expectClose(dgamma, [0, 0]);
    expectClose(dbeta, [5, 6]);
  });
});

test.each([1, 2])("with leaky ReLU, %i groups: gradients, and each group is normalised by itself", (groups) => {
  const dims = { groups, rows: 31, C: 3, epsilon: EPSILON, slope: 0.2 };
  const { rows, C } = dims;
  // Groups around other means: shared statistics would show.
  const x = random(groups * rows * C, 1).map((value, i) => value + (i < rows * C ? 0 : 5));
  const gamma = random(C, 2).map((value) => 1 + value / 2);
  const beta = random(C, 3);
  const dy = random(groups * rows * C, 4);
  const y = batchNormLeakyRelu(x, gamma, beta, dims);
  const last = x.slice((groups - 1) * rows * C);
  const alone = trainingBatchNorm(last, gamma, beta, rows, C).map((value) => (value > 0 ? value : 0.2 * value));
  expectClose(y.slice((groups - 1) * rows * C), alone);
  const { dx, dgamma, dbeta } = batchNormLeakyReluGradient(x, dy, gamma, beta, dims);
  expectGradient(dx, (x) => batchNormLeakyRelu(x, gamma, beta, dims), x, dy);
  expectGradient(dgamma, (gamma) => batchNormLeakyRelu(x, gamma, beta, dims), gamma, dy);
  expectGradient(dbeta, (beta) => batchNormLeakyRelu(x, gamma, beta, dims), beta, dy);
});
