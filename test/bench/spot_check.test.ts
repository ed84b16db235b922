import { expect, test } from "vitest";
import { geometry as compared, denseAs } from "../../bench/dense.ts";
import { expectedAt, placesOf } from "../../bench/spot_check.ts";
import { convFlops, samePadding } from "../../src/kernels/geometry.ts";
import { type Pass, passes } from "../../src/kernels/variants.ts";
import * as reference from "../../src/reference/conv2d.ts";
import { randomNumbers } from "../../src/verify/lab.ts";

const shapes = [
  { N: 2, H: 9, W: 7, C: 3, R: 5, S: 4, K: 2, stride: 2 },
  { N: 1, H: 6, W: 5, C: 2, R: 3, S: 3, K: 3, stride: 1 },
  { N: 2, H: 4, W: 7, C: 1, R: 2, S: 2, K: 2, stride: 3 },
];

test.each(passes)("%s: the sums at every place are the reference's", (pass) => {
  const next = randomNumbers(3);
  const numbers = (count: number) => Float64Array.from({ length: count }, () => 2 * next() - 1);
  for (const shape of shapes) {
    const { N, H, W, C, R, S, K, stride } = shape;
    const [rows, columns] = [samePadding(H, R, stride), samePadding(W, S, stride)];
    const geometry = { ...shape, P: rows.out, Q: columns.out, padTop: rows.before, padLeft: columns.before };
    const [x, weight, y] = [numbers(N * H * W * C), numbers(R * S * C * K), numbers(N * rows.out * columns.out * K)];
    const bias = pass === "filter gradient" ? null : numbers(pass === "forward" ? K : C);
    const expected: Record<Pass, () => Float64Array> = {
      forward: () => reference.conv2d(x, weight, bias, shape),
      "input gradient": () => reference.conv2dInputGradient(y, weight, shape).map((value, i) => value + bias![i % C]),
      "filter gradient": () => reference.conv2dFilterGradient(x, y, shape),
    };
    const [a, b] = { forward: [x, weight], "input gradient": [y, weight], "filter gradient": [x, y] }[pass];
    const all = expected[pass]();
    for (let index = 0; index < all.length; index++) {
      const { value, allowed } = expectedAt({ pass, geometry, index }, a, b, bias);
      expect(value).toBeCloseTo(all[index], 12);
      // A bound that would let a missing product of size 1 pass checks nothing.
      expect(allowed).toBeGreaterThan(0);
      expect(allowed).toBeLessThan(1e-4);
    }
  }
});

test("places: both ends, no place twice, all of a small output", () => {
  expect(placesOf(1, 48)).toEqual([0]);
  expect(placesOf(5, 48).sort()).toEqual([0, 1, 2, 3, 4]);
  const places = placesOf(1e6, 48);
  expect(new Set(places).size).toBe(48);
  expect(places).toContain(0);
  expect(places).toContain(999_999);
  expect(places.every((place) => Number.isInteger(place) && place >= 0 && place < 1e6)).toBe(true);
});

test("a convolution and the matrix product that it is compared with have the same flops", () => {
  for (const pass of passes) expect(convFlops(denseAs(pass, compared))).toBe(convFlops(compared));
});
