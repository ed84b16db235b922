import { uniform } from "../../src/random/philox.ts";

// PyTorch's defaults (torch.autograd.gradcheck), with f64 throughout.
const EPSILON = 1e-6;
const ATOL = 1e-5;
const RTOL = 1e-3;

/** `count` numbers in [−1, 1), others for every seed. */
export function random(count: number, seed: number): Float64Array {
  return uniform(count, { seed, purpose: 0, step: 0 }, -1, 1);
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < Math.max(a.length, b.length); i++) sum += a[i] * b[i];
  return sum;
}

/** Throws unless |actual − expected| ≤ atol + rtol·|expected| everywhere; NaN and unequal lengths throw as well. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { atol = 1e-12, rtol = 1e-12 } = {},
): void {
  if (actual.length !== expected.length) {
    throw new Error(`expected ${expected.length} numbers, got ${actual.length}`);
  }
  for (let i = 0; i < expected.length; i++) {
    if (!(Math.abs(actual[i] - expected[i]) <= atol + rtol * Math.abs(expected[i]))) {
      throw new Error(`element ${i} of ${expected.length}: expected ${expected[i]}, got ${actual[i]}`);
    }
  }
}

/**
 * Checks `gradient` of the scalar Σ dy·f(x) with respect to x against central finite differences. Give a random dy: ones
 * hide errors, a batch-norm's dx would be 0.
 */
export function expectGradient(
  gradient: ArrayLike<number>,
  f: (x: Float64Array) => ArrayLike<number>,
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
): void {
  const at = Float64Array.from(x);
  const differences = at.map((value, i) => {
    at[i] = value + EPSILON;
    const above = dot(dy, f(at));
    at[i] = value - EPSILON;
    const below = dot(dy, f(at));
    at[i] = value;
    return (above - below) / (2 * EPSILON);
  });
  expectClose(gradient, differences, { atol: ATOL, rtol: RTOL });
}
