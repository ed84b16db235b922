/** `catgan train`: a new run, or one that goes on. */

import { version } from "../../package.json";
import { stepsPerEpoch } from "../data/batches.ts";
import { pictureGrid } from "../data/grid.ts";
import { enlarge } from "../data/image.ts";
import { type Pictures, paintedCount } from "../data/pictures.ts";
import { type Gpu, inMebibytes } from "../gpu/gpu.ts";
import { Stream } from "../gpu/stream.ts";
import type { Choices } from "../kernels/variants.ts";
import { meanPairSimilarity } from "../metrics/ms_ssim.ts";
import {
  checkCheckpoint,
  encodeCheckpoint,
  generatorFormat,
  type Machine,
  machineOf,
  type PictureSource,
  type RunState,
  restore,
} from "../train/checkpoint.ts";
import { chooseVariants, type VariantSource } from "../train/choose_variants.ts";
import type { Config } from "../train/config.ts";
import { compileAhead, type Plan, type PlanLimits, planWithin, TooLargeError } from "../train/plan.ts";
import { QualityMeter } from "../train/quality.ts";
import type { RunHooks } from "../train/run.ts";
import { Trainer } from "../train/trainer.ts";
import { openAdapter } from "./adapter.ts";
import { augmentedPictures } from "./augmented.ts";
import type { NewRun, OnTrouble, ResumedRun } from "./command.ts";
import { type DataSet, loadDataSet } from "./data_set.ts";
import { conclude, describeRun, heading, warn, warnOfSkipped } from "./describe.ts";
import { chooseConfig, resolveConfig } from "./options.ts";
import { encodePng } from "./png.ts";
import { commandLine, grouped, Reporter } from "./progress.ts";
import { trainThrough } from "./rollback.ts";
import {
  appendLosses,
  appendMetrics,
  checkpointPath,
  checkRunFolder,
  createRunFolder,
  defaultRunDir,
  isFolder,
  keepBest,
  readCheckpoint,
  rewindRun,
  samplePath,
  saveCheckpoint,
  writeFileAtomically,
} from "./run_folder.ts";
import { StopRequest } from "./stop.ts";
import { asUserError, UserError } from "./user_error.ts";
import { readVariantSource, variantCache } from "./variant_cache.ts";

/** What a run is made of, before anything of it is on the GPU. */
interface Setup {
  config: Config;
  source: PictureSource;
  dir: string;
  /** One line on how it came about: which preset and why, or where it goes on. */
  origin: string;
  resumed: (RunState & { machine: Machine | null }) | null;
  /** Where a new run's choice of kernels comes from; one that goes on keeps its own. */
  variants: VariantSource;
  onTrouble: OnTrouble;
}

/**
 * Trains until the run's end or until it is interrupted.
 * @returns the exit code: 0 at the end, 1 when trouble stopped it, 128 + the signal's number when it was interrupted
 * @throws UserError what the user can mend; nothing is written then
 * @throws GpuError, DivergedError
 */
export async function trainCommand(options: NewRun | ResumedRun): Promise<number> {
  const reporter = new Reporter(process.stdout, options.json);
  // The folder is looked at before anything that takes time.
  let setupOn: (gpu: Gpu) => Setup;
  if (options.resume === null) {
    if (options.out !== null) await checkRunFolder(options.out);
    const variants = readVariantSource(options.variants);
    setupOn = ({ software }) => setupNew(options, variants, software);
  } else {
    const setup = await setupResumed(options);
    setupOn = () => setup;
  }
  const gpu = await openAdapter(options.adapter);
  try {
    return await train(gpu, setupOn(gpu), reporter);
  } finally {
    reporter.clear();
    gpu.destroy();
  }
}

function setupNew(options: NewRun, variants: VariantSource, software: boolean): Setup {
  const { config, preset, origin } = chooseConfig(options, software);
  const { data, fit } = options;
  return {
    config,
    source: { data, fit },
    dir: options.out ?? defaultRunDir(preset, new Date()),
    origin,
    resumed: null,
    variants,
    onTrouble: options.onTrouble,
  };
}

async function setupResumed({ resume, data, overrides, onTrouble }: ResumedRun): Promise<Setup> {
  if (!(await isFolder(resume))) {
    const file = await readCheckpoint(resume).catch(() => null);
    throw new UserError(
      file?.metadata.format === generatorFormat
        ? `--resume ${resume}: a generator file, which can be drawn from but not trained on: expected a run's folder`
        : `--resume ${resume}: it is a file, expected a run's folder`,
    );
  }
  const resumed = await readCheckpoint(resume);
  const info = asUserError(() => checkCheckpoint(resumed, "run"));
  if (resumed.warning !== null) warn(resumed.warning);
  const source = data === null ? info.pictures.source : { ...info.pictures.source, data };
  const config = resolveConfig(info.config, overrides);
  const { count } = info.pictures;
  if (source.data === "painted" && count !== paintedCount(config.size)) {
    throw new UserError(
      `${resume}: its checkpoint is of ${count} pictures, of painted cats there are ${paintedCount(config.size)}`,
    );
  }
  const steps = config.steps ?? config.epochs! * stepsPerEpoch(count, config.batch);
  if (steps <= info.step) {
    throw new UserError(
      `${resume} is at step ${info.step} of ${steps} already: give --steps more, as in ` +
        commandLine("train", "--resume", resume, "--steps", String(2 * info.step)),
    );
  }
  return {
    config,
    source,
    dir: resume,
    origin: `goes on after step ${grouped(info.step)}`,
    resumed: { ...resumed, machine: info.machine },
    variants: "table",
    onTrouble,
  };
}

