/** `catgan train`: a new run, or one that goes on. */

import { fingerprint, stepsPerEpoch } from "../data/batches.ts";
import { type Pictures, paintedCount } from "../data/pictures.ts";
import type { Choices } from "../gpu/choices.ts";
import { type Gpu, inMebibytes } from "../gpu/gpu.ts";
import { Stream } from "../gpu/stream.ts";
import {
  type CheckpointInfo,
  checkCheckpoint,
  checkSameRun,
  comparePictures,
  generatorFormat,
  type Machine,
  machineOf,
  matchWarning,
  type PictureSource,
  type RunState,
  restore,
} from "../train/checkpoint.ts";
import { chooseVariants, type VariantSource } from "../train/choose_variants.ts";
import type { Config } from "../train/config.ts";
import { compileAhead, type Plan, type PlanLimits, planWithin, TooLargeError } from "../train/plan.ts";
import { QualityMeter } from "../train/quality.ts";
import { Trainer } from "../train/trainer.ts";
import { openAdapter } from "./adapter.ts";
import { type Checkpoint, checkpointSteps, readCheckpoint } from "./checkpoint_files.ts";
import type { NewRun, OnTrouble, ResumedRun } from "./command.ts";
import { type DataSet, loadDataSet } from "./data_set.ts";
import { conclude, describeRun, heading, skippedFacts, warn, warnOfSkipped } from "./describe.ts";
import { isFolder } from "./files.ts";
import { chooseConfig, resolveConfig } from "./options.ts";
import { commandLine, grouped, Reporter } from "./progress.ts";
import { trainThrough } from "./rollback.ts";
import { checkRunFolder, RunFolder, readStart } from "./run_folder.ts";
import { beginRun, drawMissingGrid, outputHooks } from "./run_output.ts";
import { SideFiles } from "./side_files.ts";
import { endAtSignal, StopRequest } from "./stop.ts";
import { asMessage, asUserError, UserError } from "./user_error.ts";
import { readVariantSource, variantCache } from "./variant_cache.ts";

/** What a run is made of, before anything of it is on the GPU. */
interface Setup {
  config: Config;
  source: PictureSource;
  folder: RunFolder;
  /** One line on how it came about: which preset and why, or where it resumes. */
  origin: string;
  /** The checkpoint that it resumes from; null for a run that starts at its beginning. */
  resumed: (RunState & { info: CheckpointInfo }) | null;
  /** The folder is still empty: also where the checkpoint comes from elsewhere. */
  newFolder: boolean;
  /** Where a new run's choice of kernels comes from; one that goes on keeps its own. */
  variants: VariantSource;
  onTrouble: OnTrouble;
  /** From now on a signal no longer ends the process at once: there may be something to save. */
  trainOn(): void;
}

/**
 * Trains until the run's end or until it is interrupted.
 * @returns the exit code: 0 at the end, 1 when trouble stopped it, 128 + the signal's number when it was interrupted
 * @throws UserError what the user can mend; nothing is written then
 * @throws GpuError, DivergedError
 */
export async function trainCommand(options: NewRun | ResumedRun): Promise<number> {
  const reporter = new Reporter(process.stdout, options.json);
  if (options.resume !== null) {
    const file = await readRunFile(options);
    const opening = file ? newFolder(options.out, "resumed") : openRun(options.resume);
    return await inFolder(opening, async (folder, trainOn) => {
      const setup = { ...(file ? setupFrom(file, options, folder) : await setupResumed(options, folder)), trainOn };
      return await onAdapter(options.adapter, reporter, (gpu) => train(gpu, setup, reporter));
    });
  }
  // The folder is looked at before anything that takes time.
  if (options.out !== null) await checkRunFolder(options.out);
  const variants = readVariantSource(options.variants);
  return await onAdapter(options.adapter, reporter, async (gpu) => {
    const { config, preset, origin } = chooseConfig(options, gpu.software);
    const { out, data, fit, onTrouble } = options;
    const source = { data, fit };
    const start = { resumed: null, newFolder: true };
    return await inFolder(newFolder(out, preset), (folder, trainOn) =>
      train(gpu, { config, source, folder, origin, ...start, variants, onTrouble, trainOn }, reporter),
    );
  });
}

