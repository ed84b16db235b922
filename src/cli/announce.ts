/** What `train` reports about a run before training starts: as an event and as text. */
import { type Gpu, inMebibytes } from "../gpu/gpu.ts";
import type { Machine } from "../train/checkpoint.ts";
import { machineOf } from "../train/save_restore.ts";
import type { Trainer } from "../train/trainer.ts";
import type { DataSet } from "./data_set.ts";
import { describeRun, heading, skippedFacts, warn, warnOfSkipped } from "./describe.ts";
import type { Reporter } from "./progress.ts";
import type { Setup } from "./run_setup.ts";
import { softwareNote } from "./software_adapters.ts";

export function announce(gpu: Gpu, trainer: Trainer, setup: Setup, { skipped }: DataSet, reporter: Reporter): void {
  const { config, batches, model, pictures, totalSteps, flopsPerStep, step } = trainer;
  const { bytes } = gpu.counts;
  warnOfSkipped(skipped, setup.source.data);
  const otherMachine = warningOfMachine(setup.resumed?.info.machine ?? null, machineOf(trainer.stream));
  if (otherMachine !== null) warn(otherMachine);
  reporter.event({
    event: "start",
    adapter: gpu.name,
    software: gpu.software,
    config,
    parameters: { g: model.g.count, d: model.d.count },
    gpuBytes: bytes,
    pictureBytes: batches.pixels.bytes,
    flopsPerStep,
    pictures: { ...setup.source, count: pictures.count, ...skippedFacts(skipped) },
    stepsPerEpoch: batches.stepsPerEpoch,
    totalSteps,
    step,
    run: setup.folder.dir,
  });
  if (otherMachine !== null) reporter.event({ event: "warning", message: otherMachine });
  heading(reporter);
  const note = gpu.software ? softwareNote(gpu.name, setup.adapter) : null;
  reporter.fact("adapter", note ? `${gpu.name}, in software (${note.why})` : gpu.name);
  note?.faster?.forEach((line, i) => {
    reporter.fact(i === 0 ? "faster" : "", line);
  });
  describeRun(reporter, {
    config,
    origin: setup.origin,
    data: setup.source.data,
    count: pictures.count,
    skipped: skipped.length,
    totalSteps,
    flopsPerStep,
  });
  reporter.fact("memory", `${inMebibytes(bytes)} on the GPU`);
  reporter.fact("run folder", setup.folder.dir);
  reporter.line();
}

/** Warns that a run resumed on another machine no longer computes the same bits; null if it does. */
export function warningOfMachine(before: Machine | null, now: Machine): string | null {
  if (before === null) return null;
  const differs = "numbers will differ in their last digits";
  if (before.adapter !== now.adapter)
    return `the run was trained on ${before.adapter} until now, this is ${now.adapter}: ${differs}`;
  const other = Object.entries(now.variants).find(
    ([key, text]) => before.variants[key] !== undefined && before.variants[key] !== text,
  );
  if (!other) return null;
  return `the run computed ${other[0]} by ${before.variants[other[0]]} until now, here it is ${other[1]}: ${differs}`;
}
