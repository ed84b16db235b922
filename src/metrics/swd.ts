/**
 * SWD, the sliced Wasserstein distance between two sets of pictures as Karras, Aila, Laine and Lehtinen measure it
 * ("Progressive growing of GANs", 2018, section 5): for every level of the Laplacian pyramid, of the clouds of normalised
 * 7×7 patches, times 1000. The projections are a matrix product on the GPU; sorting is the CPU's.
 */
import type { Pictures } from "../data/pictures.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { denseInputGradient } from "../kernels/conv2d.ts";
import { randomDirections } from "./directions.ts";
import { type Level, laplacianPyramids } from "./laplacian_pyramid.ts";
import { normalisedPatches, patchStride } from "./patches.ts";
import { meanDistance } from "./sliced_wasserstein.ts";
import { sortFloats } from "./sort.ts";

export interface Swd {
  /** Finest level first. */
  readonly levels: readonly { readonly size: number; readonly value: number }[];
  /** Mean of the levels. */
  readonly average: number;
}

/** Directions that are projected onto at once, and patches: what bounds the memory. */
const directionsAtOnce = 64;
const patchesAtOnce = 65_536;

/**
 * The distance of each set to the reference.
 * @param others as many pictures each as the reference, of the same size
 * @param options.directions how many; 512 in the paper
 * @param options.seed of directions and patches
 */
export async function slicedWassersteinDistances(
  stream: Stream,
  reference: Pictures,
  others: readonly Pictures[],
  options: { directions: number; seed: number; onProgress?(done: number, total: number): void },
): Promise<Swd[]> {
  const { directions, seed } = options;
  const sets = [reference, ...others];
  for (const { count, size } of others) {
    if (count === reference.count && size === reference.size) continue;
    const [came, expected] = [
      `${count} of ${size}×${size}`,
      `${reference.count} of ${reference.size}×${reference.size}`,
    ];
    throw new Error(`slicedWassersteinDistances: ${came} pictures against ${expected}, expected as many of one size`);
  }
  const vectors = randomDirections(directions, patchStride - 1, patchStride, seed);
  const blocks = Math.ceil(directions / directionsAtOnce);
  const pyramids = sets.map(laplacianPyramids);
  const results: { size: number; value: number }[][] = others.map(() => []);
  for (const [at, { size }] of pyramids[0].entries()) {
    const clouds = pyramids.map((levels) => upload(stream, levels[at], seed));
    const sums = others.map(() => 0);
    for (let block = 0; block < blocks; block++) {
      const rows = vectors.subarray(
        block * directionsAtOnce * patchStride,
        Math.min((block + 1) * directionsAtOnce, directions) * patchStride,
      );
      const onto = stream.from("directions", [rows.length / patchStride, patchStride], rows);
      const real = await projectSorted(stream, clouds[0], onto);
      for (const i of others.keys()) {
        const other = await projectSorted(stream, clouds[i + 1], onto);
        for (const [d, line] of other.entries()) sums[i] += meanDistance(real[d], line);
      }
      stream.destroy(onto);
      options.onProgress?.(at * blocks + block + 1, pyramids[0].length * blocks);
      // Messages and signals get their turn.
      await new Promise((resolve) => setTimeout(resolve));
    }
    for (const tensor of clouds.flat()) stream.destroy(tensor);
    for (const [i, levels] of results.entries()) levels.push({ size, value: (1000 * sums[i]) / directions });
  }
  return results.map((levels) => ({
    levels,
    average: levels.reduce((sum, { value }) => sum + value, 0) / levels.length,
  }));
}

/** A level's patches on the GPU, a part at a time. @returns [part, 148] each */
function upload(stream: Stream, level: Level, seed: number): Tensor[] {
  const patches = normalisedPatches(level, seed);
  const tensors: Tensor[] = [];
  for (let first = 0; first < patches.length; first += patchesAtOnce * patchStride) {
    const part = patches.subarray(first, first + patchesAtOnce * patchStride);
    const tensor = stream.persistent("patches", [part.length / patchStride, patchStride]);
    stream.write(tensor, part);
    tensors.push(tensor);
  }
  return tensors;
}

/** The patches' coordinates along every direction, sorted. @param onto [directions, 148] @returns [directions][patches] */
async function projectSorted(stream: Stream, patches: readonly Tensor[], onto: Tensor): Promise<Float32Array[]> {
  const [directions] = onto.shape;
  const count = patches.reduce((sum, { shape }) => sum + shape[0], 0);
  const lines = Array.from({ length: directions }, () => new Float32Array(count));
  let first = 0;
  for (const part of patches) {
    const width = part.shape[0];
    const projected = stream.temporary("projections", [directions, width]);
    denseInputGradient(stream, onto, part, projected);
    const numbers = await stream.read(projected);
    stream.release(projected);
    for (const [d, line] of lines.entries()) line.set(numbers.subarray(d * width, (d + 1) * width), first);
    first += width;
  }
  const scratch = new Float32Array(count);
  for (const line of lines) sortFloats(line, scratch);
  return lines;
}
