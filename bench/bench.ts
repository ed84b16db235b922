/** One whole run: ceilings, every kernel, steps, convolutions against matrix products. */
import type { Gpu } from "../src/gpu/gpu.ts";
import type { PresetName } from "../src/train/config.ts";
import type { Ceilings } from "./arithmetic.ts";
import { allCases, type Scale, scaleNote } from "./cases.ts";
import { measureCeilings } from "./ceilings.ts";
import { benchDense, type DenseResult } from "./dense.ts";
import { benchCase, type CaseResult, chooseVariants } from "./kernels.ts";
import { benchStep, type StepResult } from "./steps.ts";

export interface BenchOptions {
  /** Only cases with this text in their names. */
  readonly filter: string | null;
  /** Fewer shapes and fewer batches: under a minute on two cores. */
  readonly quick: boolean;
  /** Steps of every preset, however long they take. */
  readonly all: boolean;
}

/** Receives results as they arrive. */
export interface BenchHooks {
  onProgress(what: string, done: number, of: number): void;
  onCeilings(ceilings: Ceilings, scale: string | null): void;
  onCase(result: CaseResult): void;
  onStep(result: StepResult): void;
  onSteps(results: readonly StepResult[]): void;
  onDense(results: readonly DenseResult[]): void;
}

export interface BenchResult {
  readonly scale: string | null;
  readonly ceilings: Ceilings;
  readonly cases: readonly CaseResult[];
  readonly steps: readonly StepResult[];
  readonly dense: readonly DenseResult[];
}

/** Batches of kernels, of steps, of convolutions against matrix products; and steps whose JavaScript is timed. */
const rounds = {
  whole: { ceilings: 9, kernels: 7, steps: 5, host: 24, dense: 9 },
  quick: { ceilings: 5, kernels: 3, steps: 1, host: 6, dense: 3 },
};
/** The fraction of the multiply-adds' rate that convolutions are assumed to reach when autotuning has not measured it. */
const likelyShare = { software: 0.05, hardware: 0.2 };
const presetNames: readonly PresetName[] = ["tiny", "steady", "article"];

/** What a run with these options does. */
export function select(scale: Scale, { filter, quick }: BenchOptions) {
  const text = filter?.toLowerCase() ?? "";
  const named = (...names: string[]) => names.join(" ").toLowerCase().includes(text);
  const cases = allCases(scale).filter(
    (one) => (one.quick || !quick) && named(one.group, one.kernel, one.place, one.shape),
  );
  const presets = presetNames.filter((preset) => named("step of", preset));
  const dense = named("matrix product");
  // It takes half a minute, so --quick omits it unless the filter names it.
  const firstStep = named("first step") && (!quick || filter !== null);
  return { cases, presets, dense, firstStep };
}

export async function runBench(gpu: Gpu, options: BenchOptions, hooks: BenchHooks): Promise<BenchResult> {
  const { quick, all } = options;
  const { software, limits } = gpu;
  const scaleOf = { software, bindingBytes: limits.bindingBytes };
  const { cases, presets, dense } = select(scaleOf, options);
  const batches = rounds[quick ? "quick" : "whole"];

  hooks.onProgress("ceilings", 0, 1);
  const ceilings = await measureCeilings(gpu, batches.ceilings);
  const scale = scaleNote(scaleOf, cases);
  hooks.onCeilings(ceilings, scale);

  const { choices, rate } = await chooseVariants(gpu, cases, (done, of) =>
    hooks.onProgress("choosing variants", done, of),
  );
  const results: CaseResult[] = [];
  for (const [i, one] of cases.entries()) {
    hooks.onProgress(`${one.kernel} ${one.place}`, i, cases.length);
    const result = await benchCase(gpu, one, { ceilings, choices, rate, rounds: batches.kernels });
    results.push(result);
    hooks.onCase(result);
  }

  const steps: StepResult[] = [];
  for (const [i, preset] of presets.entries()) {
    const share = likelyShare[software ? "software" : "hardware"];
    const result = await benchStep(gpu, preset, {
      rounds: batches.steps,
      hostSteps: batches.host,
      rate: rate ?? ceilings.gflops.median * 1e6 * share,
      all: all || preset === "tiny",
      onProgress: (what) => hooks.onProgress(what, i, presets.length),
    });
    steps.push(result);
    hooks.onStep(result);
  }

  hooks.onSteps(steps);

  const denseResults = dense
    ? await benchDense(gpu, {
        rounds: batches.dense,
        tuned: !quick,
        onProgress: (done, of) => hooks.onProgress("convolution ÷ matrix product", done, of),
      })
    : [];
  if (dense) hooks.onDense(denseResults);
  return { scale, ceilings, cases: results, steps, dense: denseResults };
}
