import { describe, expect, test } from "vitest";
import { closeness, nearestTo } from "../../src/metrics/nearest.ts";
import { pickPoints, standardise } from "../../src/metrics/points.ts";
import { normalPoints } from "./normal_points.ts";

describe("the nearest picture", () => {
  const set = normalPoints(400, 6, 0, 1);

  test("of a point of the set is itself, or the next if itself does not count", () => {
    const some = pickPoints(set, [7, 300]);
    expect(nearestTo(some, set, null)).toEqual([
      { index: 7, distance: 0, ratio: 0 },
      { index: 300, distance: 0, ratio: 0 },
    ]);
    const line = { count: 3, dimensions: 1, values: Float32Array.from([0, 1, 5]) };
    expect(nearestTo(line, line, [0, 1, 2])).toMatchObject([
      { index: 1, distance: 1 },
      { index: 0, distance: 1 },
      { index: 1, distance: 4 },
    ]);
  });

  test("memorised pictures are all copies, others of the same distribution about one in a hundred, unrelated points none", () => {
    const held = pickPoints(
      set,
      Array.from({ length: 200 }, (_, i) => i),
    );
    const real = nearestTo(
      held,
      set,
      Array.from({ length: 200 }, (_, i) => i),
    );
    const measured = (seed: number, shift: number) =>
      closeness(nearestTo(normalPoints(200, 6, shift, seed), set, null), real);
    expect(closeness(nearestTo(held, set, null), real)).toEqual({ median: 0, copies: 1 });
    expect(closeness(real, real).copies).toBeLessThanOrEqual(0.01);
    expect(measured(2, 0).copies).toBeLessThan(0.05);
    expect(Math.abs(measured(2, 0).median / closeness(real, real).median - 1)).toBeLessThan(0.15);
    expect(measured(3, 4).copies).toBeLessThan(0.05);
    // In the middle of everything, near to all and to none alone: no copies.
    const dull = normalPoints(200, 6, 0, 5);
    const middle = nearestTo({ ...dull, values: dull.values.map((value) => value / 10) }, set, null);
    expect(closeness(middle, real).median).toBeLessThan(closeness(real, real).median);
    expect(closeness(middle, real).copies).toBeLessThan(0.05);
    expect(measured(3, 4).median).toBeGreaterThan(1.5 * closeness(real, real).median);
  });
});

test("standardised coordinates have mean 0 and deviation 1 on the reference, and constants become 0", () => {
  const reference = { count: 4, dimensions: 2, values: Float32Array.from([1, 5, 3, 5, 5, 5, 7, 5]) };
  const [same, other] = standardise(
    [reference, { count: 1, dimensions: 2, values: Float32Array.from([4 + Math.sqrt(5), 9]) }],
    reference,
  );
  const step = 1 / Math.sqrt(5);
  for (const [i, value] of [-3, 0, -1, 0, 1, 0, 3, 0].entries()) expect(same.values[i]).toBeCloseTo(value * step, 6);
  expect(other.values[0]).toBeCloseTo(1, 6);
  expect(other.values[1]).toBe(0);
});
