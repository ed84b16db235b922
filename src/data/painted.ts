/**
 * Painted cats: cats painted by a program, as many as wanted, to learn from.
 *
 * A cat is first *described* (painted/cat.ts: a plain object of colours and lengths, drawn from a random stream keyed by
 * seed and index) and then *painted* (painted/painting.ts: a stack of layers, back to front, each one colour and a coverage
 * in 0…1 for every pixel). The size enters only in the antialiasing and in the minimum width of a stroke, so the cat is the
 * same at every size.
 *
 * Only + − × ÷, comparisons and square roots (which IEEE 754 rounds exactly) are used: every engine paints the same bytes.
 */
import { newCanvas } from "./painted/canvas.ts";
import { describeCat } from "./painted/cat.ts";
import { paintLayers } from "./painted/painting.ts";
import { randomStream } from "./painted/random.ts";
import { type Pictures, paintedCount } from "./pictures.ts";

/**
 * Paints one cat.
 *
 * @param size height and width in pixels, at least 1
 * @param seed any integer; another seed gives other cats
 * @param index which of the seed's cats; no two indices share a random stream
 * @returns [size, size, 3] RGB; depends on nothing but the three arguments
 */
export function paintCat(size: number, seed: number, index: number): Uint8Array {
  if (!(Number.isInteger(size) && size >= 1)) {
    throw new Error(`paintCat: size is ${size}, expected a whole number of pixels ≥ 1`);
  }
  const canvas = newCanvas(size);
  paintLayers(canvas, describeCat(randomStream(seed, index)));
  const pixels = new Uint8Array(size * size * 3);
  for (let i = 0; i < pixels.length; i++) pixels[i] = canvas.rgb[i] + 0.5; // blends of 0…255 stay in 0…255
  return pixels;
}

/** Paints the cats 0 … count − 1 of a seed, see {@link paintCat}. */
export function paintCats(size: number, count: number, seed: number): Pictures {
  if (!(Number.isInteger(count) && count >= 0)) {
    throw new Error(`paintCats: count is ${count}, expected a whole number ≥ 0`);
  }
  const pixels = new Uint8Array(count * size * size * 3);
  for (let index = 0; index < count; index++) pixels.set(paintCat(size, seed, index), index * size * size * 3);
  return { size, count, pixels };
}

/** The painted cats of a run, with pauses in which other work can run. */
export async function paintDataSet(
  size: number,
  seed: number,
  onProgress: (done: number, total: number) => void,
): Promise<Pictures> {
  const count = paintedCount(size);
  const bytes = size * size * 3;
  const pixels = new Uint8Array(count * bytes);
  for (let index = 0; index < count; index++) {
    pixels.set(paintCat(size, seed, index), index * bytes);
    if (index % 64 !== 0) continue;
    onProgress(index, count);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return { size, count, pixels };
}
