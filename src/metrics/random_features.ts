/**
 * 64 features of a picture from a small convolutional network with fixed random filters. Nothing is learned, so they say
 * less about cats than a trained network's features would, but they are the same for every data set. They are called rand64
 * wherever a figure is shown, because such figures are not comparable with FID or KID published elsewhere.
 *
 *     picture in [−1, 1] → (3×3 convolution, stride 2, leaky ReLU 0.2) to 32, 64, 64, … channels, until 4×4
 *                        → 64 random projections, divided by their root mean square
 *
 * Without biases, contrast scales all later activations, so it is divided out: otherwise the features of a dull picture
 * would be small and lie near the centre, close to all others.
 *
 * The first filters sum to 0 over each channel, so flat colour gives 0, however bright it is. Filters are truncated normal
 * numbers with variance 2/(inputs of a sum), from their own seed.
 */
import type { Pictures } from "../data/pictures.ts";
import type { Stream } from "../gpu/stream.ts";
import { conv2d, dense } from "../kernels/conv2d.ts";
import { leakyRelu } from "../kernels/elementwise.ts";
import { gatherPictures } from "../kernels/pictures.ts";
import { purposes } from "../random/noise_key.ts";
import { truncatedNormal } from "../random/philox.ts";
import type { Points } from "./points.ts";

export const featureCount = 64;
export const featureSlope = 0.2;
/** The filters' seed. It is fixed, so that figures from one version of this program are comparable. */
const filterSeed = 64;
const kernel = 3;
const lastSize = 4;
const batch = 64;

/** One layer: filters [R, S, C, K], or [C, K] of the projection. */
export interface FeatureLayer {
  readonly shape: readonly number[];
  readonly weight: Float64Array;
}

/** The network for pictures of a size; the last layer is the projection. */
export function featureLayers(size: number): FeatureLayer[] {
  const layers: FeatureLayer[] = [];
  let channels = 3;
  for (let width = size; width > lastSize; width /= 2) {
    const next = layers.length === 0 ? 32 : featureCount;
    layers.push(randomLayer([kernel, kernel, channels, next], layers.length));
    channels = next;
  }
  const [{ shape, weight }] = layers;
  removeMeans(weight, shape[2] * shape[3]);
  layers.push(randomLayer([lastSize * lastSize * channels, featureCount], layers.length));
  return layers;
}

function randomLayer(shape: readonly number[], layer: number): FeatureLayer {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const inputs = size / shape[shape.length - 1];
  const key = { seed: filterSeed, purpose: purposes.features, step: layer };
  return { shape, weight: truncatedNormal(size, key, Math.sqrt(2 / inputs)) };
}

/** Subtracts from each column of [taps, columns] its mean. */
function removeMeans(weight: Float64Array, columns: number): void {
  const taps = weight.length / columns;
  for (let column = 0; column < columns; column++) {
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) sum += weight[tap * columns + column];
    for (let tap = 0; tap < taps; tap++) weight[tap * columns + column] -= sum / taps;
  }
}

/** Divides numbers by their root mean square; zeros stay. */
function equalise(features: Float32Array): void {
  const rms = Math.hypot(...features) / Math.sqrt(features.length);
  if (rms > 0) for (let k = 0; k < features.length; k++) features[k] /= rms;
}

/** The features of every picture. @returns [count, 64] */
export async function randomFeatures(
  stream: Stream,
  { size, count, pixels }: Pictures,
  onProgress?: (done: number, total: number) => void,
): Promise<Points> {
  const weights = featureLayers(size).map(({ shape, weight }) => stream.from("feature filters", shape, weight));
  const bytes = size * size * 3;
  const resident = stream.persistent("pictures", [(batch * bytes) / 4]);
  const entries = stream.persistent("picture indices", [batch]);
  stream.write(
    entries,
    Uint32Array.from({ length: batch }, (_, n) => n),
  );
  const values = new Float32Array(count * featureCount);
  for (let first = 0; first < count; first += batch) {
    // The last batch may be smaller; what the previous one left behind it is not read.
    const part = pixels.slice(first * bytes, Math.min(first + batch, count) * bytes);
    stream.write(resident, part);
    let x = stream.temporary("pictures", [batch, size, size, 3]);
    gatherPictures(stream, resident, entries, 0, x);
    for (const weight of weights.slice(0, -1)) {
      const [n, h] = x.shape;
      const y = stream.temporary("features", [n, h / 2, h / 2, weight.shape[3]]);
      conv2d(stream, x, weight, null, y, 2);
      stream.release(x);
      x = stream.temporary("features", y.shape);
      leakyRelu(stream, y, x, featureSlope);
      stream.release(y);
    }
    const projected = stream.temporary("features", [batch, featureCount]);
    dense(stream, x.reshape([batch, x.size / batch]), weights[weights.length - 1], null, projected);
    const numbers = await stream.read(projected);
    stream.release(x);
    stream.release(projected);
    values.set(numbers.subarray(0, (part.length / bytes) * featureCount), first * featureCount);
    onProgress?.(Math.min(first + batch, count), count);
  }
  for (const tensor of [...weights, resident, entries]) stream.destroy(tensor);
  for (let n = 0; n < count; n++) equalise(values.subarray(n * featureCount, (n + 1) * featureCount));
  return { count, dimensions: featureCount, values };
}