async function train(gpu: Gpu, setup: Setup, reporter: Reporter): Promise<number> {
  const { config, source, dir, resumed } = setup;
  const { software } = gpu;
  const kept = resumed?.machine && new Map(Object.entries(resumed.machine.variants));
  const plan = await checkFits(config, { ...gpu.limits, software }, kept ?? undefined);
  compileAhead(gpu, plan);
  const dataSet = await loadDataSet(source, config, reporter);
  const { pictures } = dataSet;
  asUserError(() => stepsPerEpoch(pictures.count, config.batch));
  const stream = new Stream(gpu);
  if (!resumed) {
    await chooseVariants(stream, plan.convolutions, setup.variants, variantCache, (done, of) =>
      reporter.preparing("choosing kernels for this GPU", done, of),
    );
  }
  reporter.preparing("preparing the GPU", 0, 1);
  const first = await newTrainer(stream, config, pictures, resumed);
  const meterOf = (trainer: Trainer) => (config.metricsEvery > 0 ? new QualityMeter(trainer) : null);
  let meter = asUserError(() => meterOf(first));
  reporter.clear();

  if (resumed) await rewindRun(dir, first.step);
  else await startFolder(setup, dataSet, gpu.name);
  const stop = new StopRequest(() =>
    reporter.line("  Stopping: this step is finished and saved first. Ctrl-C again ends at once."),
  );
  try {
    announce(gpu, first, setup, dataSet, reporter);
    const started = { at: performance.now(), step: first.step };
    const { ending, trainer } = await trainThrough(first, {
      dir,
      source,
      onTrouble: setup.onTrouble,
      signal: stop.signal,
      reporter,
      hooks: (trainer) => hooksFor(trainer, meter, setup, reporter),
      async build(config, state) {
        meter?.destroy();
        const trainer = await newTrainer(stream, config, pictures, state);
        meter = meterOf(trainer);
        return trainer;
      },
    });
    reporter.clear();
    reporter.event({ event: "end", run: dir, step: trainer.step, stopped: ending !== "finished" });
    const seconds = (performance.now() - started.at) / 1000;
    conclude(reporter, {
      outcome: ending === "finished" ? ending : "stopped",
      dir,
      trainer,
      steps: trainer.step - started.step,
      seconds,
    });
    return ending === "finished" ? 0 : ending === "troubled" ? 1 : stop.exitCode;
  } finally {
    stop.dispose();
  }
}

/** A trainer that is ready. @param state what it goes on from; null: the beginning @throws UserError as `restore` */
async function newTrainer(
  stream: Stream,
  config: Config,
  pictures: DataSet["pictures"],
  state: RunState | null,
): Promise<Trainer> {
  const trainer = new Trainer(stream, config, pictures);
  if (state) asUserError(() => restore(trainer, state));
  await trainer.prepare();
  await trainer.previewSampler.prepare();
  return trainer;
}

/** What training takes. @throws UserError where the adapter's limits are too small: says which batch fits */
export async function checkFits(config: Config, limits: PlanLimits, choices?: Choices): Promise<Plan> {
  try {
    return await planWithin(config, limits, choices);
  } catch (error) {
    if (!(error instanceof TooLargeError)) throw error;
    const { obstacle, batch } = error;
    if (batch !== null) throw new UserError(`${obstacle}: try --batch ${batch}`);
    throw new UserError(`${obstacle}, with any --batch: try a smaller --base, --base-d or --size`);
  }
}

/** Reals are shown as 8×8. */
const realColumns = 8;

async function startFolder({ config, source, dir }: Setup, { pictures }: DataSet, adapter: string): Promise<void> {
  const { size, pixels } = pictures;
  const count = Math.min(pictures.count, realColumns ** 2);
  const reals = { size, count, pixels: pixels.subarray(0, count * size ** 2 * 3) };
  const augmented = augmentedPictures(reals, config);
  const gridOf = (shown: Pictures) => encodePng(enlarge(pictureGrid(shown, realColumns), size));
  const started = { catgan: version, adapter, pictures: { ...source, count: pictures.count }, config };
  await createRunFolder(dir, {
    reals: gridOf(reals),
    augmented: augmented && gridOf(augmented),
    config: `${JSON.stringify(started, null, 2)}\n`,
  });
}

