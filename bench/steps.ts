/** Whole training steps: their time on the adapter, and their cost in JavaScript. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { paintedCount } from "../src/data/pictures.ts";
import { Gpu, LimitError } from "../src/gpu/gpu.ts";
import { Stream } from "../src/gpu/stream.ts";

import { autotune, choicesOf, rateOf } from "../src/train/autotune.ts";
import { type PresetName, presets } from "../src/train/config.ts";
import { type Plan, paperAdapter, planTraining } from "../src/train/plan.ts";
import { Trainer } from "../src/train/trainer.ts";
import { percentile, type Spread, spreadOf } from "./arithmetic.ts";

/** The result for one preset's step. */
export interface StepResult {
  readonly preset: PresetName;
  /** Why it was not timed; the fields below that need no clock are filled anyway. */
  readonly leftOut: string | null;
  /** A step, those with R1 averaged in; null where it was left out, as the two below. */
  readonly ms: Spread | null;
  readonly gflops: number | null;
  readonly picturesPerSecond: number | null;
  /** Nominal flops of a step. */
  readonly flops: number;
  /** Dispatches of a step without R1; this and the next on a GPU, where the step was left out here. */
  readonly dispatches: number;
  /** GPU memory of training, preview and checkpoints, without the pictures. */
  readonly gpuBytes: number;
  /** Milliseconds in `trainStep` with an idle GPU; null where the step was left out. */
  readonly hostMs: Spread | null;
  /** The same on a device that computes nothing: this project's own JavaScript. */
  readonly ownMs: Spread;
  /**
   * Bytes of JavaScript's heap that our own code allocates a step, and that stay after collection; null without a
   * collector.
   */
  readonly ownAllocated: number | null;
  readonly ownKept: number | null;
}

export interface StepOptions {
  /** The number of timed batches of steps. */
  readonly rounds: number;
  /** Flops a millisecond that convolutions reached here, from which it is estimated whether a step takes too long. */
  readonly rate: number;
  /** Time every preset, however long it takes. */
  readonly all: boolean;
  /** Steps whose JavaScript is timed. */
  readonly hostSteps: number;
  onProgress(what: string): void;
}

/** A step that would take longer, in seconds, is left out. */
const longestStep = 2;
/** A batch of steps lasts at least this long, in milliseconds. */
const shortestBatch = 50;
/** The trainer's ring holds 64 losses. */
const maxUnread = 48;
/** Steps on the simulated device per measurement. */
const ownSteps = 1000;
/** Flops per millisecond of the simulated GPU, by which dispatches are split. */
const paperRate = 1e10;
const paperLimits = { bufferBytes: Number.MAX_SAFE_INTEGER, bindingBytes: Number.MAX_SAFE_INTEGER, software: false };

export async function benchStep(gpu: Gpu, preset: PresetName, options: StepOptions): Promise<StepResult> {
  const config = presets[preset];
  const { software } = gpu;
  options.onProgress(`step of ${preset}: counting`);
  const own = await ownJavaScript(preset);
  const here = await planTraining(config, { ...gpu.limits, software }).catch((error) => {
    if (error instanceof LimitError) return error.obstacle;
    throw error;
  });
  const leftOut = typeof here === "string" ? here : tooSlow(here, options);
  // A step that is left out here is counted as it would be on a GPU.
  const plan = typeof here === "string" || leftOut !== null ? await planTraining(config, paperLimits) : here;
  const { flopsPerStep: flops, bytes: gpuBytes } = plan;
  const { dispatches, ...ownCosts } = own;
  const counted = { preset, leftOut, flops, gpuBytes, dispatches, ...ownCosts };
  if (leftOut !== null) return { ...counted, ms: null, gflops: null, picturesPerSecond: null, hostMs: null };

  const stream = new Stream(gpu);
  // As training does: a software adapter takes the table.
  if (!software) {
    const measured = await autotune(gpu, plan.convolutions, {
      onProgress: (done, of) => options.onProgress(`step of ${preset}: choosing variants, ${done} of ${of}`),
    });
    stream.choices.chosen = choicesOf(measured);
    stream.pacing.assumeRate(rateOf(measured));
  }
  const trainer = new Trainer(stream, config, grey(config.size, paintedCount(config.size)));
  try {
    options.onProgress(`step of ${preset}: preparing`);
    await trainer.prepare();
    options.onProgress(`step of ${preset}: timing`);
    const ms = spreadOf(await timeSteps(trainer, options.rounds));
    return {
      ...counted,
      dispatches: trainer.dispatchesPerStep,
      ms,
      gflops: flops / ms.median / 1e6,
      picturesPerSecond: (1000 * config.batch) / ms.median,
      hostMs: spreadOf(await timeHost(trainer, options.hostSteps)),
    };
  } finally {
    await stream.idle();
    trainer.destroy();
    stream.dispose();
  }
}

