import { expect, test } from "vitest";
import { augmentedPictures } from "../../src/cli/augmented.ts";
import { paintCats } from "../../src/data/painted.ts";
import { purposes } from "../../src/random/noise_key.ts";
import { randomAugmentations } from "../../src/reference/augment.ts";
import { presets } from "../../src/train/config.ts";

const cats = paintCats(16, 3, 5);

test("there are none without augmentation", () => {
  expect(augmentedPictures(cats, presets.tiny)).toBeNull();
});

test("moved by what the first step draws, grey moved in", () => {
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
  expect(augmentedPictures(cats, config)).toEqual({ size: 16, count: 3, pixels: expected });
});
