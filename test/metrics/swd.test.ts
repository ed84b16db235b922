import { beforeAll, describe, expect, test } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import type { Pictures } from "../../src/data/pictures.ts";
import type { Stream } from "../../src/gpu/stream.ts";
import { randomDirections } from "../../src/metrics/directions.ts";
import { laplacianPyramids } from "../../src/metrics/laplacian_pyramid.ts";
import { normalisedPatches, patchStride } from "../../src/metrics/patches.ts";
import { slicedWassersteinDistances } from "../../src/metrics/swd.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import { testStream } from "../kernels/gpu.ts";
import { slicedWasserstein } from "./sliced_wasserstein.ts";

const [cats, others] = [1, 2].map((seed) => paintCats(32, 24, seed));
let stream: Stream;
beforeAll(async () => {
  stream = await testStream();
});

describe("SWD", () => {
  test("on the GPU is the formula in f64", async () => {
    // More directions than are projected onto at once.
    const options = { directions: 70, seed: 3 };
    const before = stream.gpu.counts.buffers;
    const [{ levels, average }] = await slicedWassersteinDistances(stream, cats, [others], options);
    const directions = randomDirections(70, patchStride - 1, patchStride, 3);
    const [real, fake] = [cats, others].map(laplacianPyramids);
    for (const [i, { size, value }] of levels.entries()) {
      const [a, b] = [real, fake].map((pyramids) => normalisedPatches(pyramids[i], 3));
      const expected = 1000 * slicedWasserstein(a, b, directions, patchStride);
      expect(size).toBe([32, 16][i]);
      // f32 products of 147 terms, whose errors mostly cancel in the mean over 215,000.
      expect(Math.abs(value / expected - 1)).toBeLessThan(1e-5);
    }
    expect(average).toBeCloseTo((levels[0].value + levels[1].value) / 2, 10);
    // What stays is pooled for the next call.
    expect(stream.liveTemporaries).toBe(0);
    const pooled = stream.gpu.counts.buffers - before;
    await slicedWassersteinDistances(stream, cats, [others], options);
    expect(stream.gpu.counts.buffers - before).toBe(pooled);
  });

  test("is 0 for the same pictures, small for like ones, large for a collapsed or a noisy set", async () => {
    const first = cats.pixels.subarray(0, 3072);
    const collapsed: Pictures = { ...cats, pixels: cats.pixels.map((_, i) => first[i % 3072]) };
    const random = randomNumbers(1);
    const noisy: Pictures = { ...others, pixels: others.pixels.map((value) => value * 0.8 + 50 * random()) };
    const options = { directions: 16, seed: 1 };
    const found = await slicedWassersteinDistances(stream, cats, [cats, others, collapsed, noisy], options);
    const [same, like, one, rough] = found.map(({ average }) => average);
    expect(same).toBe(0);
    expect(like).toBeGreaterThan(0);
    expect(one).toBeGreaterThan(1.5 * like);
    expect(found[3].levels[0].value).toBeGreaterThan(1.5 * found[1].levels[0].value);
    expect(rough).toBeGreaterThan(like);
  });

  test("requires the same number and size of pictures", async () => {
    const fewer = paintCats(32, 5, 1);
    await expect(slicedWassersteinDistances(stream, cats, [fewer], { directions: 1, seed: 1 })).rejects.toThrow(
      "5 of 32×32 pictures against 24 of 32×32",
    );
  });
});
