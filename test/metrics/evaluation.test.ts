import { describe, expect, test } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import { pickPictures } from "../../src/data/pictures.ts";
import { evaluate, splitReals } from "../../src/metrics/evaluation.ts";
import { testStream } from "../kernels/gpu.ts";

describe("the halves of a data set", () => {
  const cats = (count: number) => ({ size: 1, count, pixels: new Uint8Array(3 * count) });

  test("have no picture in common, are as many as asked for, and follow from the seed", () => {
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

  test("fresh real pictures score like the floor", async () => {
    const { evaluation, nearest } = await evaluate(await testStream(), paintCats(16, 16, 2), halves, 1);
    const { swd, msSsim, kidRand64, coverage, nearest: near } = evaluation;
    expect(swd.fake.average / swd.real.average).toBeLessThan(1.5);
    expect(Math.abs(msSsim.fake - msSsim.real)).toBeLessThan(0.1);
    expect(Math.abs(kidRand64.fake.mean - kidRand64.real.mean)).toBeLessThan(0.2);
    expect(Math.abs(coverage.fake - coverage.real)).toBeLessThan(0.25);
    expect(near.fake.median / near.real.median).toBeGreaterThan(0.8);
    expect(nearest.length).toBe(16);
  });

  test("the very pictures that it is measured against are the best in everything, and known by heart", async () => {
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

  test("one picture again and again: alike, reaching little", async () => {
    const one = pickPictures(all, new Uint32Array(16).fill(halves.others[0]));
    const { evaluation } = await evaluate(await testStream(), one, halves, 1);
    const { msSsim, coverage, kidRand64 } = evaluation;
    expect(msSsim.fake).toBeCloseTo(1, 9);
    expect(msSsim.real).toBeLessThan(0.7);
    expect(coverage.fake).toBeLessThan(0.75 * coverage.real);
    expect(kidRand64.fake.mean).toBeGreaterThan(kidRand64.real.mean + 5 * kidRand64.real.deviation);
  });
});
