/**
 * The Laplacian pyramid of Burt and Adelson ("The Laplacian pyramid as a compact image code", 1983), as the sliced
 * Wasserstein distance takes it: each level is what a picture loses by being halved, the last one is what remains.
 * Filter [1 4 6 4 1]/16 along each axis; beyond an edge the picture is mirrored, the edge itself not repeated (OpenCV's
 * pyrDown and pyrUp).
 */
import type { Pictures } from "../data/pictures.ts";

/** Levels end at this size. */
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

/** The pyramids of a set of pictures, finest level first, in bytes' units (0 … 255). */
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

/** Blurred, and every other row and column taken. @param x [size, size, 3] @returns [size/2, size/2, 3] */
export function pyramidDown(x: Float64Array, size: number): Float64Array {
  const half = size / 2;
  const tall = new Float64Array(half * size * channels);
  for (let p = 0; p < half; p++) {
    for (let r = 0; r < 5; r++) {
      const from = mirror(2 * p + r - 2, size) * size * channels;
      for (let i = 0; i < size * channels; i++) tall[p * size * channels + i] += filter[r] * x[from + i];
    }
  }
  const y = new Float64Array(half * half * channels);
  for (let p = 0; p < half; p++) {
    for (let q = 0; q < half; q++) {
      for (let s = 0; s < 5; s++) {
        const from = (p * size + mirror(2 * q + s - 2, size)) * channels;
        for (let c = 0; c < channels; c++) y[(p * half + q) * channels + c] += filter[s] * tall[from + c];
      }
    }
  }
  return y;
}

/**
 * Zeros between the rows and columns, then blurred with twice the filter along each axis.
 * @param x [size, size, 3]
 * @returns [2·size, 2·size, 3]
 */
export function pyramidUp(x: Float64Array, size: number): Float64Array {
  const double = 2 * size;
  const tall = new Float64Array(double * size * channels);
  for (let h = 0; h < double; h++) {
    for (let r = 0; r < 5; r++) {
      const row = mirror(h + r - 2, double);
      // Odd rows are the zeros.
      if (row % 2 !== 0) continue;
      const from = (row / 2) * size * channels;
      for (let i = 0; i < size * channels; i++) tall[h * size * channels + i] += 2 * filter[r] * x[from + i];
    }
  }
  const y = new Float64Array(double * double * channels);
  for (let h = 0; h < double; h++) {
    for (let w = 0; w < double; w++) {
      for (let s = 0; s < 5; s++) {
        const column = mirror(w + s - 2, double);
        if (column % 2 !== 0) continue;
        const from = (h * size + column / 2) * channels;
        for (let c = 0; c < channels; c++) y[(h * double + w) * channels + c] += 2 * filter[s] * tall[from + c];
      }
    }
  }
  return y;
}

/** −1 → 1, size → size − 2. */
function mirror(index: number, size: number): number {
  if (index < 0) return -index;
  return index < size ? index : 2 * (size - 1) - index;
}
