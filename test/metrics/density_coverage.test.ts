import { describe, expect, test } from "vitest";
import { densityCoverage } from "../../src/metrics/density_coverage.ts";
import { normalPoints, reversed } from "./normal_points.ts";

const line = (...values: number[]) => ({ count: values.length, dimensions: 1, values: Float32Array.from(values) });

describe("density and coverage", () => {
  test("by hand on a line", () => {
    // Balls to the nearest neighbour (k = 1): 0 ± 1, 1 ± 1, 3 ± 2.
    const reals = line(0, 1, 3);
    // 0.5 is in the balls of 0 and 1; 4 in that of 3; 9 in none.
    expect(densityCoverage(reals, line(0.5, 4, 9), 1)).toEqual({ density: 3 / 3, coverage: 1 });
    expect(densityCoverage(reals, line(0.5), 1)).toEqual({ density: 2, coverage: 2 / 3 });
    expect(densityCoverage(reals, line(100, 200), 1)).toEqual({ density: 0, coverage: 0 });
  });

  test("of the same distribution: density 1, coverage 1 − 2⁻ᵏ for equal numbers", () => {
    // Naeem et al.: 1 − Π (N − i)/(2N − i) over i = 1 … k, about 0.969 for k = 5.
    const { density, coverage } = densityCoverage(normalPoints(1000, 8, 0, 1), normalPoints(1000, 8, 0, 2), 5);
    expect(Math.abs(density - 1)).toBeLessThan(0.1);
    expect(Math.abs(coverage - (1 - 2 ** -5))).toBeLessThan(0.03);
  });

  test("fakes far away have neither, a collapsed set no coverage, in any order", () => {
    const reals = normalPoints(300, 8, 0, 1);
    const { density, coverage } = densityCoverage(reals, normalPoints(300, 8, 20, 2), 5);
    expect(density).toBe(0);
    expect(coverage).toBe(0);
    const one = normalPoints(300, 8, 0, 3);
    const collapsed = { ...one, values: one.values.map((_, i, all) => all[i % 8]) };
    expect(densityCoverage(reals, collapsed, 5).coverage).toBeLessThan(0.15);
    const two = normalPoints(300, 8, 1, 4);
    expect(densityCoverage(reversed(reals), reversed(two), 5)).toEqual(densityCoverage(reals, two, 5));
  });

  test("requires more real points than neighbours", () => {
    expect(() => densityCoverage(line(1, 2, 3), line(1), 3)).toThrow(/3 real points .* expected more than 3/);
  });
});
