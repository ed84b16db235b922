/** A filter's taps along one axis: output i is the sum over t of weights[i·taps + t] · input[first[i] + t]. */
interface Taps {
  taps: number;
  first: Int32Array;
  weights: Float64Array;
}

/**
 * A picture of any shape made square and resampled with a separable Lanczos-3 filter, which is widened by the scale where
 * it shrinks (as Pillow's `Image.resize` does), so that fine patterns blur instead of flickering. Arithmetic is on the
 * stored sRGB values, unrounded between the two passes; the result is rounded and clamped, since Lanczos overshoots.
 *
 * @param src [height, width, 3], u8
 * @param size height and width of the result, at least 1
 * @param fit "crop": the central square (where the margin is odd, its odd pixel goes from the right or the bottom);
 *   "stretch": the whole picture, each axis with a scale of its own
 * @returns [size, size, 3], u8
 * @throws Error when src does not have height·width·3 values
 */
export function resizeRgb(
  src: Uint8Array,
  width: number,
  height: number,
  size: number,
  fit: "crop" | "stretch",
): Uint8Array {
  if (!(width >= 1 && height >= 1 && size >= 1) || src.length !== width * height * 3) {
    throw new Error(
      `resizeRgb: ${width}×${height} to ${size}×${size} from ${src.length} values, expected ${width * height * 3}`,
    );
  }
  const side = Math.min(width, height);
  const [boxWidth, boxHeight] = fit === "crop" ? [side, side] : [width, height];
  const left = (width - boxWidth) >> 1;
  const top = (height - boxHeight) >> 1;

  // Along x first: the rows lie in memory as they are read, and what is left for the second pass is narrow.
  const narrow = new Float32Array(boxHeight * size * 3);
  const alongX = filterTaps(boxWidth, size);
  for (let y = 0, to = 0; y < boxHeight; y++) {
    for (let x = 0, w = 0; x < size; x++) {
      let from = ((top + y) * width + left + alongX.first[x]) * 3;
      let r = 0;
      let g = 0;
      let b = 0;
      for (const end = w + alongX.taps; w < end; w++, from += 3) {
        const weight = alongX.weights[w];
        r += weight * src[from];
        g += weight * src[from + 1];
        b += weight * src[from + 2];
      }
      narrow[to++] = r;
      narrow[to++] = g;
      narrow[to++] = b;
    }
  }

  const result = new Uint8ClampedArray(size * size * 3);
  const alongY = filterTaps(boxHeight, size);
  const row = size * 3;
  for (let y = 0, to = 0; y < size; y++) {
    for (let i = 0; i < row; i++) {
      let from = alongY.first[y] * row + i;
      let sum = 0;
      for (let t = 0; t < alongY.taps; t++, from += row) sum += alongY.weights[y * alongY.taps + t] * narrow[from];
      result[to++] = sum; // Rounds and clamps.
    }
  }
  return new Uint8Array(result.buffer);
}

/** The weights that take `from` pixels to `to`; they sum to 1 for every output, also at the borders. */
function filterTaps(from: number, to: number): Taps {
  const step = from / to;
  const widening = Math.max(step, 1);
  // At scale 1 every weight but the middle one is sin(πk) = 0: one tap is the whole filter.
  const support = from === to ? 0.5 : 3 * widening;
  const taps = Math.min(from, Math.ceil(2 * support));
  const first = new Int32Array(to);
  const weights = new Float64Array(to * taps);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * step;
    // At a border the window slides inwards; what it then holds outside the support weighs nothing.
    first[i] = Math.max(0, Math.min(from - taps, Math.floor(centre - support + 0.5)));
    const own = weights.subarray(i * taps, (i + 1) * taps);
    let sum = 0;
    for (let t = 0; t < taps; t++) sum += own[t] = lanczos3((first[i] + t + 0.5 - centre) / widening);
    for (let t = 0; t < taps; t++) own[t] /= sum;
  }
  return { taps, first, weights };
}

/** Lanczos-3: sinc(x)·sinc(x/3) where |x| < 3, else 0, with sinc(x) = sin(πx)/(πx). */
function lanczos3(x: number): number {
  if (x === 0) return 1;
  if (Math.abs(x) >= 3) return 0;
  const angle = Math.PI * x;
  return (3 * Math.sin(angle) * Math.sin(angle / 3)) / (angle * angle);
}
