/** Finds pictures that are nearly the same, by a hash of their brightness gradients. */

/** 64 bits in two halves, each an i32. */
export type Hash = readonly [low: number, high: number];

/** Pictures whose hashes differ in at most this many bits are near-duplicates; docs/data.md shows why 5. */
export const maxDistance = 5;

const [columns, rows] = [9, 8];

/**
 * dHash (N. Krawetz, "Kind of like that", 2013): the picture's luma averaged to 9×8, then a bit for each of the 8×8
 * pairs of neighbours in a row, set where it grows brighter to the right. Small differences of scale, compression or
 * exposure change few of them. Whole numbers throughout: every engine gives the same bits.
 *
 * @param rgb [size, size, 3], size at least 9
 */
export function differenceHash(rgb: Uint8Array, size: number): Hash {
  const sums = new Float64Array(columns * rows);
  const edges = (parts: number) => Array.from({ length: parts + 1 }, (_, i) => Math.floor((i * size) / parts));
  const [xs, ys] = [edges(columns), edges(rows)];
  for (let j = 0; j < rows; j++) {
    for (let y = ys[j]; y < ys[j + 1]; y++) {
      for (let i = 0; i < columns; i++) {
        let sum = 0;
        const end = (y * size + xs[i + 1]) * 3;
        for (let at = (y * size + xs[i]) * 3; at < end; at += 3) {
          sum += 299 * rgb[at] + 587 * rgb[at + 1] + 114 * rgb[at + 2]; // BT.601, in thousandths
        }
        sums[j * columns + i] += sum;
      }
    }
  }
  const hash: [number, number] = [0, 0];
  for (let bit = 0; bit < 64; bit++) {
    const [i, at] = [bit % 8, (bit >> 3) * columns + (bit % 8)];
    // Means compared: each sum times the other's number of columns.
    const brighter = sums[at] * (xs[i + 2] - xs[i + 1]) < sums[at + 1] * (xs[i + 1] - xs[i]);
    if (brighter) hash[bit >> 5] |= 1 << (bit & 31);
  }
  return hash;
}

/** The number of bits that differ. */
export function hammingDistance(a: Hash, b: Hash): number {
  return bitCount(a[0] ^ b[0]) + bitCount(a[1] ^ b[1]);
}

function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Six parts of the hash, [half, first bit, bits]: of two hashes at most five bits apart, one part at least is the same. */
const parts = [0, 1].flatMap((half) => [
  [half, 0, 11],
  [half, 11, 11],
  [half, 22, 10],
]);

/**
 * Groups pictures as they arrive. A picture joins the first earlier one that leads a group and is near it,
 * so every picture is near its group's first, and similarity does not drift along a chain.
 */
export class NearDuplicates {
  /** The groups' first pictures: their numbers and hashes. */
  private readonly firsts: { picture: number; hash: Hash }[] = [];
  /** For each part of the hash and each of its values, the groups whose first has it, in order. */
  private readonly byPart: number[][][] = parts.map(([, , bits]) => Array.from({ length: 1 << bits }, () => []));
  private count = 0;

  /**
   * @returns the first of its group, as its index among the pictures so far; the picture's own index if it begins a
   * group
   */
  add(hash: Hash): { first: number; distance: number } {
    const picture = this.count++;
    const lists = parts.map(([half, from, bits], part) => this.byPart[part][(hash[half] >>> from) & ((1 << bits) - 1)]);
    let nearest = this.firsts.length;
    for (const list of lists) {
      for (const group of list) {
        if (group >= nearest) break;
        if (hammingDistance(this.firsts[group].hash, hash) <= maxDistance) nearest = group;
      }
    }
    if (nearest < this.firsts.length) {
      const { picture: first, hash: other } = this.firsts[nearest];
      return { first, distance: hammingDistance(other, hash) };
    }
    this.firsts.push({ picture, hash });
    for (const list of lists) list.push(nearest);
    return { first: picture, distance: 0 };
  }
}
