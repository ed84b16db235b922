/** Pictures as the discriminator sees them, by the kernels that train. */
import type { Pictures } from "../data/pictures.ts";
import type { Stream } from "../gpu/stream.ts";
import { augment, augmentationWords, augmentParameters } from "../kernels/augment.ts";
import { purposes } from "../random/noise_key.ts";
import { type Config, changesOf } from "./config.ts";

/**
 * Changes picture n like the n-th of a run's first step; null without augmentation.
 * @param stream used for nothing else: disposed of at the end
 */
export async function augmented(
  stream: Stream,
  { size, count, pixels }: Pictures,
  config: Config,
): Promise<Pictures | null> {
  const changes = changesOf(config);
  if (!changes) return null;
  const shape = [count, size, size, 3];
  const x = stream.from(
    "pictures",
    shape,
    Float32Array.from(pixels, (value) => value / 127.5 - 1),
  );
  const y = stream.persistent("augmented", shape);
  const step = stream.persistent("step", [1]);
  stream.write(step, Uint32Array.of(1));
  const parameters = stream.persistent("augmentation", [count, augmentationWords]);
  augmentParameters(stream, step, parameters, { seed: config.seed, purpose: purposes.augmentation }, size, changes);
  augment(stream, x, y, { changes, parameters, row: 0 });
  const seen = await stream.read(y);
  for (const tensor of [x, y, step, parameters]) stream.destroy(tensor);
  stream.dispose();
  // Rounded and clamped by the array.
  const bytes = Uint8ClampedArray.from(seen, (value) => (value + 1) * 127.5);
  return { size, count, pixels: new Uint8Array(bytes.buffer) };
}
