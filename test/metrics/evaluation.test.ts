import { describe, expect, test } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import { type Pictures, pickPictures } from "../../src/data/pictures.ts";
import { evaluate, splitReals } from "../../src/metrics/evaluation.ts";
import { testStream } from "../kernels/gpu.ts";

describe("the halves of a data set", () => {
  const cats = (count: number) => ({ size: 1, count, pixels: new Uint8Array(3 * count) });

  test("have no picture in common, have the requested size, and follow from the seed", () => {
    const { reals, others } = splitReals(cats(50), 20, 1);
    expect([reals.length, others.length]).toEqual([20, 20]);
    expect(new Set([...reals, ...others]).size).toBe(40);
    expect(splitReals(cats(50), 20, 1).reals).toEqual(reals);
    expect(splitReals(cats(50), 20, 2).reals).not.toEqual(reals);
  });

  test("are half of a small set; fewer than twelve pictures are too few", () => {
    expect(splitReals(cats(13), 20, 1).others.length).toBe(6);
    expect(() => splitReals(cats(11), 20, 1)).toThrow(/has 11 pictures, expected 12 or more/);
  });
});

describe("evaluate", { timeout: 240_000 }, () => {
  const all = paintCats(16, 40, 1);
  const halves = splitReals(all, 16, 1);

  /** Which numbers are those of real pictures, as far as 16 of them can tell. */
  async function likeReal(fakes: Pictures) {
    const { evaluation, nearest } = await evaluate(await testStream(), fakes, halves, 1);
    expect(nearest.length).toBe(16);
    const { swd, kidRand64: kid, density, coverage, nearest: near } = evaluation;
    return {
      swd: swd.fake.average / swd.real.average < 1.3,
      kid: Math.abs(kid.fake.mean - kid.real.mean) < 2 * kid.real.deviation,
      density: density.fake / density.real > 0.6,
      coverage: coverage.fake > coverage.real - 0.1,
      nearest: near.fake.median / near.real.median > 0.8 && near.fake.median / near.real.median < 1.3,
    };
  }
  const every = (value: boolean) => ({ swd: value, kid: value, density: value, coverage: value, nearest: value });

  test.each([2, 3, 4])("fresh real pictures score like the floor, with seed %i", async (seed) => {
    expect(await likeReal(paintCats(16, 16, seed))).toEqual(every(true));
  });

  test("pictures shifted by a pixel do not, but for SWD, which compares patches wherever they are", async () => {
    const fresh = paintCats(16, 16, 2);
    const pixels = fresh.pixels.map((value, i) => fresh.pixels[i + 3] ?? value);
    expect(await likeReal({ ...fresh, pixels })).toEqual({ ...every(false), swd: true });
  });

  test("noisy pictures do not in anything", async () => {
    const fresh = paintCats(16, 16, 2);
    const noise = (i: number) => ((Math.imul(i, 2654435761) >>> 16) % 161) - 80;
    const pixels = Uint8Array.from(fresh.pixels, (value, i) => Math.min(255, Math.max(0, value + noise(i))));
    expect(await likeReal({ ...fresh, pixels })).toEqual(every(false));
  });

  test("the pictures that it is measured against are the best in everything, and count as memorised", async () => {
    const { evaluation, nearest } = await evaluate(await testStream(), pickPictures(all, halves.reals), halves, 1);
    const { swd, colour, colourSpread, density, coverage } = evaluation;
    expect(swd.fake.average).toBe(0);
    expect(colour.fake.mean).toBe(0);
    expect(colourSpread.fake).toEqual(colourSpread.real);
    expect(density.fake).toBeGreaterThan(0.9);
    expect(coverage.fake).toBe(1);
    expect(evaluation.nearest.fake).toEqual({ median: 0, copies: 1 });
    expect(nearest.map(({ index }) => index)).toEqual([...halves.reals]);
  });

  test("one picture repeated: similar to each other, with little coverage", async () => {
    const one = pickPictures(all, new Uint32Array(16).fill(halves.others[0]));
    const { evaluation } = await evaluate(await testStream(), one, halves, 1);
    const { msSsim, coverage, kidRand64 } = evaluation;
    expect(msSsim.fake).toBeCloseTo(1, 9);
    expect(msSsim.real).toBeLessThan(0.7);
    expect(coverage.fake).toBeLessThan(0.75 * coverage.real);
    expect(kidRand64.fake.mean).toBeGreaterThan(kidRand64.real.mean + 5 * kidRand64.real.deviation);
  });
});
