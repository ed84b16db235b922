/**
 * The Laplacian pyramid of Burt and Adelson ("The Laplacian pyramid as a compact image code", 1983), as the sliced
 * Wasserstein distance takes it: each level is what a picture loses by being halved, the last one is what remains.
 * Filter [1 4 6 4 1]/16 along each axis; beyond an edge the picture is mirrored, the edge itself not repeated (OpenCV's
 * pyrDown and pyrUp).
 */
import type { Pictures } from "../data/pictures.ts";

/** Size of the coarsest level. */
const smallest = 16;
const filter = [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16];
const channels = 3;

/** One level of the pyramids of a set. */
export interface Level {
  /** Height and width, in pixels. */
  readonly size: number;
  /** [count, size, size, 3] */
  readonly values: Float32Array;
}

/** Sizes of a picture's levels, finest first: 64, 32, 16. @param size a power of two, at least 16 */
export function levelSizes(size: number): number[] {
  const sizes = [size];
  while (sizes[sizes.length - 1] > smallest) sizes.push(sizes[sizes.length - 1] / 2);
  return sizes;
}

/** The pyramids of a set of pictures, finest level first, in 8-bit levels (0 … 255). */
export function laplacianPyramids({ size, count, pixels }: Pictures): Level[] {
  const levels = levelSizes(size).map((size) => ({ size, values: new Float32Array(count * size * size * channels) }));
  const pictureNumbers = size * size * channels;
  for (let n = 0; n < count; n++) {
    const picture = Float64Array.from(pixels.subarray(n * pictureNumbers, (n + 1) * pictureNumbers));
    for (const [i, level] of laplacianPyramid(picture, size).entries()) levels[i].values.set(level, n * level.length);
  }
  return levels;
}

/** The levels of one picture, finest first. @param picture [size, size, 3] */
export function laplacianPyramid(picture: Float64Array, size: number): Float64Array[] {
  const levels: Float64Array[] = [];
  let rest = picture;
  for (const finer of levelSizes(size).slice(0, -1)) {
    const half = pyramidDown(rest, finer);
    const blurred = pyramidUp(half, finer / 2);
    levels.push(rest.map((value, i) => value - blurred[i]));
    rest = half;
  }
  return [...levels, rest];
}

/** Blurs, then keeps every other row and column. @param x [size, size, 3] @returns [size/2, size/2, 3] */
export function pyramidDown(x: Float64Array, size: number): Float64Array {
  const half = size / 2;
  const blurred = blur(x, size);
  return new Float64Array(half * half * channels).map((_, i) => blurred[doubled(i, half)]);
}

/**
 * Zeros between the rows and columns, then blurred with twice the filter along each axis.
 * @param x [size, size, 3]
 * @returns [2·size, 2·size, 3]
 */
export function pyramidUp(x: Float64Array, size: number): Float64Array {
  const sparse = new Float64Array(4 * x.length);
  for (const [i, value] of x.entries()) sparse[doubled(i, size)] = 4 * value;
  return blur(sparse, 2 * size);
}

/** Where number i of [size, size, 3] lies in [2·size, 2·size, 3] when rows and columns are twice as far apart. */
function doubled(i: number, size: number): number {
  const c = i % channels;
  const pixel = (i - c) / channels;
  const column = pixel % size;
  return (4 * pixel - 2 * column) * channels + c;
}

/** The filter along both axes. @param x [size, size, 3] */
function blur(x: Float64Array, size: number): Float64Array {
  // Numbers from one place along the axis to the next.
  for (const stride of [size * channels, channels]) {
    const y = new Float64Array(x.length);
    for (let i = 0; i < x.length; i++) {
      const at = Math.floor(i / stride) % size;
      const start = i - at * stride;
      for (let tap = 0; tap < 5; tap++) y[i] += filter[tap] * x[start + mirror(at + tap - 2, size) * stride];
    }
    x = y;
  }
  return x;
}

/** −1 → 1, size → size − 2. */
function mirror(index: number, size: number): number {
  if (index < 0) return -index;
  return index < size ? index : 2 * (size - 1) - index;
}
