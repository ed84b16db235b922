/**
 * Measures which variant of each convolution pass is the fastest on this adapter. The candidates take turns on the real
 * shape, a few times each, and a candidate's best time counts: other work on the machine can only slow it down.
 */

import type { Choices } from "../gpu/choices.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { Stream } from "../gpu/stream.ts";
import { type Convolution, choiceKey, choiceText } from "../kernels/choices.ts";
import { conv2d, conv2dFilterGradient, conv2dInputGradient } from "../kernels/conv2d.ts";
import { candidatesFor } from "../kernels/default_choice.ts";
import { type ConvGeometry, convFlops, forImages } from "../kernels/geometry.ts";
import type { Pass } from "../kernels/variants.ts";

/** One candidate's time. */
export interface Candidate {
  /** Written as in `Choices`: `16x8`, `8x8 in 12`. */
  readonly text: string;
  /** Milliseconds for the geometry that was timed. */
  readonly ms: number;
}

/** What was found for one pass of one shape. */
export interface Measurement {
  readonly key: string;
  /** Number of images timed: fewer than the shape's batch if the whole batch would take too long. */
  readonly images: number;
  /** Nominal flops of the timed work. */
  readonly flops: number;
  readonly candidates: readonly Candidate[];
  /** The fastest; the default choice where that is about as fast. */
  readonly best: string;
}

export interface AutotuneOptions {
  /** Called after every shape, and before the first. */
  onProgress?(done: number, of: number): void;
  /** Choices that are already known; their shapes are not measured. */
  known?: Choices;
}

/** Maximum milliseconds of one timed run; if the whole batch takes longer, fewer images are timed. */
const longest = 20;
/** A timing shorter than this, in milliseconds, is repeated within one submit. */
const shortest = { software: 2, hardware: 1 };
/** Assumed flops per millisecond, until the first shape has been timed. */
const firstRate = { software: 1.5e6, hardware: 2e9 };
const rounds = 3;
/** A candidate that takes this many times as long as the best in the first round is not timed again. */
const hopeless = 2;
/**
 * A candidate replaces the default choice only if it takes at most this fraction of the default's time: smaller gains
 * are noise.
 */
const worthwhile = 0.95;

/** Times every candidate of every pass of every shape that is not known yet. */
export async function autotune(
  gpu: Gpu,
  convolutions: readonly Convolution[],
  { onProgress, known = new Map() }: AutotuneOptions = {},
): Promise<Measurement[]> {
  const wanted = convolutions.filter(({ pass, geometry }) => !known.has(choiceKey(pass, geometry)));
  const found: Measurement[] = [];
  const stream = new Stream(gpu);
  let rate = firstRate[gpu.software ? "software" : "hardware"];
  try {
    for (const [i, { pass, geometry }] of wanted.entries()) {
      onProgress?.(i, wanted.length);
      const measured = await measure(stream, pass, geometry, rate);
      if (!measured) continue;
      found.push(measured);
      rate = rateOf([measured]);
    }
    if (wanted.length > 0) onProgress?.(wanted.length, wanted.length);
  } finally {
    await stream.idle();
    stream.dispose();
  }
  return found;
}

/** The fastest choice of every measurement. */
export function choicesOf(measurements: readonly Measurement[]): Map<string, string> {
  return new Map(measurements.map(({ key, best }) => [key, best]));
}

/** Combined flops per millisecond of the fastest choices, from which submits are sized (`Pacing.assumeRate`). */
export function rateOf(measurements: readonly Measurement[]): number {
  let flops = 0;
  let ms = 0;
  for (const { flops: each, candidates, best } of measurements) {
    flops += each;
    ms += candidates.find(({ text }) => text === best)!.ms;
  }
  return flops / ms;
}

/** @param rate flops per millisecond to expect */
async function measure(stream: Stream, pass: Pass, whole: ConvGeometry, rate: number): Promise<Measurement | null> {
  const kind = stream.gpu.software ? "software" : "hardware";
  const each = convFlops(forImages(whole, 1));
  const g = forImages(whole, Math.max(1, Math.min(whole.N, Math.floor((rate * longest) / each))));
  const key = choiceKey(pass, whole);
  const candidates = candidatesFor(stream.gpu, pass, whole);
  if (candidates.length < 2) return null;

  const { append, destroy } = workOf(stream, pass, g);
  const appendBy = (text: string) => {
    stream.choices.chosen = new Map([[choiceKey(pass, g), text]]);
    append();
  };
  /** Mean milliseconds per run of the candidate, over `times` runs in one submit. */
  const time = async (text: string, times: number) => {
    const start = performance.now();
    for (let i = 0; i < times; i++) appendBy(text);
    await stream.idle();
    return (performance.now() - start) / times;
  };
  try {
    const texts = candidates.map((candidate) => choiceText(pass, candidate));
    // Compiles all candidates in parallel and warms the caches.
    for (const text of texts) appendBy(text);
    await stream.idle();
    const timed: { text: string; ms: number; times: number }[] = [];
    for (const text of texts) {
      const once = await time(text, 1);
      timed.push({ text, ms: once, times: Math.max(1, Math.min(64, Math.ceil(shortest[kind] / once))) });
    }
    const promising = timed.filter(({ ms }) => ms <= hopeless * Math.min(...timed.map(({ ms }) => ms)));
    for (let round = 0; round < rounds; round++) {
      for (const candidate of promising) {
        candidate.ms = Math.min(candidate.ms, await time(candidate.text, candidate.times));
      }
    }
    const best = timed.reduce((best, candidate) => (candidate.ms < best.ms ? candidate : best));
    // The default choice comes first.
    const chosen = best.ms < worthwhile * timed[0].ms ? best : timed[0];
    return {
      key,
      images: g.N,
      flops: convFlops(g),
      candidates: timed.map(({ text, ms }) => ({ text, ms })),
      best: chosen.text,
    };
  } finally {
    destroy();
  }
}

/** Tensors for a pass, and a function that appends it. */
function workOf(stream: Stream, pass: Pass, { N, H, W, C, P, Q, K, R, S, stride }: ConvGeometry) {
  const x = stream.persistent("autotune x", [N, H, W, C]);
  const weight = stream.persistent("autotune weight", [R, S, C, K]);
  const y = stream.persistent("autotune y", [N, P, Q, K]);
  const bias = stream.persistent("autotune bias", [pass === "forward" ? K : C]);
  return {
    append() {
      if (pass === "forward") conv2d(stream, x, weight, bias, y, stride);
      else if (pass === "input gradient") conv2dInputGradient(stream, y, weight, bias, x, stride);
      else conv2dFilterGradient(stream, x, y, weight, stride);
    },
    destroy() {
      for (const tensor of [x, weight, y, bias]) stream.destroy(tensor);
    },
  };
}
