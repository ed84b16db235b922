import { expect, test } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import { Stream } from "../../src/gpu/stream.ts";
import { purposes } from "../../src/random/noise_key.ts";
import { augment, randomAugmentations } from "../../src/reference/augment.ts";
import { augmented } from "../../src/train/augmented.ts";
import { changesOf, presets } from "../../src/train/config.ts";
import { openDevice, testStream } from "../kernels/gpu.ts";

test("pictures as the f64 reference changes them, to a rounding", async () => {
  const gpu = await openDevice();
  const cats = paintCats(16, 5, 3);
  const config = { ...presets.tiny, seed: 11, augment: "color,translation,cutout" } as const;
  const seen = (await augmented(new Stream(gpu), cats, config))!;
  const key = { seed: 11, purpose: purposes.augmentation, step: 1 };
  const done = randomAugmentations(5, key, 16, changesOf(config)!);
  const plain = Float64Array.from(cats.pixels, (value) => value / 127.5 - 1);
  const expected = augment(plain, done, 16).map((value) => Math.min(255, Math.max(0, (value + 1) * 127.5)));
  expect([seen.size, seen.count, seen.pixels.length]).toEqual([16, 5, expected.length]);
  expect(Math.max(...seen.pixels.map((value, i) => Math.abs(value - expected[i])))).toBeLessThanOrEqual(0.51);
  expect(seen.pixels).not.toEqual(cats.pixels);
  // All that it used is freed.
  expect(gpu.counts.buffers).toBe(0);
  expect(await augmented(new Stream(gpu), cats, presets.tiny)).toBeNull();
});

test("moved by what the first step draws, grey moved in", async () => {
  const cats = paintCats(16, 3, 5);
  const config = { ...presets.tiny, seed: 9, augment: "translation" };
  const key = { seed: 9, purpose: purposes.augmentation, step: 1 };
  const done = randomAugmentations(3, key, 16, { color: false, translation: true, cutout: false });
  const expected = Uint8Array.from({ length: 3 * 16 * 16 * 3 }, (_, i) => {
    const [n, h, w, c] = [Math.floor(i / 768), Math.floor(i / 48) % 16, Math.floor(i / 3) % 16, i % 3];
    const [fromH, fromW] = [h - done[n].shift[0], w - done[n].shift[1]];
    if (Math.min(fromH, fromW) < 0 || Math.max(fromH, fromW) > 15) return 128;
    return cats.pixels[((n * 16 + fromH) * 16 + fromW) * 3 + c];
  });
  expect(done.some(({ shift }) => shift[0] !== 0 || shift[1] !== 0)).toBe(true);
  const stream = await testStream();
  expect(await augmented(stream, cats, config)).toEqual({ size: 16, count: 3, pixels: expected });
});
