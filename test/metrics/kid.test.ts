import { describe, expect, test } from "vitest";
import { kid, squaredDiscrepancy } from "../../src/metrics/kid.ts";
import { normalPoints, reversed } from "./normal_points.ts";

/**
 * Of N(0, I) and N(δ, I) in d dimensions, D = |δ|². From E(x·y), E(x·y)² and E(x·y)³ for independent x and y:
 * ((D³ + 6D² + 3D(d + 2))/d³ + 3D²/d² + 3D/d
 */
function discrepancyOfShift(shift: number, d: number): number {
  const D = shift ** 2;
  return (D ** 3 + 6 * D ** 2 + 3 * D * (d + 2)) / d ** 3 + (3 * D ** 2) / d ** 2 + (3 * D) / d;
}

describe("KID", () => {
  test("of shifted normal distributions is the analytic value, and grows with the shift", () => {
    for (const shift of [1, 2]) {
      const { mean, deviation } = kid(normalPoints(2000, 4, 0, 1), normalPoints(2000, 4, shift, 2), {
        subsets: 20,
        points: 500,
        seed: 1,
      });
      const expected = discrepancyOfShift(shift, 4);
      // Subsets overlap, so the mean of 20 is not √20 times as exact as one of them.
      expect(Math.abs(mean - expected)).toBeLessThan(1.5 * deviation);
      expect(Math.abs(mean / expected - 1)).toBeLessThan(0.15);
    }
  });

  test("of the same distribution is 0 within its spread, on either side", () => {
    const estimates = [1, 2, 3, 4, 5, 6].map((seed) =>
      squaredDiscrepancy(normalPoints(300, 4, 0, 2 * seed), normalPoints(300, 4, 0, 2 * seed + 1)),
    );
    expect(Math.min(...estimates)).toBeLessThan(0);
    expect(Math.max(...estimates)).toBeLessThan(discrepancyOfShift(0.3, 4));
  });

  test("by hand for two points each in one dimension", () => {
    const points = (...values: number[]) => ({
      count: values.length,
      dimensions: 1,
      values: Float32Array.from(values),
    });
    // k(1,2) = 27, k(0,3) = 1; k(1,0) = 1, k(1,3) = 64, k(2,0) = 1, k(2,3) = 343.
    expect(squaredDiscrepancy(points(1, 2), points(0, 3))).toBeCloseTo(27 + 1 - (2 * (1 + 64 + 1 + 343)) / 4, 9);
  });

  test("does not depend on the order, and sees a collapsed set", () => {
    const [x, y] = [normalPoints(100, 4, 0, 1), normalPoints(100, 4, 0.5, 2)];
    expect(squaredDiscrepancy(reversed(x), reversed(y))).toBeCloseTo(squaredDiscrepancy(x, y), 9);
    const collapsed = { ...y, values: y.values.map((_, i, all) => all[i % 4]) };
    expect(squaredDiscrepancy(x, collapsed)).toBeGreaterThan(5 * squaredDiscrepancy(x, y));
  });
});
