/** The arithmetic behind the bench's tables: the minimum work of a kernel, and statistics of timings. */
import type { ConvGeometry } from "../src/kernels/geometry.ts";

/** Milliseconds of one run, over several batches of runs. */
export interface Spread {
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
}

/**
 * The value below which a share of the numbers lies, straight lines between neighbours (Hyndman and Fan's 7th, as NumPy).
 * @param share from 0 to 1 @throws Error when there are no numbers
 */
export function percentile(numbers: readonly number[], share: number): number {
  if (numbers.length === 0) throw new Error("percentile: needs numbers, got none");
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

export function spreadOf(numbers: readonly number[]): Spread {
  return { median: percentile(numbers, 0.5), p10: percentile(numbers, 0.1), p90: percentile(numbers, 0.9) };
}

/** Pairs (position, tap) of one axis whose tap lies inside the picture. */
function insidePairs(size: number, kernel: number, stride: number, positions: number, before: number): number {
  let pairs = 0;
  for (let p = 0; p < positions; p++) {
    const first = p * stride - before;
    pairs += Math.max(0, Math.min(size, first + kernel) - Math.max(0, first));
  }
  return pairs;
}

/** Flops of any of the three passes without the taps that fall on the padding: the flops that are necessary. */
export function insideFlops(g: ConvGeometry): number {
  const rows = insidePairs(g.H, g.R, g.stride, g.P, g.padTop);
  const columns = insidePairs(g.W, g.S, g.stride, g.Q, g.padLeft);
  return 2 * g.N * g.C * g.K * rows * columns;
}

/** The best rates measured on an adapter; its ceilings are the upper ends. */
export interface Ceilings {
  /** Billions of floating-point operations per second, in a loop of multiply-adds. */
  readonly gflops: Spread;
  /** Billions of bytes per second, read and written, in a copy. */
  readonly gbps: Spread;
}

/** The minimum work of a case. */
export interface Work {
  /** Nominal flops, including taps on the padding. 0 for memory-bound kernels. */
  readonly flops: number;
  /** Flops without those taps. */
  readonly inside: number;
  /** Bytes read and written, each counted once. */
  readonly bytes: number;
}

/** The minimum time in milliseconds (the roofline): max(flops ÷ multiply-adds' rate, bytes ÷ copy's rate). */
export function roofline({ inside, bytes }: Work, { gflops, gbps }: Ceilings): number {
  return Math.max(inside / gflops.p90, bytes / gbps.p90) / 1e6;
}

/** Rates of work that took this many milliseconds. */
export function ratesOf(work: Work, ms: number, ceilings: Ceilings) {
  return {
    gflops: work.flops / ms / 1e6,
    gflopsInside: work.inside / ms / 1e6,
    gbps: work.bytes / ms / 1e6,
    percent: (100 * roofline(work, ceilings)) / ms,
  };
}

/** How a timing compares with an older one. */
export interface Verdict {
  /** Old ÷ new: above 1 is faster. */
  readonly ratio: Spread;
  /** Differs only where the two spreads do not overlap. */
  readonly verdict: "faster" | "slower" | "same";
}

export function compareTimes(before: Spread, now: Spread): Verdict {
  const ratio = { median: before.median / now.median, p10: before.p10 / now.p90, p90: before.p90 / now.p10 };
  return { ratio, verdict: ratio.p10 > 1 ? "faster" : ratio.p90 < 1 ? "slower" : "same" };
}
