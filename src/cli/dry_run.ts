/** `catgan train --dry-run`: describes a run without starting it. */
import { stepsPerEpoch } from "../data/batches.ts";
import type { Refused } from "../data/photographs.ts";
import { paintedCount } from "../data/pictures.ts";
import { inMebibytes } from "../gpu/gpu.ts";
import { discriminator, generator } from "../nn/dcgan.ts";
import { planTraining } from "../train/plan.ts";
import { mayHaveGpu } from "./adapter.ts";
import { chooseConfig, type NewRun } from "./commands/train.ts";
import { loadDataSet } from "./data_set.ts";
import { describeRun, heading, layerTable, skippedFacts, warnOfSkipped } from "./describe.ts";
import { Reporter } from "./progress.ts";
import { namedSoftware } from "./software_adapters.ts";
import { asUserError } from "./user_error.ts";

/** Opens no adapter and writes nothing. @throws UserError when there are no pictures, or fewer than a batch */
export async function dryRunCommand(options: NewRun): Promise<number> {
  const { data, fit } = options;
  const reporter = new Reporter(process.stdout, options.json);
  const software = options.adapter === "software" || namedSoftware(options.adapter) !== null || !mayHaveGpu();
  const { config, origin } = chooseConfig(options, software);
  // No adapter, so no limits: those are checked when training starts.
  const endless = Number.MAX_SAFE_INTEGER;
  const plan = await planTraining(config, { bufferBytes: endless, bindingBytes: endless, software });
  let count = paintedCount(config.size);
  let skipped: Refused[] = [];
  if (data !== "painted") {
    const found = await loadDataSet({ data, fit }, config, reporter);
    skipped = found.skipped;
    warnOfSkipped(skipped, data);
    count = found.pictures.count;
  }
  const epoch = asUserError(() => stepsPerEpoch(count, config.batch));
  const totalSteps = config.steps ?? config.epochs! * epoch;
  const pictureBytes = count * config.size ** 2 * 3;
  const { flopsPerStep, dispatchesPerStep, parameters } = plan;
  reporter.event({
    event: "start",
    dryRun: true,
    adapter: null,
    config,
    parameters,
    gpuBytes: plan.bytes + pictureBytes,
    pictureBytes,
    flopsPerStep,
    dispatchesPerStep,
    pictures: { data, fit, count, ...skippedFacts(skipped) },
    stepsPerEpoch: epoch,
    totalSteps,
  });
  reporter.event({ event: "end", run: null });

  heading(reporter);
  describeRun(reporter, { config, origin, data, count, skipped: skipped.length, totalSteps, flopsPerStep });
  reporter.fact("dispatches", `${dispatchesPerStep} per step, before long ones are split`);
  reporter.fact("memory", `about ${inMebibytes(plan.bytes)} on the GPU, and ${inMebibytes(pictureBytes)} of pictures`);
  layerTable(reporter, "generator", generator(config));
  layerTable(reporter, "discriminator", discriminator(config));
  reporter.line();
  const values = Object.entries(config).filter(([, value]) => value !== null);
  // No-break spaces keep a name and its value together.
  const words = values.map(([key, value]) => `${key}\u00a0${value}`).join(", ");
  reporter.fact("configuration", words);
  reporter.line();
  reporter.line("  A dry run: nothing was trained, nothing written.");
  return 0;
}
