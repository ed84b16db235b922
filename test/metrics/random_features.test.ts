import { describe, expect, test } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import { featureCount, featureLayers, featureSlope, randomFeatures } from "../../src/metrics/random_features.ts";
import { leakyRelu } from "../../src/reference/activations.ts";
import { conv2d, samePadding } from "../../src/reference/conv2d.ts";
import { dense } from "../../src/reference/dense.ts";
import { testStream } from "../kernels/gpu.ts";

/** The same network in f64, of one picture. */
function featuresOf(pixels: Uint8Array, size: number): Float64Array {
  const N = pixels.length / (size * size * 3);
  let x: Float64Array = Float64Array.from(pixels, (byte) => byte / 127.5 - 1);
  let width = size;
  const layers = featureLayers(size);
  for (const { shape, weight } of layers.slice(0, -1)) {
    const [R, S, C, K] = shape;
    x = leakyRelu(conv2d(x, weight, null, { N, H: width, W: width, C, R, S, K, stride: 2 }), featureSlope);
    width = samePadding(width, R, 2).out;
  }
  const { shape, weight } = layers[layers.length - 1];
  const features = dense(x, weight, null, { N, C: shape[0], K: shape[1] });
  return features.map((value) => (value * Math.sqrt(featureCount)) / Math.hypot(...features));
}

describe("rand64", () => {
  test.each([16, 32])("on the GPU is the network in f64, %i pixels wide, whole batches or not", async (size) => {
    const stream = await testStream();
    const before = stream.gpu.counts.buffers;
    // A batch of 64 and some.
    const cats = paintCats(size, 67, 1);
    const { count, dimensions, values } = await randomFeatures(stream, cats);
    expect([count, dimensions, values.length]).toEqual([67, featureCount, 67 * featureCount]);
    const bytes = size * size * 3;
    for (const n of [0, 63, 66]) {
      const expected = featuresOf(cats.pixels.subarray(n * bytes, (n + 1) * bytes), size);
      const scale = Math.hypot(...expected) / 8;
      for (const [k, value] of expected.entries()) {
        const error = Math.abs(values[n * featureCount + k] - value);
        // Four layers of sums of at most 1024 terms, each rounded to 2⁻²⁴.
        if (!(error <= 2e-5 * scale)) throw new Error(`feature ${k} of picture ${n}: off by ${error}, scale ${scale}`);
      }
    }
    expect(stream.liveTemporaries).toBe(0);
    stream.dispose();
    expect(stream.gpu.counts.buffers - before).toBeLessThanOrEqual(1); // the shared zeros
  });

  test("first filters sum to 0, so flat colour gives 0 except at the edges", () => {
    const [{ shape, weight }] = featureLayers(32);
    expect(shape).toEqual([3, 3, 3, 32]);
    for (let column = 0; column < 96; column++) {
      let sum = 0;
      for (let tap = 0; tap < 9; tap++) sum += weight[tap * 96 + column];
      expect(Math.abs(sum)).toBeLessThan(1e-12);
    }
  });

  test("ends at 4×4 for every size", () => {
    for (const [size, convolutions] of [
      [16, 2],
      [32, 3],
      [64, 4],
      [128, 5],
    ]) {
      const layers = featureLayers(size);
      expect(layers.length).toBe(convolutions + 1);
      expect(layers[convolutions].shape).toEqual([16 * 64, 64]);
    }
  });
});
