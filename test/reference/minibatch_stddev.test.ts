import { expect, test } from "vitest";
import {
  minibatchStddev,
  minibatchStddevCurvature,
  minibatchStddevGradient,
} from "../../src/reference/minibatch_stddev.ts";
import { dot } from "../../src/reference/reduce.ts";
import { expectClose, expectGradient, random } from "./finite_difference.ts";

const dims = { G: 3, pixels: 2, C: 2 };
const x = random(2 * 3 * 2 * 2, 1);

test("by hand: two groups of two pictures of two pixels and one channel", () => {
  const y = minibatchStddev([1, 5, 3, 5, 0, 0, 0, 8], { G: 2, pixels: 2, C: 1 });
  // Deviations 1 and 0, then 0 and 4; a deviation of 0 is 1e-4.
  const [first, second] = [(1 + 1e-4) / 2, (1e-4 + 4) / 2];
  expectClose(y, [1, first, 5, first, 3, first, 5, first, 0, second, 0, second, 0, second, 8, second], { atol: 1e-8 });
});

test("other groups do not matter", () => {
  const changed = x.slice();
  changed[20] += 1;
  const [before, after] = [minibatchStddev(x, dims), minibatchStddev(changed, dims)];
  expect(after.slice(0, 18)).toEqual(before.slice(0, 18));
  expect(after[20]).not.toBe(before[20]);
});

test("gradient", () => {
  const dy = random(36, 2);
  expectGradient(minibatchStddevGradient(dy, x, dims), (x) => minibatchStddev(x, dims), x, dy);
});

test("the gradient's gradients, by dy and by x", () => {
  const [dy, u] = [random(36, 2), random(24, 3)];
  const { ddy, ddx } = minibatchStddevCurvature(u, dy, x, dims);
  expectGradient(ddx, (x) => minibatchStddevGradient(dy, x, dims), x, u);
  expectGradient(ddy, (dy) => minibatchStddevGradient(dy, x, dims), dy, u);
  // Linear in dy: Euler.
  expect(dot(ddy, dy)).toBeCloseTo(dot(u, minibatchStddevGradient(dy, x, dims)), 12);
});
