/** Small neighbourhoods of pictures, cut out at random: what the sliced Wasserstein distance compares. */
import { purposes } from "../random/noise_key.ts";
import { philox4x32 } from "../random/philox.ts";
import type { Level } from "./laplacian_pyramid.ts";

/** Patches of a picture, per level. */
export const patchesPerPicture = 128;
/** Height and width of a patch. */
const width = 7;
const channels = 3;
/** Numbers per patch, padded with one 0 to a multiple of 4 for the matrix product. */
export const patchStride = width * width * channels + 1;

/**
 * Random patches of a level. Patch p of picture n has the same position in every set, so that two
 * equal sets have a distance of 0. Each channel is then normalised over all of the set's patches to mean 0 and standard
 * deviation 1 (left at 0 where it is constant).
 * @returns [count · 128, 148], picture by picture
 */
export function normalisedPatches({ size, values }: Level, seed: number): Float32Array<ArrayBuffer> {
  const pictureNumbers = size * size * channels;
  const patches = new Float32Array((values.length / pictureNumbers) * patchesPerPicture * patchStride);
  const count = patches.length / patchStride;
  const places = size - width + 1;
  let words: readonly number[] = [];
  for (let patch = 0; patch < count; patch++) {
    // Two positions from four random words.
    if (patch % 2 === 0) words = philox4x32([patch / 2, size, 0, 0], [seed, purposes.patches]);
    const [top, left] = [0, 1].map((axis) => scaled(words[(patch % 2) * 2 + axis], places));
    const picture = Math.floor(patch / patchesPerPicture) * pictureNumbers;
    for (let h = 0; h < width; h++) {
      const from = picture + ((top + h) * size + left) * channels;
      patches.set(values.subarray(from, from + width * channels), patch * patchStride + h * width * channels);
    }
  }
  normalise(patches);
  return patches;
}

function normalise(patches: Float32Array): void {
  const numbers = (patches.length / patchStride) * width * width;
  for (let c = 0; c < channels; c++) {
    const visit = (use: (i: number) => void) => {
      for (let start = 0; start < patches.length; start += patchStride) {
        for (let i = start + c; i < start + patchStride - 1; i += channels) use(i);
      }
    };
    let sum = 0;
    visit((i) => (sum += patches[i]));
    const mean = sum / numbers;
    let squares = 0;
    visit((i) => (squares += (patches[i] - mean) ** 2));
    const rstd = squares > 0 ? 1 / Math.sqrt(squares / numbers) : 0;
    visit((i) => (patches[i] = (patches[i] - mean) * rstd));
  }
}

/**
 * Maps a random word to a whole number from 0 to choices − 1; with choices below 2⁸, no value is favoured by more than
 * 2⁻²⁴.
 */
function scaled(word: number, choices: number): number {
  return Math.floor((word / 2 ** 32) * choices);
}