const newFolder = (out: string | null, kind: string) =>
  out === null ? RunFolder.createDefault(kind, new Date()) : RunFolder.create(out);

/** However the work ends, unlocks the folder and removes what was made for a run that never began. */
async function inFolder(
  opening: Promise<RunFolder>,
  work: (folder: RunFolder, trainOn: () => void) => Promise<number>,
): Promise<number> {
  // From the first moment on: a signal may come while the folder is being made.
  const ignoreSignals = endAtSignal(async () => (await opening).close());
  try {
    const folder = await opening;
    try {
      return await work(folder, ignoreSignals);
    } finally {
      await folder.close();
    }
  } finally {
    ignoreSignals();
  }
}

async function onAdapter(adapter: string, reporter: Reporter, work: (gpu: Gpu) => Promise<number>): Promise<number> {
  const gpu = await openAdapter(adapter);
  try {
    return await work(gpu);
  } finally {
    reporter.clear();
    gpu.destroy();
  }
}

/** Null where `--resume` names a folder. @throws UserError when the file cannot be trained on */
async function readRunFile({ resume, out }: ResumedRun): Promise<Checkpoint | null> {
  if (await isFolder(resume)) {
    if (out !== null) throw new UserError(`--out ${out}: a run that resumes stays in its folder, ${resume}`);
    return null;
  }
  const file = await readCheckpoint(resume);
  if (file.metadata.format === generatorFormat) {
    throw new UserError(
      `--resume ${resume}: a generator file, which can be drawn from but not trained on: expected a run's folder or a checkpoint`,
    );
  }
  asUserError(() => checkCheckpoint(file, "run"));
  if (out !== null) await checkRunFolder(out);
  return file;
}

/** Locks an earlier run's folder. @throws UserError when it is not one, or another process trains the run */
async function openRun(resume: string): Promise<RunFolder> {
  const isRun = (await checkpointSteps(resume)).length > 0 || (await readStart(resume)) !== null;
  if (!isRun) {
    throw new UserError(`--resume ${resume}: no checkpoint and no config.json in it, expected a run's folder`);
  }
  const folder = await RunFolder.open(resume);
  const { tookOverFrom } = folder.lock;
  if (tookOverFrom !== null) warn(`${resume}: took the run over from ${tookOverFrom} and no longer exists`);
  return folder;
}

async function setupResumed(options: ResumedRun, folder: RunFolder): Promise<Omit<Setup, "trainOn">> {
  const { resume, data, overrides, onTrouble } = options;
  if ((await checkpointSteps(resume)).length === 0) {
    const { config, source } = (await readStart(resume))!;
    return {
      folder,
      onTrouble,
      config: resolveConfig(config, overrides),
      source: data === null ? source : { ...source, data },
      origin: "starts over, because it was stopped before its first checkpoint",
      resumed: null,
      newFolder: true,
      variants: "auto",
    };
  }
  const checkpoint = await readCheckpoint(resume, (state) => void checkCheckpoint(state, "run"));
  return { ...setupFrom(checkpoint, options, folder), newFolder: false };
}