/** Why a step is not timed; null: it is. */
function tooSlow({ flopsPerStep }: Plan, { rate, all }: StepOptions): string | null {
  const seconds = flopsPerStep / rate / 1000;
  return seconds <= longestStep || all ? null : `would take some ${Math.ceil(seconds)} s a step here; --all times it`;
}

/** Pictures that cost no time to paint. */
function grey(size: number, count: number) {
  return { size, count, pixels: new Uint8Array(count * size ** 2 * 3).fill(128) };
}

/** Milliseconds per step, batch by batch; a batch is long enough to have a run's share of steps with R1. */
async function timeSteps(trainer: Trainer, rounds: number): Promise<number[]> {
  const { r1, r2, r1Every } = trainer.config;
  const cycle = r1 > 0 || r2 > 0 ? r1Every : 1;
  const batch = async (steps: number) => {
    const start = performance.now();
    for (let step = 0; step < steps; step++) {
      await trainer.trainStep();
      if (trainer.step % maxUnread === 0) await trainer.readRecords();
    }
    await trainer.stream.idle();
    const took = performance.now() - start;
    await trainer.readRecords();
    return took;
  };
  // The first steps fill caches, in JavaScript too.
  await batch(1);
  const once = await batch(cycle);
  const cycles = Math.ceil(shortestBatch / once);
  const samples = cycles === 1 ? [once / cycle] : [];
  while (samples.length < rounds) samples.push((await batch(cycles * cycle)) / (cycles * cycle));
  return samples;
}

/** Milliseconds that each of some steps keeps JavaScript, while the GPU has nothing else to do. */
async function timeHost(trainer: Trainer, steps: number): Promise<number[]> {
  const { stream } = trainer;
  // In one submit, since between two of them a step waits for the GPU.
  stream.pacing.submitBudget = Number.POSITIVE_INFINITY;
  const samples: number[] = [];
  for (let step = 0; step < steps; step++) {
    await stream.idle();
    if (step % maxUnread === 0) await trainer.readRecords();
    const start = performance.now();
    await trainer.trainStep();
    samples.push(performance.now() - start);
  }
  await stream.idle();
  await trainer.readRecords();
  return samples;
}

/**
 * What a step costs JavaScript apart from WebGPU: on a device that computes nothing, with a GPU's limits, so that it can
 * be measured on any machine for any preset.
 */
async function ownJavaScript(preset: PresetName) {
  const config = presets[preset];
  const stream = new Stream(await Gpu.open(paperAdapter(paperLimits)));
  stream.pacing.assumeRate(paperRate);
  const trainer = new Trainer(stream, config, grey(config.size, 8 * config.batch));
  await trainer.prepare();
  // Losses cannot be read from the simulated device, so they are marked as read.
  const steps = async (count: number) => {
    for (let step = 0; step < count; step++) {
      trainer.restored(trainer.step);
      await trainer.trainStep();
    }
  };
  await steps(ownSteps);
  const samples: number[] = [];
  for (let step = 0; step < ownSteps; step++) {
    trainer.restored(trainer.step);
    const start = performance.now();
    await trainer.trainStep();
    samples.push(performance.now() - start);
  }
  const before = await keptBytes();
  await steps(ownSteps);
  const after = await keptBytes();
  return {
    dispatches: trainer.dispatchesPerStep,
    ownMs: spreadOf(samples),
    ownAllocated: await allocatedBytes(() => steps(1)),
    ownKept: before === null || after === null ? null : (after - before) / ownSteps,
  };
}

/** V8's collector; null if it is not available. */
function collector(): (() => void) | null {
  try {
    setFlagsFromString("--expose-gc");
    return runInNewContext("gc");
  } catch {
    return null;
  }
}

/** Bytes of JavaScript's heap after collection, the least of a few. */
async function keptBytes(): Promise<number | null> {
  const collect = collector();
  if (collect === null) return null;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
    least = Math.min(least, process.memoryUsage().heapUsed);
  }
  return least;
}

/**
 * Bytes that `work` allocates: the median of a few runs, each starting with a collected heap, minus the measurement's
 * own.
 */
async function allocatedBytes(work: () => Promise<void>): Promise<number | null> {
  const collect = collector();
  if (collect === null) return null;
  const median = async (work: () => Promise<void>) => {
    const samples: number[] = [];
    for (let i = 0; i < 9; i++) {
      collect();
      const before = process.memoryUsage().heapUsed;
      await work();
      samples.push(process.memoryUsage().heapUsed - before);
    }
    return percentile(samples, 0.5);
  };
  return Math.max(0, (await median(work)) - (await median(async () => {})));
}
