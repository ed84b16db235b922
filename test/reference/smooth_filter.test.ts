import { describe, expect, test } from "vitest";
import { smoothFilter, smoothFilterGradient } from "../../src/reference/smooth_filter.ts";
import { transposedConv2d } from "../../src/reference/transposed_conv2d.ts";
import { expectClose, expectGradient, random } from "./finite_difference.ts";

/** Of a one-channel filter [R,S], the sum of the taps of each parity of r and s. */
function phaseSums(filter: ArrayLike<number>, R: number, S: number): number[] {
  const sums = [0, 0, 0, 0];
  for (let r = 0; r < R; r++) {
    for (let s = 0; s < S; s++) sums[(r % 2) * 2 + (s % 2)] += filter[r * S + s];
  }
  return sums;
}

describe("smoothFilter", () => {
  test("by hand", () => {
    expect([...smoothFilter([4], 1, 1, 1, 1)]).toEqual([1, 1, 1, 1]);
    expect([...smoothFilter([4, 8], 1, 2, 1, 1)]).toEqual([1, 3, 2, 1, 3, 2]);
    expect([...smoothFilter([4, 8], 2, 1, 1, 1)]).toEqual([1, 1, 3, 3, 2, 2]);
    expect([...smoothFilter([4, 40, 8, 80], 1, 2, 2, 1)]).toEqual([1, 10, 3, 30, 2, 20, 1, 10, 3, 30, 2, 20]);
  });

  test("the four phases of a stride-2 filter have equal sums", () => {
    const w = random(16, 1);
    const quarter = w.reduce((sum, value) => sum + value, 0) / 4;
    expectClose(phaseSums(smoothFilter(w, 4, 4, 1, 1), 5, 5), [quarter, quarter, quarter, quarter]);
    const plain = phaseSums(random(25, 1), 5, 5);
    expect(() => expectClose(plain, Array(4).fill(plain[0]))).toThrow();
  });

  test("a flat picture stays flat through a stride-2 transposed convolution, away from the edge", () => {
    const shape = { N: 1, H: 16, W: 16, C: 1, R: 5, S: 5, K: 1, stride: 2 };
    const w = random(16, 2);
    const y = transposedConv2d(new Float64Array(64).fill(1), smoothFilter(w, 4, 4, 1, 1), null, shape);
    const inner = y.filter((_, i) => {
      const [h, column] = [Math.floor(i / 16), i % 16];
      return Math.min(h, column) >= 4 && Math.max(h, column) < 12;
    });
    expectClose(inner, new Float64Array(64).fill(w.reduce((sum, value) => sum + value, 0) / 4));
  });

  test.each([
    { R: 4, S: 4, C: 3, K: 2 },
    { R: 1, S: 3, C: 1, K: 5 },
  ])("gradient, w [$R,$S,$C,$K]", ({ R, S, C, K }) => {
    const dy = random((R + 1) * (S + 1) * C * K, 2);
    const w = random(R * S * C * K, 1);
    expectGradient(smoothFilterGradient(dy, R, S, C, K), (w) => smoothFilter(w, R, S, C, K), w, dy);
  });
});