function hooksFor(trainer: Trainer, meter: QualityMeter | null, { dir, source }: Setup, reporter: Reporter): RunHooks {
  const { batches, config, totalSteps } = trainer;
  /** A running mean, so that the steps with R1 do not make the estimate jump. */
  let meanMs = 0;
  let realsAlike: number | undefined;
  return {
    async onRecords(records) {
      const rows = records.map((record) => ({ ...record, epoch: batches.cursor(record.step - 1).epoch + 1 }));
      await appendLosses(dir, rows);
      for (const { step, epoch, dLoss, gLoss, dReal, dFake, penalty, ms } of rows) {
        reporter.event({ event: "step", step, epoch, dLoss, gLoss, dReal, dFake, penalty, ms });
        meanMs = meanMs === 0 ? ms : meanMs + (ms - meanMs) / 32;
      }
      const { step, dLoss, gLoss } = rows[rows.length - 1];
      reporter.training({
        step,
        totalSteps,
        dLoss,
        gLoss,
        picturesPerSecond: (1000 * config.batch) / meanMs,
        secondsLeft: ((totalSteps - step) * meanMs) / 1000,
      });
    },
    async onSample(step, image) {
      const path = samplePath(dir, step);
      await writeFileAtomically(path, encodePng(enlarge(image, trainer.config.size)));
      reporter.event({ event: "sample", step, path });
    },
    async onMetrics(step) {
      const { swd, floor, drawn, others } = await meter!.measure();
      realsAlike ??= meanPairSimilarity(others);
      const msSsim = { fake: meanPairSimilarity(drawn), real: realsAlike };
      await appendMetrics(dir, step, { swd, floor, msSsim });
      reporter.event({ event: "metrics", step, swd, floor, msSsim });
      const levels = swd.levels.map(({ size, value }) => `${size}×${size} ${value.toFixed(1)}`).join(", ");
      const start = `  step ${grouped(step)}: `;
      reporter.line(`${start}SWD ${swd.average.toFixed(1)} (${levels}), floor ${floor.toFixed(1)}`);
      const [fake, real] = [msSsim.fake, msSsim.real].map((value) => value.toFixed(3));
      reporter.line(`${" ".repeat(start.length)}MS-SSIM of pairs ${fake}, floor ${real} (higher: more alike)`);
      await keepBest(dir, step, swd.average, () => encodeCheckpoint(trainer, source));
    },
    async onCheckpoint(step, bytes) {
      await saveCheckpoint(dir, step, bytes);
      reporter.event({ event: "checkpoint", step, path: checkpointPath(dir, step) });
    },
  };
}

function announce(gpu: Gpu, trainer: Trainer, setup: Setup, { skipped }: DataSet, reporter: Reporter): void {
  const { config, batches, g, d, pictures, totalSteps, flopsPerStep, step } = trainer;
  const { bytes } = gpu.counts;
  warnOfSkipped(skipped);
  const otherMachine = warningOfMachine(setup.resumed?.machine ?? null, machineOf(trainer.stream));
  if (otherMachine !== null) warn(otherMachine);
  reporter.event({
    event: "start",
    adapter: gpu.name,
    software: gpu.software,
    config,
    parameters: { g: g.count, d: d.count },
    gpuBytes: bytes,
    pictureBytes: batches.pixels.bytes,
    flopsPerStep,
    pictures: { ...setup.source, count: pictures.count, skipped: skipped.length },
    stepsPerEpoch: batches.stepsPerEpoch,
    totalSteps,
    step,
    run: setup.dir,
  });
  if (otherMachine !== null) reporter.event({ event: "warning", message: otherMachine });
  heading(reporter);
  reporter.fact("adapter", gpu.software ? `${gpu.name}, in software` : gpu.name);
  describeRun(reporter, {
    config,
    origin: setup.origin,
    data: setup.source.data,
    count: pictures.count,
    totalSteps,
    flopsPerStep,
  });
  reporter.fact("memory", `${inMebibytes(bytes)} on the GPU`);
  reporter.fact("run folder", setup.dir);
  reporter.line();
}

/** Says, in one line, that a run that goes on elsewhere is no longer bit for bit what it would have been. */
export function warningOfMachine(before: Machine | null, now: Machine): string | null {
  if (before === null) return null;
  const differs = "numbers will differ in their last digits";
  if (before.adapter !== now.adapter)
    return `the run so far is of ${before.adapter}, this is ${now.adapter}: ${differs}`;
  const other = Object.entries(now.variants).find(
    ([key, text]) => before.variants[key] !== undefined && before.variants[key] !== text,
  );
  if (!other) return null;
  return `the run so far computed ${other[0]} by ${before.variants[other[0]]}, here it is ${other[1]}: ${differs}`;
}
