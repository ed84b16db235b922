import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { uniform } from "../../src/random/philox.ts";
import { measureMoments, Sampler } from "../../src/train/sampler.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { interpolate, latentsAt, latentsOf, type Place } from "../../src/train/walk.ts";
import { smallTrainer } from "./small_run.ts";

const z = 100;
const cat = (index: number, seed = 7): Place => ({ kind: "cat", seed, index });

/** Kolmogorov and Smirnov's distance between these numbers' distribution and the uniform one over [−1, 1]. */
function distanceFromUniform(numbers: Float32Array): number {
  const sorted = numbers.slice().sort();
  return sorted.reduce((largest, y, i) => {
    const expected = (y + 1) / 2;
    return Math.max(largest, Math.abs(expected - i / sorted.length), Math.abs((i + 1) / sorted.length - expected));
  }, 0);
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0);
}

function correlation(a: Float32Array, b: Float32Array): number {
  const dot = (u: Float32Array, v: Float32Array) => u.reduce((sum, value, i) => sum + value * v[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

describe("interpolate", () => {
  const count = 40_000;
  const [a, b] = [1, 2].map((seed) => Float32Array.from(uniform(count, { seed, purpose: 9, step: 0 }, -1, 1)));
  // A distance above this comes by chance once in a million times.
  const limit = Math.sqrt(Math.log(2e6) / 2 / count);

  test("starts and ends at the ends, and is the same from the other end", () => {
    expect(interpolate(a, b, 0)).toEqual(a);
    expect(interpolate(a, b, 1)).toEqual(b);
    expect(largestDifference(interpolate(a, b, 0.3), interpolate(b, a, 0.7))).toBeLessThan(1e-6);
  });

  test.each([0.05, 0.25, 0.5, 0.8])("%s of the way, numbers are as uniform as at the ends", (t) => {
    const between = interpolate(a, b, t);
    expect(distanceFromUniform(between)).toBeLessThan(limit);
    expect(Math.max(...between.map(Math.abs))).toBeLessThanOrEqual(1);
    // What the straight line between them is not.
    const straight = a.map((from, i) => (1 - t) * from + t * b[i]);
    expect(distanceFromUniform(straight)).toBeGreaterThan(limit);
  });

  test("is continuous where its formula changes", () => {
    for (let t = 0; t < 1; t += 0.01) {
      const step = largestDifference(interpolate(a, b, t), interpolate(a, b, t + 0.01));
      // Twice the straight line's largest step, 2 · 0.01, is the most that restoring the distribution makes of it.
      expect(step).toBeLessThan(0.0405);
    }
  });
});

describe("latentsAt", () => {
  test("a variation of strength 0 is the cat, a stronger one is less like it", () => {
    const variation = (strength: number, index = 0): Place => {
      return { kind: "variation", of: cat(3), strength, seed: 7, index };
    };
    const original = latentsAt(cat(3), z);
    expect(latentsAt(variation(0), z)).toEqual(original);
    const alike = [0.1, 0.3, 0.6, 1].map((strength) => correlation(latentsAt(variation(strength), z), original));
    expect(alike).toEqual([...alike].sort((x, y) => y - x));
    expect(alike[0]).toBeGreaterThan(0.95);
    expect(Math.abs(alike[3])).toBeLessThan(0.4);
    expect(latentsAt(variation(0.3, 1), z)).not.toEqual(latentsAt(variation(0.3, 0), z));
    // Strangers come of numbers of their own: none is another cat of the grid.
    expect(latentsAt(variation(1, 4), z)).not.toEqual(latentsAt(cat(4), z));
  });

  test("a stroll passes through its cats, is closed, and moves smoothly", () => {
    const through = [cat(0), cat(5), cat(2)];
    const at = (position: number) => latentsAt({ kind: "stroll", through, position }, z);
    for (const k of [0, 1, 2]) {
      expect(at(k)).toEqual(latentsAt(through[k], z));
      expect(at(k + 3)).toEqual(at(k));
      expect(at(k - 3)).toEqual(at(k));
    }
    // At a cat it stands still, between cats it moves.
    const speed = (position: number) => largestDifference(at(position - 5e-4), at(position + 5e-4)) / 1e-3;
    for (const k of [0, 1, 2, 3]) expect(speed(k)).toBeLessThan(0.01);
    expect(speed(0.5)).toBeGreaterThan(1);
  });

  test("places nest", () => {
    const from: Place = { kind: "variation", of: cat(1), strength: 0.2, seed: 1, index: 6 };
    const [first, last] = [latentsAt(from, z), latentsAt(cat(2, 8), z)];
    expect(latentsAt({ kind: "between", from, to: cat(2, 8), t: 0.4 }, z)).toEqual(interpolate(first, last, 0.4));
    expect(latentsOf([from, cat(2, 8)], z)).toEqual(Float32Array.of(...first, ...last));
  });
});

describe("drawing", () => {
  const n = 64;
  const seed = 11;
  let trainer: Trainer;
  const pixels = async (sampler: Sampler, latents?: Float32Array<ArrayBuffer>, part = 0) =>
    (await (latents ? sampler.drawLatents(latents) : sampler.draw(part))).pixels;
  const sampler = (count: number, running = trainer.model.running) => {
    const { stream, model } = trainer;
    const { generator, average } = model;
    return new Sampler(stream, generator, { parameters: average!, running, n: count, seed });
  };

  beforeAll(async () => {
    trainer = await smallTrainer();
    for (let i = 0; i < 4; i++) await trainer.trainStep();
  });
  afterAll(() => trainer.destroy());

  test("a seed's latents draw what the seed draws, to the bit", async () => {
    const drawing = sampler(n);
    const latents = (first: number) =>
      latentsOf(
        Array.from({ length: n }, (_, i) => cat(first + i, seed)),
        8,
      );
    const bySeed = [await pixels(drawing), await pixels(drawing, undefined, 1)];
    expect(bySeed[0]).not.toEqual(bySeed[1]);
    expect(await pixels(drawing, latents(0))).toEqual(bySeed[0]);
    expect(await pixels(drawing, latents(n))).toEqual(bySeed[1]);
    expect(await pixels(drawing)).toEqual(bySeed[0]);
    await expect(drawing.drawLatents(latents(0).subarray(8))).rejects.toThrow(
      "drawLatents: preview latents [64,8] needs 512 numbers, got 504",
    );
    drawing.destroy();
  });

  test("statistics measured once draw the same as those measured each time, and one cat the same as among many", async () => {
    const { stream, model } = trainer;
    const { generator, average } = model;
    const options = { parameters: average!, running: null, n, seed };
    const measuring = new Sampler(stream, generator, options);
    const running = await measureMoments(stream, generator, average!, seed);
    const [many, one] = [sampler(n, running), sampler(1, running)];
    const drawn = await pixels(many);
    expect(drawn).toEqual(await pixels(measuring));
    const single = await pixels(one, latentsAt(cat(5, seed), 8));
    // Kernels of another tile size may round otherwise.
    const difference = single.reduce(
      (largest, byte, i) => Math.max(largest, Math.abs(byte - drawn[5 * single.length + i])),
      0,
    );
    expect(difference).toBeLessThanOrEqual(1);
    expect(new Set(single).size).toBeGreaterThan(20);
    for (const drawing of [measuring, many, one]) drawing.destroy();
    running.destroy(stream);
    expect(stream.liveTemporaries).toBe(0);
  });
});
