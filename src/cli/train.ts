/** `catgan train`: starts a run, or resumes one. */
import { stepsPerEpoch } from "../data/batches.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { Stream } from "../gpu/stream.ts";
import type { RunState } from "../train/checkpoint.ts";
import { chooseVariants } from "../train/choose_variants.ts";
import type { Config } from "../train/config.ts";
import { compileAhead } from "../train/plan.ts";
import { QualityMeter } from "../train/quality.ts";
import { restore } from "../train/save_restore.ts";
import { Trainer } from "../train/trainer.ts";
import { openAdapter } from "./adapter.ts";
import { announce } from "./announce.ts";
import { chooseConfig, type NewRun, type ResumedRun } from "./commands/train.ts";
import { type DataSet, loadDataSet } from "./data_set.ts";
import { conclude, warn } from "./describe.ts";
import { checkFits } from "./fits.ts";
import { Reporter } from "./progress.ts";
import { trainWithRecovery } from "./rollback.ts";
import { checkRunFolder, RunFolder } from "./run_folder.ts";
import { beginRun, drawMissingGrid, outputHooks } from "./run_output.ts";
import { ofThesePictures, openRun, readRunFile, type Setup, setupFrom, setupResumed } from "./run_setup.ts";
import { SideFiles } from "./side_files.ts";
import { endAtSignal, StopRequest } from "./stop.ts";
import { asUserError } from "./user_error.ts";
import { readVariantSource, variantCache } from "./variant_cache.ts";

/**
 * Trains until the run's end or until it is interrupted.
 * @returns the exit code: 0 at the end, 1 when trouble stopped it, 128 + the signal's number when it was interrupted
 * @throws UserError for what the user can fix; nothing is written then
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
  // Checked before anything that takes time.
  if (options.out !== null) await checkRunFolder(options.out);
  const variants = readVariantSource(options.variants);
  return await onAdapter(options.adapter, reporter, async (gpu) => {
    const { config, preset, origin } = chooseConfig(options, gpu.software);
    const { out, data, fit, onTrouble, adapter } = options;
    const source = { data, fit };
    const start = { resumed: null, newFolder: true };
    return await inFolder(newFolder(out, preset), (folder, trainOn) =>
      train(gpu, { config, source, folder, origin, ...start, variants, onTrouble, adapter, trainOn }, reporter),
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
  // From the start, since a signal may come while the folder is being made.
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
  if (setup.newFolder) await beginRun(setup, resumed && { step: first.step, state: resumed }, pictures, gpu);
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
    const { ending, trainer } = await trainWithRecovery(first, {
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

/** A trainer that is ready. @param state what it continues from; null: the beginning @throws UserError as `restore` */
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
