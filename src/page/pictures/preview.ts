/** A few pictures as the networks see them, each next to its mirror image or an augmented version. */
import { pictureGrid } from "../../data/grid.ts";
import type { Image } from "../../data/image.ts";
import type { Pictures } from "../../data/pictures.ts";

/** How many are shown. */
export const previewCount = 12;
const pairsInRow = 4;

/**
 * @param pictures [size, size, 3] each; those still missing are left dark
 * @param augmented [pictures, size, size, 3]; null: mirror images
 */
export function previewImage(
  pictures: readonly (Uint8Array | undefined)[],
  size: number,
  augmented: Uint8Array | null,
): Image {
  const bytes = size * size * 3;
  const rows = Math.ceil(pictures.length / pairsInRow);
  const count = rows * pairsInRow * 2;
  const pixels = new Uint8Array(count * bytes).fill(32);
  for (const [index, picture] of pictures.entries()) {
    if (!picture) continue;
    pixels.set(picture, 2 * index * bytes);
    const other = augmented?.subarray(index * bytes, (index + 1) * bytes) ?? mirrored(picture, size);
    pixels.set(other, (2 * index + 1) * bytes);
  }
  return pictureGrid({ size, count, pixels }, pairsInRow * 2);
}

/** Indices of pictures, one from each of equal parts of the set; different ones every `turn`. */
export function previewIndices(count: number, turn: number): number[] {
  const shown = Math.min(count, previewCount);
  return Array.from({ length: shown }, (_, i) => {
    const [from, end] = [i, i + 1].map((part) => Math.floor((part * count) / shown));
    // Multiples of the golden ratio, modulo 1, are spread evenly and never repeat.
    return from + Math.floor((((turn + i) * 0.618034) % 1) * (end - from));
  });
}

export const pictureAt = ({ size, pixels }: Pictures, index: number) =>
  pixels.subarray(index * size * size * 3, (index + 1) * size * size * 3);

function mirrored(picture: Uint8Array, size: number): Uint8Array {
  const result = new Uint8Array(picture.length);
  for (let i = 0; i < size * size; i++) {
    const x = i % size;
    const from = (i - x + (size - 1 - x)) * 3;
    result.set(picture.subarray(from, from + 3), i * 3);
  }
  return result;
}
