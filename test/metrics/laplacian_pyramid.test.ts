import { describe, expect, test } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import {
  laplacianPyramid,
  laplacianPyramids,
  levelSizes,
  pyramidDown,
  pyramidUp,
} from "../../src/metrics/laplacian_pyramid.ts";
import { randomNumbers } from "../../src/verify/lab.ts";

const weights = [1, 4, 6, 4, 1];
const picture = (size: number) => {
  const random = randomNumbers(size);
  return Float64Array.from({ length: size * size * 3 }, () => 255 * random());
};

/** The 5×5 filter as one sum, on a picture mirrored about its edge rows and columns. */
function blurred(x: Float64Array, size: number, h: number, w: number, c: number): number {
  const reflect = (i: number) => Math.abs(i) - 2 * Math.max(0, Math.abs(i) - (size - 1));
  let sum = 0;
  for (let r = 0; r < 5; r++) {
    for (let s = 0; s < 5; s++) {
      sum += (weights[r] * weights[s] * x[(reflect(h + r - 2) * size + reflect(w + s - 2)) * 3 + c]) / 256;
    }
  }
  return sum;
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0);
}

describe("against the filter as one sum", () => {
  test.each([16, 6])("down from %i", (size) => {
    const x = picture(size);
    const half = size / 2;
    const expected = new Float64Array(half * half * 3).map((_, i) => {
      const pixel = Math.floor(i / 3);
      return blurred(x, size, 2 * Math.floor(pixel / half), 2 * (pixel % half), i % 3);
    });
    expect(largestDifference(pyramidDown(x, size), expected)).toBeLessThan(1e-11);
  });

  test.each([8, 3])("up from %i", (size) => {
    const x = picture(size);
    const double = 2 * size;
    const spread = new Float64Array(double * double * 3);
    for (let i = 0; i < x.length; i++) {
      const pixel = Math.floor(i / 3);
      spread[(2 * Math.floor(pixel / size) * double + 2 * (pixel % size)) * 3 + (i % 3)] = x[i];
    }
    const expected = spread.map((_, i) => {
      const pixel = Math.floor(i / 3);
      return 4 * blurred(spread, double, Math.floor(pixel / double), pixel % double, i % 3);
    });
    expect(largestDifference(pyramidUp(x, size), expected)).toBeLessThan(1e-11);
  });
});

test("a picture is the sum of its levels", () => {
  const x = picture(64);
  const levels = laplacianPyramid(x, 64);
  expect(levels.map(({ length }) => length)).toEqual([64, 32, 16].map((size) => size * size * 3));
  let rest = levels[2];
  for (const [i, size] of [16, 32].entries()) {
    const finer = levels[1 - i];
    rest = pyramidUp(rest, size).map((value, j) => value + finer[j]);
  }
  expect(largestDifference(rest, x)).toBeLessThan(1e-11);
});

test("one colour has nothing in the finer levels", () => {
  const [fine, coarse] = laplacianPyramid(new Float64Array(32 * 32 * 3).fill(100), 32);
  expect(largestDifference(fine, new Float64Array(fine.length))).toBeLessThan(1e-12);
  expect(largestDifference(coarse, new Float64Array(coarse.length).fill(100))).toBeLessThan(1e-12);
});

test("a set's levels are its pictures' one after the other", () => {
  const set = paintCats(32, 3, 1);
  const levels = laplacianPyramids(set);
  expect(levels.map(({ size }) => size)).toEqual(levelSizes(32));
  const second = laplacianPyramid(Float64Array.from(set.pixels.subarray(3072, 6144)), 32);
  for (const [i, { size, values }] of levels.entries()) {
    const numbers = size * size * 3;
    expect(values.length).toBe(3 * numbers);
    expect(values.subarray(numbers, 2 * numbers)).toEqual(Float32Array.from(second[i]));
  }
});
