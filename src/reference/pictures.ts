/**
 * Gathers square pictures into a batch: value = byte / 127.5 − 1, in [−1, 1].
 *
 * @param pixels [count, size, size, 3]
 * @param indices [n]: which pictures
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

const BACKGROUND = [24, 24, 27, 255];

/**
 * Lays square pictures out row by row, with a gap between them and around them. A value becomes (x·0.5 + 0.5)·255, rounded
 * to the nearest and clamped to 0 … 255. Gaps and the missing cells of the last row show the background.
 *
 * @param x [N, size, size, 3] in [−1, 1]
 * @param columns pictures in a row
 * @param gap in pixels
 * @param size height and width of a picture in pixels
 * @returns rgba [height, width, 4], as an ImageData wants it
 */
export function sampleGrid(
  x: ArrayLike<number>,
  columns: number,
  gap: number,
  size: number,
): { width: number; height: number; rgba: Uint8ClampedArray } {
  const N = x.length / (size * size * 3);
  const cell = size + gap;
  const width = columns * cell + gap;
  const height = Math.ceil(N / columns) * cell + gap;
  const rgba = Uint8ClampedArray.from({ length: width * height * 4 }, (_, i) => BACKGROUND[i % 4]);
  for (let n = 0; n < N; n++) {
    const top = gap + Math.floor(n / columns) * cell;
    const left = gap + (n % columns) * cell;
    for (let h = 0; h < size; h++) {
      for (let w = 0; w < size; w++) {
        for (let c = 0; c < 3; c++) {
          // The array rounds and clamps, halves to even. Only x = 0 falls on a half, 127.5, and becomes 128 either way.
          rgba[((top + h) * width + left + w) * 4 + c] = (x[((n * size + h) * size + w) * 3 + c] * 0.5 + 0.5) * 255;
        }
      }
    }
  }
  return { width, height, rgba };
}
