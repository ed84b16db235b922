import { describe, expect, test } from "vitest";
import { randomDirections } from "../../src/metrics/directions.ts";
import { meanDistance } from "../../src/metrics/swd.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import { slicedWasserstein } from "./sliced_wasserstein.ts";

const stride = 6;
const dimensions = 5;
const directions = randomDirections(4000, dimensions, stride, 1);

/** Normal numbers of standard deviation `stddev` around `mean`, in each of five dimensions. */
function cloud(count: number, mean: number, stddev: number, seed: number): Float64Array {
  const random = randomNumbers(seed);
  return new Float64Array(count * stride).map((_, i) => {
    if (i % stride === dimensions) return 0;
    return mean + stddev * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  });
}

describe("directions", () => {
  test("have length 1, followed by zeros", () => {
    for (let d = 0; d < 4000; d += 97) {
      const vector = directions.subarray(d * stride, (d + 1) * stride);
      expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
      expect(vector[dimensions]).toBe(0);
    }
  });

  test("are uniformly distributed: mean 0, mean outer product 1/dimensions", () => {
    for (let i = 0; i < dimensions; i++) {
      for (let j = 0; j <= i; j++) {
        let product = 0;
        for (let d = 0; d < 4000; d++) product += (directions[d * stride + i] * directions[d * stride + j]) / 4000;
        // Five standard errors: sqrt(2/35 − 1/25) or sqrt(1/35), over sqrt(4000).
        expect(Math.abs(product - (i === j ? 1 / dimensions : 0))).toBeLessThan(0.0134);
      }
    }
  });
});

describe("sliced Wasserstein distance", () => {
  const a = cloud(200, 0, 1, 1);

  test("is 0 for the same points in any order", () => {
    const shuffled = a.slice();
    for (let p = 0; p < 200; p++) {
      const to = ((p * 77 + 5) % 200) * stride;
      shuffled.set(a.subarray(p * stride, (p + 1) * stride), to);
    }
    expect(shuffled).not.toEqual(a);
    expect(slicedWasserstein(a, shuffled, directions, stride)).toBe(0);
  });

  test("of a shifted cloud: the mean of |θ·shift|, which is |shift| Γ(d/2)/(√π Γ((d+1)/2))", () => {
    const shift = 0.7;
    const b = a.map((value, i) => (i % stride === dimensions ? 0 : value + shift));
    // Γ(5/2) = 3√π/4, Γ(3) = 2.
    const expected = (shift * Math.sqrt(dimensions) * 3) / 8;
    const distance = slicedWasserstein(a, b, directions, stride);
    // Five standard errors of |θ₁|, whose variance is 1/5 − (3/8)²: 1.9 %.
    expect(Math.abs(distance / expected - 1)).toBeLessThan(0.05);
    // And exactly the mean over these directions.
    let exact = 0;
    for (let d = 0; d < 4000; d++) {
      exact +=
        Math.abs(directions.subarray(d * stride, (d + 1) * stride).reduce((sum, x) => sum + x, 0) * shift) / 4000;
    }
    expect(distance).toBeCloseTo(exact, 10);
  });

  test("of normal distributions of deviations σ and τ: |σ − τ|·sqrt(2/π)", () => {
    const few = directions.subarray(0, 50 * stride);
    const distance = slicedWasserstein(cloud(20_000, 0, 1, 2), cloud(20_000, 0, 1.5, 3), few, stride);
    expect(Math.abs(distance / (0.5 * Math.sqrt(2 / Math.PI)) - 1)).toBeLessThan(0.02);
  });

  test("requires the same number of points", () => {
    expect(() => meanDistance(new Float32Array(3), new Float32Array(4))).toThrow(/3 numbers against 4/);
  });
});
