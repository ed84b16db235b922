/**
 * Gathers square pictures into a batch: value = byte / 127.5 − 1, in [−1, 1].
 *
 * @param pixels [count, size, size, 3]
 * @param indices [n]: the pictures to gather
 * @param flips [n]: 1 mirrors the picture along W, 0 does not
 * @param size height and width in pixels
 * @returns [n, size, size, 3]
 */
export function gatherPictures(
  pixels: Uint8Array,
  indices: ArrayLike<number>,
  flips: ArrayLike<number>,
  size: number,
): Float64Array {
  const batch = new Float64Array(indices.length * size * size * 3);
  for (let n = 0; n < indices.length; n++) {
    for (let h = 0; h < size; h++) {
      for (let w = 0; w < size; w++) {
        const from = flips[n] === 1 ? size - 1 - w : w;
        for (let c = 0; c < 3; c++) {
          const byte = pixels[((indices[n] * size + h) * size + from) * 3 + c];
          batch[((n * size + h) * size + w) * 3 + c] = byte / 127.5 - 1;
        }
      }
    }
  }
  return batch;
}

/**
 * Pictures as bytes: a value becomes (x·0.5 + 0.5)·255, rounded to the nearest integer and clamped to 0 … 255.
 *
 * @param x in [−1, 1]
 * @returns one byte for each value of x
 */
export function packPictures(x: ArrayLike<number>): Uint8ClampedArray {
  // The array clamps, and rounds halves to even. The only half is 127.5, from x = 0, which becomes 128 either way.
  return Uint8ClampedArray.from(x, (value) => (value * 0.5 + 0.5) * 255);
}
