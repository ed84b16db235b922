/**
 * A filter along one axis: output i is the sum over t of weights[i·taps + t] · blocks[first[i] + t], where a block is the
 * sum of its pixels.
 */
interface Taps {
  taps: number;
  first: Int32Array;
  weights: Float64Array;
  /** Block b is the pixels edges[b] … edges[b + 1] − 1. */
  edges: Int32Array;
}

/** Rows of RGB in a larger array: pixel (x, y) begins at `start` + `rowLength`·y + 3x. */
interface Area {
  values: Uint8Array | Float64Array;
  start: number;
  rowLength: number;
}

/**
 * A picture of any shape made square and resampled with a separable Lanczos-3 filter, which is widened by the scale where
 * it shrinks (as Pillow's `Image.resize` does), so that fine patterns blur instead of flickering. An axis that shrinks by
 * 6 or more is first summed in blocks of half the scale, rounded down, and the filter weighs the blocks: nearly the same
 * picture in a fraction of the time (docs/data.md). Arithmetic is on the stored sRGB values, unrounded between all
 * steps; the result is rounded and clamped, since Lanczos overshoots.
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
  const alongX = filterTaps(boxWidth, size);
  const alongY = filterTaps(boxHeight, size);
  const box: Area = { values: src, start: (top * width + left) * 3, rowLength: width * 3 };
  const rows = alongY.edges.length - 1;
  const inBlocks = alongX.edges.length <= boxWidth || rows < boxHeight;
  const { values, start, rowLength } = inBlocks ? blockSums(box, alongX.edges, alongY.edges) : box;

  // Along x first: the rows lie in memory as they are read, and what is left for the second pass is narrow.
  const narrow = new Float32Array(rows * size * 3);
  const { taps, first, weights } = alongX;
  for (let y = 0, to = 0; y < rows; y++) {
    for (let x = 0, w = 0; x < size; x++) {
      let from = start + y * rowLength + first[x] * 3;
      let r = 0;
      let g = 0;
      let b = 0;
      for (const end = w + taps; w < end; w++, from += 3) {
        const weight = weights[w];
        r += weight * values[from];
        g += weight * values[from + 1];
        b += weight * values[from + 2];
      }
      narrow[to++] = r;
      narrow[to++] = g;
      narrow[to++] = b;
    }
  }

  const result = new Uint8ClampedArray(size * size * 3);
  const row = size * 3;
  const sums = new Float64Array(row);
  for (let y = 0; y < size; y++) {
    sums.fill(0);
    for (let t = 0; t < alongY.taps; t++) {
      const weight = alongY.weights[y * alongY.taps + t];
      const from = (alongY.first[y] + t) * row;
      for (let i = 0; i < row; i++) sums[i] += weight * narrow[from + i];
    }
    result.set(sums, y * row); // Rounds and clamps.
  }
  return new Uint8Array(result.buffer);
}

/** Reused for the next picture: otherwise, each of thousands in a row would allocate up to a MB. */
let sumsKept = new Float64Array(0);

/** Memory for sums, all 0. */
function sumsOf(length: number): Float64Array {
  // Does not keep forever what one huge picture needed.
  if (sumsKept.length < length || sumsKept.length > 4 * length + 2 ** 16) sumsKept = new Float64Array(length);
  return sumsKept.subarray(0, length).fill(0);
}

/** The sums of the pixels in each block, exact. */
function blockSums({ values, start, rowLength }: Area, edgesX: Int32Array, edgesY: Int32Array): Area {
  const columns = edgesX.length - 1;
  const rows = edgesY.length - 1;
  const sums = sumsOf(rows * columns * 3);
  for (let row = 0; row < rows; row++) {
    for (let y = edgesY[row]; y < edgesY[row + 1]; y++) {
      let from = start + y * rowLength;
      for (let column = 0, to = row * columns * 3; column < columns; column++, to += 3) {
        let r = 0;
        let g = 0;
        let b = 0;
        for (const end = from + (edgesX[column + 1] - edgesX[column]) * 3; from < end; from += 3) {
          r += values[from];
          g += values[from + 1];
          b += values[from + 2];
        }
        sums[to] += r;
        sums[to + 1] += g;
        sums[to + 2] += b;
      }
    }
  }
  return { values: sums, start: 0, rowLength: columns * 3 };
}

/** The weights that take `from` pixels to `to`; for every output those of all its pixels sum to 1, also at the borders. */
function filterTaps(from: number, to: number): Taps {
  const step = from / to;
  const block = step >= 6 ? Math.floor(step / 2) : 1;
  const blocks = Math.ceil(from / block);
  // What the last block lacks is shared with the first (but an odd pixel), so that a mirrored picture gives the mirrored
  // result.
  const lead = (blocks * block - from) >> 1;
  const edges = Int32Array.from({ length: blocks + 1 }, (_, b) => Math.max(0, Math.min(from, b * block - lead)));
  const widening = Math.max(step, 1);
  // At scale 1 every weight but the middle one is sin(πk) = 0: one tap is the whole filter.
  const support = (from === to ? 0.5 : 3 * widening) / block;
  const taps = Math.min(blocks, Math.ceil(2 * support));
  const first = new Int32Array(to);
  const weights = new Float64Array(to * taps);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * step;
    // At a border the window slides inwards; pixels in it that are outside the support have weight 0.
    first[i] = Math.max(0, Math.min(blocks - taps, Math.floor((centre + lead) / block - support + 0.5)));
    const own = weights.subarray(i * taps, (i + 1) * taps);
    let sum = 0;
    for (let t = 0; t < taps; t++) {
      const [begin, end] = [edges[first[i] + t], edges[first[i] + t + 1]];
      own[t] = lanczos3(((begin + end) / 2 - centre) / widening);
      sum += own[t] * (end - begin);
    }
    for (let t = 0; t < taps; t++) own[t] /= sum;
  }
  return { taps, first, weights, edges };
}

/** Lanczos-3: sinc(x)·sinc(x/3) where |x| < 3, else 0, with sinc(x) = sin(πx)/(πx). */
function lanczos3(x: number): number {
  if (x === 0) return 1;
  if (Math.abs(x) >= 3) return 0;
  const angle = Math.PI * x;
  return (3 * Math.sin(angle) * Math.sin(angle / 3)) / (angle * angle);
}
