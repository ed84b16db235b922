import { describe, expect, test } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import { type Colours, colourDistance, colourSpread, coloursOf } from "../../src/metrics/colours.ts";
import { eigenSymmetric } from "../../src/metrics/symmetric.ts";

const scalar = (sigma: number, mean = [0, 0, 0]): Colours => ({
  mean,
  covariance: [0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => (i % 4 === 0 ? sigma ** 2 : 0)),
});

describe("colours", () => {
  test("of a set counted by hand", () => {
    const pixels = Uint8Array.from([0, 10, 20, 100, 30, 20]);
    const { mean, covariance } = coloursOf({ size: 1, count: 2, pixels });
    expect(mean).toEqual([50, 20, 20]);
    expect(covariance).toEqual([2500, 500, 0, 500, 100, 0, 0, 0, 0]);
  });

  test("distance of normal distributions: |Δmean|, and √3·|σ − τ| of round ones", () => {
    const { mean, covariance } = colourDistance(scalar(10), scalar(25, [3, 4, 12]));
    expect(mean).toBe(13);
    expect(covariance).toBeCloseTo(15 * Math.sqrt(3), 9);
  });

  test("covariances that commute: the distance of their square roots; those that do not: by hand", () => {
    const diagonal = (a: number, b: number, c: number): Colours => ({
      mean: [0, 0, 0],
      covariance: [a * a, 0, 0, 0, b * b, 0, 0, 0, c * c],
    });
    expect(colourDistance(diagonal(1, 2, 3), diagonal(3, 5, 9)).covariance).toBeCloseTo(Math.hypot(2, 3, 6), 9);
    // In the plane tr (AB)^½ = sqrt(tr AB + 2·sqrt(det A · det B)): A = [2 1; 1 1], B = [1 0; 0 4].
    const a: Colours = { mean: [0, 0, 0], covariance: [2, 1, 0, 1, 1, 0, 0, 0, 0] };
    const expected = Math.sqrt(3 + 5 - 2 * Math.sqrt(6 + 2 * 2));
    expect(colourDistance(a, diagonal(1, 2, 0)).covariance).toBeCloseTo(expected, 7);
    expect(colourDistance(diagonal(1, 2, 0), a).covariance).toBeCloseTo(expected, 7);
  });

  test("spread: greys have no chroma, colours of one grey no contrast, and both together are the trace", () => {
    const of = (...pixels: number[]) =>
      colourSpread(coloursOf({ size: 1, count: pixels.length / 3, pixels: Uint8Array.from(pixels) }));
    expect(of(10, 10, 10, 50, 50, 50)).toEqual({ grey: 20, chroma: 0 });
    // 30 from the mean along red and −30 along blue.
    const opponents = of(90, 60, 30, 30, 60, 90);
    expect(opponents.grey).toBe(0);
    expect(opponents.chroma).toBeCloseTo(30 * Math.sqrt(2), 12);
    const cats = coloursOf(paintCats(16, 20, 1));
    const { grey, chroma } = colourSpread(cats);
    const [red, , , , green, , , , blue] = cats.covariance;
    expect(3 * grey ** 2 + chroma ** 2).toBeCloseTo(red + green + blue, 8);
  });

  test("equal sets have none; grey pictures, whose covariance is singular, neither", () => {
    const cats = coloursOf(paintCats(16, 20, 1));
    const same = colourDistance(cats, cats);
    expect(same.mean).toBe(0);
    expect(same.covariance).toBeLessThan(1e-4);
    const grey = coloursOf({ size: 2, count: 1, pixels: Uint8Array.from([1, 1, 1, 9, 9, 9, 200, 200, 200, 4, 4, 4]) });
    expect(colourDistance(grey, grey).covariance).toBeLessThan(1e-4);
  });
});

test("eigenvectors are orthonormal, and give the matrix back", () => {
  const matrix = [4, 1, -2, 1, 3, 0.5, -2, 0.5, 7];
  const { values, vectors } = eigenSymmetric(matrix, 3);
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      const again = values.reduce((sum, value, k) => sum + value * vectors[i * 3 + k] * vectors[j * 3 + k], 0);
      expect(again).toBeCloseTo(matrix[i * 3 + j], 12);
      const dot = [0, 1, 2].reduce((sum, k) => sum + vectors[k * 3 + i] * vectors[k * 3 + j], 0);
      expect(dot).toBeCloseTo(i === j ? 1 : 0, 12);
    }
  }
});
