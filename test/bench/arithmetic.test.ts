import { expect, test } from "vitest";
import { compareTimes, insideFlops, percentile, ratesOf, roofline, spreadOf } from "../../bench/arithmetic.ts";
import { type ConvGeometry, convFlops, samePadding } from "../../src/kernels/geometry.ts";

function geometry(N: number, H: number, W: number, C: number, R: number, S: number, K: number, stride: number) {
  const [rows, columns] = [samePadding(H, R, stride), samePadding(W, S, stride)];
  const padding = { P: rows.out, Q: columns.out, padTop: rows.before, padLeft: columns.before };
  return { N, H, W, C, R, S, K, stride, ...padding };
}

/** Multiply-adds one by one: all of them, and those whose tap lies inside of the picture. */
function count({ N, H, W, C, R, S, K, stride, P, Q, padTop, padLeft }: ConvGeometry) {
  let [all, inside] = [0, 0];
  for (let n = 0; n < N; n++)
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++)
        for (let k = 0; k < K; k++)
          for (let r = 0; r < R; r++)
            for (let s = 0; s < S; s++)
              for (let c = 0; c < C; c++) {
                const [h, w] = [p * stride + r - padTop, q * stride + s - padLeft];
                all++;
                if (h >= 0 && h < H && w >= 0 && w < W) inside++;
              }
  return { all, inside };
}

test("flops, nominal and inside the picture, against counting", () => {
  let padded = 0;
  for (const stride of [1, 2, 3])
    for (const kernel of [1, 2, 3, 4, 5, 7])
      for (const [H, W] of [
        [9, 7],
        [8, 8],
        [1, 1],
        [2, 5],
      ]) {
        const g = geometry(2, H, W, 3, kernel, Math.max(1, kernel - 1), 2, stride);
        const { all, inside } = count(g);
        expect(convFlops(g)).toBe(2 * all);
        expect(insideFlops(g)).toBe(2 * inside);
        if (inside < all) padded++;
      }
  expect(padded).toBeGreaterThan(20);
});

test("percentiles lie on straight lines between neighbours", () => {
  expect(percentile([3], 0.9)).toBe(3);
  expect(percentile([4, 1, 3, 2], 0.5)).toBe(2.5);
  expect(percentile([10, 20, 30, 40, 50], 0.1)).toBeCloseTo(14, 12);
  expect(percentile([50, 10, 30, 20, 40], 0.9)).toBeCloseTo(46, 12);
  expect(spreadOf([1, 2])).toEqual({ median: 1.5, p10: 1.1, p90: 1.9 });
  expect(() => percentile([], 0.5)).toThrow("needs numbers");
});

test("the roofline is the slower of arithmetic and memory", () => {
  // Of the spreads the upper ends: 10 GFLOP/s and 4 GB/s.
  const ceilings = { gflops: { median: 8, p10: 7, p90: 10 }, gbps: { median: 2, p10: 1, p90: 4 } };
  const bound = { flops: 2e8, inside: 1e8, bytes: 4e6 };
  expect(roofline(bound, ceilings)).toBeCloseTo(10, 9);
  expect(roofline({ ...bound, bytes: 8e7 }, ceilings)).toBeCloseTo(20, 9);
  const rates = ratesOf(bound, 40, ceilings);
  expect(rates.gflops).toBeCloseTo(5, 9);
  expect(rates.gflopsInside).toBeCloseTo(2.5, 9);
  expect(rates.gbps).toBeCloseTo(0.1, 9);
  expect(rates.percent).toBeCloseTo(25, 9);
});

test("two timings differ only where their spreads do not overlap", () => {
  const before = { median: 10, p10: 9, p90: 11 };
  expect(compareTimes(before, { median: 5, p10: 4, p90: 6 })).toEqual({
    ratio: { median: 2, p10: 1.5, p90: 2.75 },
    verdict: "faster",
  });
  expect(compareTimes(before, { median: 20, p10: 18, p90: 22 }).verdict).toBe("slower");
  expect(compareTimes(before, { median: 9, p10: 8, p90: 9 }).verdict).toBe("same");
  expect(compareTimes(before, { median: 12, p10: 11, p90: 13 }).verdict).toBe("same");
  expect(compareTimes(before, before).verdict).toBe("same");
});
