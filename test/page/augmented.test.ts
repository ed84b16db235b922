import { expect, test } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import { Stream } from "../../src/gpu/stream.ts";
import { augmented } from "../../src/page/train/augmented.ts";
import { purposes } from "../../src/random/noise_key.ts";
import { augment, randomAugmentations } from "../../src/reference/augment.ts";
import { changesOf, presets } from "../../src/train/config.ts";
import { openDevice } from "../kernels/gpu.ts";

test("pictures as the f64 reference changes them, to a rounding", async () => {
  const gpu = await openDevice();
  const cats = paintCats(16, 5, 3);
  const config = { ...presets.tiny, seed: 11, augment: "color,translation,cutout" } as const;
  const seen = (await augmented(new Stream(gpu), cats, config))!;
  const key = { seed: 11, purpose: purposes.augmentation, step: 0 };
  const done = randomAugmentations(5, key, 16, changesOf(config)!);
  const plain = Float64Array.from(cats.pixels, (value) => value / 127.5 - 1);
  const expected = augment(plain, done, 16).map((value) => Math.min(255, Math.max(0, (value + 1) * 127.5)));
  expect(seen.length).toBe(expected.length);
  expect(Math.max(...seen.map((value, i) => Math.abs(value - expected[i])))).toBeLessThanOrEqual(0.51);
  expect(seen).not.toEqual(cats.pixels);
  // The zeros that every stream of a GPU shares.
  expect(gpu.counts.buffers).toBe(1);
  expect(await augmented(new Stream(gpu), cats, presets.tiny)).toBeNull();
});