/** A run that goes on from a checkpoint, in a folder of its own. @throws UserError when it cannot */
function setupFrom(
  checkpoint: Checkpoint,
  { resume, data, overrides, onTrouble }: ResumedRun,
  folder: RunFolder,
): Omit<Setup, "trainOn"> {
  const info = checkCheckpoint(checkpoint, "run");
  if (checkpoint.warning !== null) warn(checkpoint.warning);
  const source = data === null ? info.pictures.source : { ...info.pictures.source, data };
  const config = resolveConfig(info.config, overrides);
  const { count } = info.pictures;
  if (source.data === "painted" && count !== paintedCount(config.size)) {
    throw new UserError(
      `${resume}: its checkpoint was trained on ${count} pictures, but there are ${paintedCount(config.size)} painted cats`,
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
    folder,
    variants: "table",
    onTrouble,
    config,
    source,
    newFolder: true,
    origin: `resumes after step ${grouped(info.step)}`,
    resumed: { ...checkpoint, info },
  };
}

async function train(gpu: Gpu, setup: Setup, reporter: Reporter): Promise<number> {
  const { config, source, folder } = setup;
  const { dir } = folder;
  const { software } = gpu;
  const machine = setup.resumed?.info.machine ?? null;
  const kept = machine && new Map(Object.entries(machine.variants));
  const plan = await checkFits(config, { ...gpu.limits, software }, kept ?? undefined);
  compileAhead(gpu, plan);
  const dataSet = await loadDataSet(source, config, reporter);
  const { pictures } = dataSet;
  asUserError(() => stepsPerEpoch(pictures.count, config.batch));
  const resumed = setup.resumed && (await ofThesePictures(setup.resumed, dir, pictures));
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

  const side = new SideFiles((message) => {
    reporter.clear();
    warn(message);
    reporter.event({ event: "warning", message });
  });
  if (setup.newFolder) await beginRun(setup, resumed && { step: first.step, state: resumed }, pictures, gpu.name);
  else for (const line of await folder.rewind(first.step, "damaged", config)) side.report(line);
  const output = { folder, source, side, reporter };
  setup.trainOn();
  const stop = new StopRequest(() =>
    reporter.line("  Stopping: this step is finished and saved first. Ctrl-C again ends at once."),
  );
  try {
    announce(gpu, first, setup, dataSet, reporter);
    if (resumed) await drawMissingGrid(first, output);
    const started = { at: performance.now(), step: first.step };
    const { ending, trainer } = await trainThrough(first, {
      folder,
      source,
      onTrouble: setup.onTrouble,
      signal: stop.signal,
      reporter,
      hooks: (trainer) => outputHooks(trainer, meter, output),
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
    await side.finish();
    stop.dispose();
  }
}

/**
 * The checkpoint, or an earlier one if this one names other pictures: in a file without a checksum, what it says about
 * them may be damaged.
 * @throws UserError when no checkpoint names these pictures
 */
async function ofThesePictures(
  resumed: NonNullable<Setup["resumed"]>,
  dir: string,
  pictures: Pictures,
): Promise<NonNullable<Setup["resumed"]>> {
  const here = fingerprint(pictures);
  const compare = (info: CheckpointInfo) => {
    const warning = matchWarning(comparePictures(info, pictures, here));
    if (warning !== null) warn(warning);
  };
  const problem = asMessage(() => compare(resumed.info));
  if (problem === null) return resumed;
  const other = await readCheckpoint(dir, (state) => {
    const info = checkCheckpoint(state, "run");
    comparePictures(info, pictures, here);
    checkSameRun(info, resumed.info.config);
  }).catch(() => null);
  if (other === null) throw new UserError(problem);
  warn(other.warning ?? `using ${other.path}`);
  const info = checkCheckpoint(other, "run");
  compare(info);
  return { ...other, info };
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

function announce(gpu: Gpu, trainer: Trainer, setup: Setup, { skipped }: DataSet, reporter: Reporter): void {
  const { config, batches, g, d, pictures, totalSteps, flopsPerStep, step } = trainer;
  const { bytes } = gpu.counts;
  warnOfSkipped(skipped, setup.source.data);
  const otherMachine = warningOfMachine(setup.resumed?.info.machine ?? null, machineOf(trainer.stream));
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
    pictures: { ...setup.source, count: pictures.count, ...skippedFacts(skipped) },
    stepsPerEpoch: batches.stepsPerEpoch,
    totalSteps,
    step,
    run: setup.folder.dir,
  });
  if (otherMachine !== null) reporter.event({ event: "warning", message: otherMachine });
  heading(reporter);
  reporter.fact("adapter", gpu.software ? `${gpu.name}, in software` : gpu.name);
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
