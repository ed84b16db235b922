/** The colours of a GIF's frame. Colours are RGB words: red in the lowest 8 bits, then green, then blue. */

/** Bits per channel by which colours are grouped; the lower bits only affect a group's mean. */
const cellBits = 5;
const cells = 1 << (3 * cellBits);

/** The colours of the pixels, unless there are more than `max`: then null. */
export function fewColours(pixels: Uint32Array, max: number): number[] | null {
  const distinct = new Set<number>();
  for (let i = 0; i < pixels.length && distinct.size <= max; i++) distinct.add(pixels[i]);
  return distinct.size <= max ? [...distinct] : null;
}

/**
 * Colours to represent those of the pixels: exactly those if they are few; otherwise found by cutting the box of
 * colours with the largest sum of squared distances from its mean, at the mean, until there are enough boxes. A box's
 * colour is the mean of its pixels.
 * @returns at most `max` colours
 */
export function choosePalette(pixels: Uint32Array, max: number): number[] {
  const few = fewColours(pixels, max);
  if (few) return few;
  const { counts, means } = grouped(pixels);
  const used = Uint16Array.from(counts.keys()).filter((cell) => counts[cell] > 0);
  const boxes = [boxOf(used, counts, means)];
  while (boxes.length < max) {
    let widest = 0;
    for (const [i, box] of boxes.entries()) if (box.spread > boxes[widest].spread) widest = i;
    const { cells, channel, mean, spread } = boxes[widest];
    if (spread === 0) break;
    const below = cells.filter((cell) => means[3 * cell + channel] <= mean[channel]);
    const above = cells.filter((cell) => means[3 * cell + channel] > mean[channel]);
    boxes.splice(widest, 1, boxOf(below, counts, means), boxOf(above, counts, means));
  }
  return boxes.map(({ mean: [r, g, b] }) => Math.round(r) | (Math.round(g) << 8) | (Math.round(b) << 16));
}

/** How many pixels each cell has, and the mean of their channels: [cells, 3]. */
function grouped(pixels: Uint32Array): { counts: Uint32Array; means: Float64Array } {
  const counts = new Uint32Array(cells);
  const means = new Float64Array(3 * cells);
  const shift = 8 - cellBits;
  for (const colour of pixels) {
    const [r, g, b] = [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
    const cell = ((r >> shift) << (2 * cellBits)) | ((g >> shift) << cellBits) | (b >> shift);
    counts[cell]++;
    means[3 * cell] += r;
    means[3 * cell + 1] += g;
    means[3 * cell + 2] += b;
  }
  for (let i = 0; i < means.length; i++) means[i] /= counts[Math.floor(i / 3)] || 1;
  return { counts, means };
}

interface Box {
  cells: Uint16Array;
  mean: number[];
  /** The channel that varies most, and by how much: the sum of its squared distances from the mean. */
  channel: number;
  spread: number;
}

function boxOf(cells: Uint16Array, counts: Uint32Array, means: Float64Array): Box {
  let weight = 0;
  const [sums, squares] = [
    [0, 0, 0],
    [0, 0, 0],
  ];
  for (const cell of cells) {
    // Weighted by the root of its number of pixels: a nose is small, and its colour should not be lost to many shades
    // of fur.
    const share = Math.sqrt(counts[cell]);
    weight += share;
    for (let c = 0; c < 3; c++) {
      const value = means[3 * cell + c];
      sums[c] += share * value;
      squares[c] += share * value * value;
    }
  }
  const mean = sums.map((sum) => sum / weight);
  const spreads = squares.map((square, c) => square - sums[c] * mean[c]);
  const channel = spreads.indexOf(Math.max(...spreads));
  // A single cell cannot be cut, even if rounding leaves it some spread.
  return { cells, mean, channel, spread: cells.length > 1 ? Math.max(0, spreads[channel]) : 0 };
}

/** The squared distance between two colours. */
export function squaredDistance(a: number, b: number): number {
  const r = (a & 255) - (b & 255);
  const g = ((a >> 8) & 255) - ((b >> 8) & 255);
  const blue = ((a >> 16) & 255) - ((b >> 16) & 255);
  return r * r + g * g + blue * blue;
}
