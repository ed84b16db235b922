/**
 * MS-SSIM: how alike two pictures are in structure, from coarse to fine (Wang, Simoncelli and Bovik, "Multiscale
 * structural similarity for image quality assessment", 2003). On each scale, under a Gaussian window of 11 pixels and
 * standard deviation 1.5,
 *
 *     cs = (2·cov(x,y) + C2) / (var(x) + var(y) + C2)      l = (2·μx·μy + C1) / (μx² + μy² + C1)
 *
 * averaged over positions and channels; the result is Π csᵢ^wᵢ, where the coarsest scale includes l. Pictures are
 * halved between scales by 2×2 means. The paper's five scales need 176 pixels. Smaller pictures use only the scales
 * with at least 8 pixels, with the weights of the paper's finest scales rescaled to sum to 1, and a window no wider
 * than the picture with a deviation in proportion (as in ProGAN's evaluation).
 */
import type { Pictures } from "../data/pictures.ts";

const channels = 3;
const smallest = 8;
const weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
const window = { width: 11, deviation: 1.5 };
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

/**
 * Mean MS-SSIM of a set's pictures in pairs: 0 with 1, 2 with 3 and so on. In a set in random order these are random pairs
 * of which no two share a picture. The more alike the pictures, the higher; for a collapsed set it is near 1.
 * @throws Error for fewer than two pictures
 */
export function meanPairSimilarity({ size, count, pixels }: Pictures): number {
  const pairs = Math.floor(count / 2);
  if (pairs < 1) throw new Error(`meanPairSimilarity: ${count} pictures, expected 2 or more`);
  const numbers = size * size * channels;
  const picture = (n: number) => Float64Array.from(pixels.subarray(n * numbers, (n + 1) * numbers));
  let sum = 0;
  for (let pair = 0; pair < pairs; pair++) sum += msSsim(picture(2 * pair), picture(2 * pair + 1), size);
  return sum / pairs;
}

/** @param x, y [size, size, 3] in 0 … 255 @param size a power of two, at least 8 @returns at most 1 */
export function msSsim(x: Float64Array, y: Float64Array, size: number): number {
  let scales = 1;
  while (scales < weights.length && size >> scales >= smallest) scales++;
  const total = weights.slice(0, scales).reduce((sum, weight) => sum + weight, 0);
  let product = 1;
  for (let scale = 0; scale < scales; scale++) {
    const { similarity, structure } = ssim(x, y, size >> scale);
    const factor = scale === scales - 1 ? similarity : structure;
    // Anticorrelated counts as uncorrelated: a power needs a base of at least 0.
    product *= Math.max(0, factor) ** (weights[scale] / total);
    if (scale < scales - 1) [x, y] = [halve(x, size >> scale), halve(y, size >> scale)];
  }
  return product;
}

/** Means over all positions and channels of l·cs and of cs. */
function ssim(x: Float64Array, y: Float64Array, size: number): { similarity: number; structure: number } {
  const width = Math.min(window.width, size);
  const taps = gaussian(width, (window.deviation * width) / window.width);
  const [mx, my] = [x, y].map((values) => blur(values, size, taps));
  const [xx, yy, xy] = [x.map((v) => v * v), y.map((v) => v * v), x.map((v, i) => v * y[i])].map((values) =>
    blur(values, size, taps),
  );
  let [similarity, structure] = [0, 0];
  for (let i = 0; i < mx.length; i++) {
    const variances = xx[i] - mx[i] ** 2 + yy[i] - my[i] ** 2;
    const cs = (2 * (xy[i] - mx[i] * my[i]) + C2) / (variances + C2);
    structure += cs;
    similarity += (cs * (2 * mx[i] * my[i] + C1)) / (mx[i] ** 2 + my[i] ** 2 + C1);
  }
  return { similarity: similarity / mx.length, structure: structure / mx.length };
}

/** Weighted means under a window wherever it lies wholly inside. @returns [size − taps + 1, size − taps + 1, 3] */
function blur(x: Float64Array, size: number, taps: readonly number[]): Float64Array {
  const out = size - taps.length + 1;
  const tall = new Float64Array(out * size * channels);
  for (const [r, tap] of taps.entries()) {
    for (let i = 0; i < tall.length; i++) tall[i] += tap * x[r * size * channels + i];
  }
  const y = new Float64Array(out * out * channels);
  for (let h = 0; h < out; h++) {
    for (const [s, tap] of taps.entries()) {
      for (let i = 0; i < out * channels; i++) y[h * out * channels + i] += tap * tall[(h * size + s) * channels + i];
    }
  }
  return y;
}

function gaussian(width: number, deviation: number): number[] {
  const raw = Array.from({ length: width }, (_, i) => Math.exp(-((i - (width - 1) / 2) ** 2) / (2 * deviation ** 2)));
  const sum = raw.reduce((total, value) => total + value, 0);
  return raw.map((value) => value / sum);
}

function halve(x: Float64Array, size: number): Float64Array {
  const half = size / 2;
  const at = (h: number, w: number, c: number) => x[(h * size + w) * channels + c];
  return new Float64Array(half * half * channels).map((_, i) => {
    const c = i % channels;
    const w = 2 * (Math.floor(i / channels) % half);
    const h = 2 * Math.floor(i / (half * channels));
    return (at(h, w, c) + at(h, w + 1, c) + at(h + 1, w, c) + at(h + 1, w + 1, c)) / 4;
  });
}
