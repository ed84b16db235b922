/** Shows pictures as D sees them. */
import type { Pictures } from "../data/pictures.ts";
import { purposes } from "../random/noise_key.ts";
import { augment, randomAugmentations } from "../reference/augment.ts";
import { gatherPictures } from "../reference/pictures.ts";
import { type Config, changesOf } from "../train/config.ts";

/** Changes picture n like the n-th of a run's first step, by the f64 reference; null without augmentation. */
export function augmentedPictures({ size, count, pixels }: Pictures, config: Config): Pictures | null {
  const changes = changesOf(config);
  if (!changes) return null;
  const indices = Array.from({ length: count }, (_, n) => n);
  const plain = gatherPictures(pixels, indices, new Uint8Array(count), size);
  const key = { seed: config.seed, purpose: purposes.augmentation, step: 1 };
  const seen = augment(plain, randomAugmentations(count, key, size, changes), size);
  // Rounded and clamped by the array.
  const bytes = Uint8ClampedArray.from(seen, (value) => (value * 0.5 + 0.5) * 255);
  return { size, count, pixels: new Uint8Array(bytes.buffer) };
}
