/** Checks and times the kernels one after the other. */

import type { Choices } from "../src/gpu/choices.ts";
import type { Gpu } from "../src/gpu/gpu.ts";
import { choiceKey } from "../src/kernels/choices.ts";
import { autotune, choicesOf, rateOf } from "../src/train/autotune.ts";
import type { Check } from "../src/verify/check.ts";
import { checks } from "../src/verify/checks.ts";
import { verify } from "../src/verify/verify.ts";
import { type Ceilings, ratesOf, type Spread, spreadOf } from "./arithmetic.ts";
import type { Case, Prepared } from "./cases.ts";
import { expectedAt, placesOf } from "./spot_check.ts";
import { timeInTurns } from "./timing.ts";
import { Workbench } from "./workbench.ts";

/** The result of one case. */
export interface CaseResult {
  readonly group: string;
  /** The kernel's host function and the layer: `conv2d d.conv2`. */
  readonly name: string;
  readonly shape: string;
  /** Whether the shape is smaller than the article's. */
  readonly scaled: boolean;
  /** The variant that computed a convolution or dense layer: `16x8`. */
  readonly variant: string | null;
  /** What is wrong with the kernel; it was not timed then. */
  readonly wrong: string | null;
  readonly ms: Spread | null;
  /** Null if memory-bound. */
  readonly gflops: number | null;
  /** Without the taps on the padding. */
  readonly gflopsInside: number | null;
  /** Null, like the next, if so little is moved that the launch dominates the time. */
  readonly gbps: number | null;
  /** The minimum time by the adapter's ceilings, in percent of the measured time. */
  readonly percent: number | null;
  /** The naive kernel's time ÷ this one's; null where there is none. */
  readonly timesNaive: number | null;
}

export interface KernelOptions {
  readonly ceilings: Ceilings;
  readonly choices: Choices;
  /** See `Pacing.assumeRate`. */
  readonly rate: number | null;
  /** Batches that are timed. */
  readonly rounds: number;
}

/** How many outputs of a convolution are compared with f64 sums. */
const spotChecks = 48;
/** Naive kernels are slow and serve as baselines only: one batch of them for this many of the others. */
const roundsPerNaive = 3;
/** For a kernel that moves fewer bytes, the launch dominates the time. */
const fewBytes = 2 ** 16;

/** Chooses the convolutions' variants as training does: by the table on a software adapter, by measuring on a GPU. */
export async function chooseVariants(
  gpu: Gpu,
  cases: readonly Case[],
  onProgress: (done: number, of: number) => void,
): Promise<{ choices: Choices; rate: number | null }> {
  if (gpu.software) return { choices: new Map(), rate: null };
  const convolutions = cases.flatMap(({ convolution }) => convolution ?? []);
  const measurements = await autotune(gpu, convolutions, { onProgress });
  return { choices: choicesOf(measurements), rate: measurements.length > 0 ? rateOf(measurements) : null };
}

export async function benchCase(gpu: Gpu, one: Case, options: KernelOptions): Promise<CaseResult> {
  const { group, kernel, place, shape, scaled, convolution } = one;
  const bench = new Workbench(gpu, options.choices, options.rate);
  try {
    const prepared = one.prepare(bench);
    prepared.run();
    const key = convolution && choiceKey(convolution.pass, convolution.geometry);
    const variant = key === null ? null : (bench.stream.choices.used.get(key) ?? null);
    const named = { group, name: `${kernel} ${place}`.trim(), shape, scaled, variant };
    const wrong = await findWrong(bench, one, prepared);
    if (wrong !== null) {
      return {
        ...named,
        wrong,
        ms: null,
        gflops: null,
        gflopsInside: null,
        gbps: null,
        percent: null,
        timesNaive: null,
      };
    }
    const { run, naive } = prepared;
    const [samples, slow] = await timeInTurns(bench.stream, [
      { label: named.name, append: run, rounds: options.rounds },
      ...(naive ? [{ label: "naive", append: naive, rounds: Math.ceil(options.rounds / roundsPerNaive) }] : []),
    ]);
    const ms = spreadOf(samples);
    const bytes = [...prepared.reads, ...prepared.writes].reduce((sum, tensor) => sum + tensor.bytes, 0);
    const { gflops, gflopsInside, gbps, percent } = ratesOf({ ...one, bytes }, ms.median, options.ceilings);
    const arithmetic = one.flops > 0;
    const launch = !arithmetic && bytes < fewBytes;
    return {
      ...named,
      wrong: null,
      ms,
      gflops: arithmetic ? gflops : null,
      gflopsInside: arithmetic ? gflopsInside : null,
      gbps: launch ? null : gbps,
      percent: launch ? null : percent,
      timesNaive: slow ? spreadOf(slow).median / ms.median : null,
    };
  } finally {
    await bench.dispose();
  }
}

/** Describes what is wrong with the kernel that was just appended; null: nothing. */
async function findWrong(bench: Workbench, one: Case, prepared: Prepared): Promise<string | null> {
  const { stream } = bench;
  for (const tensor of prepared.writes) {
    const words = new Uint32Array(await stream.readBytes(tensor), 0, tensor.size);
    const unwritten = words.indexOf(poison);
    if (unwritten >= 0) return `element ${unwritten} of ${tensor.size} was not written`;
  }
  if (one.convolution === null) return await missOf(bench, checks.find(({ kernel }) => kernel === one.kernel)!);
  const [a, b, bias = null] = await Promise.all(prepared.reads.map((tensor) => stream.read(tensor)));
  const y = await stream.read(prepared.writes[0]);
  for (const index of placesOf(y.length, spotChecks)) {
    const { value, allowed } = expectedAt({ ...one.convolution, index }, a, b, bias);
    const error = Math.abs(y[index] - value);
    if (!(error <= allowed)) {
      return `element ${index} is ${y[index]}, expected ${value} within ${allowed.toExponential(1)}`;
    }
  }
  return null;
}

/** The bits of the NaN that outputs are filled with. */
const poison = new Uint32Array(Float32Array.of(Number.NaN).buffer)[0];

/** The first miss of the kernel's check against its f64 reference. */
async function missOf({ stream }: Workbench, check: Check): Promise<string | null> {
  const [{ failures }] = await verify(stream, { seed: 1, rounds: 0, checks: [check] });
  return failures[0] ?? null;
}
