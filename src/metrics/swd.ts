/**
 * SWD, the sliced Wasserstein distance between two sets of pictures as Karras, Aila, Laine and Lehtinen measure it
 * ("Progressive growing of GANs", 2018, section 5): for every level of the Laplacian pyramid, between the clouds of
 * normalised 7×7 patches, times 1000. The projections are a matrix product on the GPU; sorting is done on the CPU.
 */
import type { Pictures } from "../data/pictures.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { denseInputGradient } from "../kernels/conv2d.ts";
import { randomDirections } from "./directions.ts";
import { type Level, laplacianPyramids, levelSizes } from "./laplacian_pyramid.ts";
import { normalisedPatches, patchStride } from "./patches.ts";
import { sortFloats } from "./sort.ts";

export interface Swd {
  /** Finest level first. */
  readonly levels: readonly { readonly size: number; readonly value: number }[];
  /** Mean of the levels. */
  readonly average: number;
}

/** Directions and patches that are projected at once, which bounds the memory. */
const directionsAtOnce = 64;
const patchesAtOnce = 65_536;

interface SwdOptions {
  /** Number of directions; 512 in the paper. With fewer, figures vary a little more around the same mean. */
  readonly directions: number;
  /** Seed of the directions and patches. */
  readonly seed: number;
}

/**
 * The distance of each set to the reference.
 * @param others sets of the same number and size of pictures as the reference
 */
export async function slicedWassersteinDistances(
  stream: Stream,
  reference: Pictures,
  others: readonly Pictures[],
  options: SwdOptions & { onProgress?(done: number, total: number): void },
): Promise<Swd[]> {
  for (const other of others) checkAlike(other, reference);
  const projections = others.map((other) => projectSet(stream, other, options));
  const parts = levelSizes(reference.size).length * Math.ceil(options.directions / directionsAtOnce);
  let done = 0;
  return await compare(projectSet(stream, reference, options), projections, options.directions, () =>
    options.onProgress?.(++done, parts),
  );
}

/** Real pictures to compare many sets with, one after the other: their projections are computed once. */
export class SwdReference {
  private constructor(
    private readonly stream: Stream,
    private readonly reals: Pictures,
    private readonly options: SwdOptions,
    /** 256 KiB per direction and level for 512 pictures. */
    private readonly projected: readonly Projected[],
  ) {}

  static async of(stream: Stream, reals: Pictures, options: SwdOptions): Promise<SwdReference> {
    const projected: Projected[] = [];
    for await (const part of projectSet(stream, reals, options)) projected.push(part);
    return new SwdReference(stream, reals, options, projected);
  }

  /** @param pictures the same number and size as the reference */
  async distance(pictures: Pictures): Promise<Swd> {
    checkAlike(pictures, this.reals);
    const [swd] = await compare(
      this.projected,
      [projectSet(this.stream, pictures, this.options)],
      this.options.directions,
    );
    return swd;
  }
}

function checkAlike(one: Pictures, reference: Pictures): void {
  if (one.count === reference.count && one.size === reference.size) return;
  const [came, expected] = [one, reference].map(({ count, size }) => `${count} of ${size}×${size}`);
  throw new Error(`SWD: ${came} pictures against ${expected}, expected as many of one size`);
}

/** A level's patches along some of the directions. */
interface Projected {
  readonly size: number;
  /** [directions][patches], each sorted */
  readonly lines: readonly Float32Array[];
}

/** Level by level, some directions at a time: the same order for every set. */
async function* projectSet(
  stream: Stream,
  pictures: Pictures,
  { directions, seed }: SwdOptions,
): AsyncGenerator<Projected> {
  const vectors = randomDirections(directions, patchStride - 1, patchStride, seed);
  for (const level of laplacianPyramids(pictures)) {
    const patches = upload(stream, level, seed);
    for (let first = 0; first < directions; first += directionsAtOnce) {
      const rows = vectors.subarray(first * patchStride, Math.min(first + directionsAtOnce, directions) * patchStride);
      const onto = stream.from("directions", [rows.length / patchStride, patchStride], rows);
      const lines = await projectSorted(stream, patches, onto);
      stream.destroy(onto);
      yield { size: level.size, lines };
    }
    for (const tensor of patches) stream.destroy(tensor);
  }
}

async function compare(
  reference: Iterable<Projected> | AsyncIterable<Projected>,
  others: readonly AsyncGenerator<Projected>[],
  directions: number,
  onPart?: () => void,
): Promise<Swd[]> {
  const levels = others.map(() => new Map<number, number>());
  for await (const { size, lines } of reference) {
    for (const [i, other] of others.entries()) {
      const { lines: otherLines } = (await other.next()).value as Projected;
      const sum = lines.reduce((sum, line, d) => sum + meanDistance(line, otherLines[d]), 0);
      levels[i].set(size, (levels[i].get(size) ?? 0) + (1000 * sum) / directions);
    }
    onPart?.();
    // Lets messages and signals be handled.
    await new Promise((resolve) => setTimeout(resolve));
  }
  // Run to their ends, where they free what is left on the GPU.
  for (const other of others) await other.next();
  return levels.map((values) => ({
    levels: [...values].map(([size, value]) => ({ size, value })),
    average: [...values.values()].reduce((sum, value) => sum + value, 0) / values.size,
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

/** Mean |a − b| of two sorted lists of one length: their Wasserstein distance. */
export function meanDistance(a: Float32Array | Float64Array, b: Float32Array | Float64Array): number {
  if (a.length !== b.length) throw new Error(`meanDistance: ${a.length} numbers against ${b.length}, expected as many`);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
  return sum / a.length;
}
