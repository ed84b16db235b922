/**
 * Counter-based random numbers: each is a function of its position alone. So the GPU can compute all of them in parallel, a
 * run can be repeated exactly, and a resumed run needs only its step. shaders/pictures/philox.wgsl gives the same bits.
 */
import type { NoiseKey } from "./noise_key.ts";

/** Four u32: Philox's counter, and its output. */
export type Words = [number, number, number, number];

/** Identifies the numbers of one step, a u32. */
export type StepKey = NoiseKey & { readonly step: number };

// The multipliers, and the Weyl constants that bump the key: the golden ratio and sqrt(3) − 1, times 2³².
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/**
 * Philox 4×32-10: ten rounds that mix a counter under a key (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
 * easy as 1, 2, 3", SC 2011). Exact in u32, the same bits on every device.
 */
export function philox4x32(counter: Words, key: [number, number]): Words {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(M0, c0);
    const low0 = Math.imul(M0, c0);
    const high1 = multiplyHigh(M1, c2);
    const low1 = Math.imul(M1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}

/** The upper 32 of the 64 bits of a·b, from 16-bit halves: WGSL has no 64-bit product, and a double holds only 53 bits. */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  // Below 2³⁴, hence exact in a double; the u32 version in WGSL has to carry explicitly.
  const middle = aHigh * bLow + aLow * bHigh + Math.floor((aLow * bLow) / 0x10000);
  return (aHigh * bHigh + Math.floor(middle / 0x10000)) >>> 0;
}

/** Word number `index` of the plain sequence: word index%4 of the block with counter [index/4, step, 0, 0]. */
function word(index: number, { seed, purpose, step }: StepKey): number {
  return philox4x32([Math.floor(index / 4), step, 0, 0], [seed, purpose])[index % 4];
}

/**
 * Uniform numbers in [low, high): u = (word >>> 8) · 2⁻²⁴ is in [0, 1), value = low + (high − low)·u, each operation
 * rounded to f32. Where high − low is a power of two, as for (−1, 1), the product is exact, so that a device with
 * fused multiply-add also gives the same bits. Rounding may reach high where |low| is far larger than high − low.
 *
 * @returns [count], each an f32
 */
export function uniform(count: number, key: StepKey, low: number, high: number): Float64Array {
  const { fround } = Math;
  const from = fround(low);
  const range = fround(fround(high) - from);
  return new Float64Array(count).map((_, i) => {
    const u = (word(i, key) >>> 8) * 2 ** -24;
    return fround(from + fround(range * u));
  });
}

const ATTEMPTS = 16;

/**
 * Normal numbers of mean 0, those beyond two standard deviations drawn again (TensorFlow's truncated_normal; the standard
 * deviation is the one before the cut, afterwards it is 0.88 of it). Pairs by Box and Muller (1958): element i draws from
 * the counter [i, step, attempt, 1], takes the first of the pair that is within bounds, or else tries the next attempt. A
 * pair fails once in 480 times, so the clamp after 16 attempts only keeps the loop finite.
 *
 * The words are exact everywhere, the logarithm and the cosine are not. Compare with a tolerance, and note that a
 * number within rounding of the cut may be kept on one device and drawn again on another.
 *
 * @returns [count]
 */
export function truncatedNormal(count: number, key: StepKey, stddev: number): Float64Array {
  const { seed, purpose, step } = key;
  return new Float64Array(count).map((_, i) => {
    let a = 0;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const [w0, w1] = philox4x32([i, step, attempt, 1], [seed, purpose]);
      const u1 = ((w0 >>> 8) + 1) * 2 ** -24; // in (0, 1]: never the logarithm of 0
      const u2 = (w1 >>> 8) * 2 ** -24;
      const r = Math.sqrt(-2 * Math.log(u1));
      a = r * Math.cos(2 * Math.PI * u2);
      if (Math.abs(a) <= 2) return a * stddev;
      const b = r * Math.sin(2 * Math.PI * u2);
      if (Math.abs(b) <= 2) return b * stddev;
    }
    return Math.sign(a) * 2 * stddev;
  });
}

/**
 * The numbers 0 … count − 1 in random order, every order equally likely: Fisher and Yates' shuffle from the plain sequence
 * of words. A word at or above the largest multiple of the number of choices is skipped, since its remainder would favour
 * small numbers.
 */
export function randomPermutation(count: number, key: StepKey): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  let index = 0;
  for (let last = count - 1; last > 0; last--) {
    const choices = last + 1;
    const limit = 2 ** 32 - (2 ** 32 % choices);
    let random = word(index++, key);
    while (random >= limit) random = word(index++, key);
    const chosen = random % choices;
    [order[last], order[chosen]] = [order[chosen], order[last]];
  }
  return order;
}
