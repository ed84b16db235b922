/**
 * One run, open: trains it, saves it, draws it, and brings it back when the GPU fails. Its methods are called one after
 * the other (worker.ts sees to that).
 */

import { pictureGrid } from "../../data/grid.ts";
import { paintDataSet } from "../../data/painted.ts";
import type { Pictures } from "../../data/pictures.ts";
import type { Stream } from "../../gpu/stream.ts";
import {
  checkpointInfo,
  DivergedError,
  encodeCheckpoint,
  type PictureSource,
  type RunState,
  restore,
  saveState,
} from "../../train/checkpoint.ts";
import { chooseVariants, type VariantMemory } from "../../train/choose_variants.ts";
import { type Config, checkConfig } from "../../train/config.ts";
import { diversity, type Finding, type Guard, guardOf } from "../../train/guards.ts";
import { compileAhead, type Plan, planWithin, TooLargeError } from "../../train/plan.ts";
import { QualityMeter } from "../../train/quality.ts";
import { type RunHooks, runTraining, type TimedRecord } from "../../train/run.ts";
import { decodeSafetensors } from "../../train/safetensors.ts";
import { Trainer } from "../../train/trainer.ts";
import { encodePng, realsGrid } from "../grid_file.ts";
import type { CheckpointDownload, NewRun, Phase, Photographs, Sample, Trouble, WorkerEvent } from "../protocol.ts";
import { reasonOf } from "../reason.ts";
import { Rows } from "../rows.ts";
import { stepsPerEpoch } from "../steps_per_epoch.ts";
import { DamagedRunError } from "../store/record.ts";
import type { RunStore } from "../store/run_store.ts";
import { whenChanged } from "../when.ts";
import { adoptPictures } from "./adopt_pictures.ts";
import { type Device, NoGpuError, newStream } from "./device.ts";
import type { GridView } from "./grid_view.ts";
import { Keeper } from "./keeper.ts";

/** What a session is given by the worker. */
export interface Surroundings {
  store: RunStore;
  /** What was measured of this machine's GPUs. */
  variants: VariantMemory;
  view: GridView;
  emit(event: WorkerEvent): void;
  /** The device to train on; after a loss a new one. */
  device(): Promise<Device>;
  /** Throws the device away and opens another, waiting a while when there is none. @throws NoGpuError */
  reopen(submitBudget: number): Promise<Device>;
  /** Makes `reopen` give up waiting. */
  endGpuWait(): void;
}

/** How often a run goes back by itself before it is given up, counted until it gets past where it failed. */
const mostAttempts = 3;
/** Milliseconds from one save to the next, besides the run's own cadence; and saving takes at most this share of the time. */
const saveAgainAfter = 30_000;
const savingShare = 0.05;
/** The live grid is drawn anew after so many milliseconds, longer where drawing takes more than this share of the time. */
const drawAgainAfter = 500;
const drawingShare = 0.1;
/** Nobody should wait longer for a sign of life. */
const longestStill = 6000;
/** Milliseconds of a submit, less with every attempt. */
const submitBudget = 100;

export class Session {
  private trainer: Trainer | null = null;
  private guard: Guard | null = null;
  private meter: QualityMeter | null = null;
  private stream: Stream | null = null;
  private readonly rows = new Rows();
  private samples: Sample[] = [];
  private controller: AbortController | null = null;
  private training: Promise<void> | null = null;
  private goOn = false;
  private attempts = 0;
  private failedAt = 0;
  private readonly keeper: Keeper;
  private lastSave = 0;
  private saveTook = 0;
  private lastDrawn = 0;
  private drawTook = 0;
  private drawing: Promise<void> | null = null;
  private discarded = false;
  phase: Phase = "preparing";

  private constructor(
    private readonly around: Surroundings,
    readonly id: string,
    private config: Config,
    private readonly source: PictureSource,
    private readonly pictures: Pictures,
    private readonly reals: Blob,
    /** For people, who may change it. */
    public name: string,
  ) {
    this.keeper = new Keeper(around.store, id, {
      recreate: () => this.recreate(),
      onProblem: (problem) => this.emit({ type: "storage", problem }),
    });
  }

  /** Makes a new run. @throws Error for people: what is wrong with the configuration, the pictures or the storage */
  static async create(around: Surroundings, run: NewRun): Promise<Session> {
    const { config, photographs, name } = run;
    checkConfig(config);
    if (photographs) stepsPerEpoch(photographs.pictures.count, config.batch);
    await prepareKernels(around, config, null);
    const pictures = photographs?.pictures ?? (await paint(around, config));
    const perEpoch = stepsPerEpoch(pictures.count, config.batch);
    const source: PictureSource = photographs
      ? { data: photographs.label, fit: photographs.fit }
      : { data: "painted", fit: "crop" };
    const reals = await realsGrid(pictures);
    const id = await around.store.create(
      {
        name,
        config,
        source,
        pictures: { count: pictures.count, stepsPerEpoch: perEpoch },
        totalSteps: totalStepsOf(config, pictures.count),
      },
      { reals: new Uint8Array(await reals.arrayBuffer()), photographs: photographs && pictures },
    );
    const session = new Session(around, id, { ...config }, source, pictures, reals, name);
    try {
      await session.announce();
      await session.buildFirst(null);
    } catch (error) {
      await session.discard();
      // The first error is the one to report. A run that stays in the list can be deleted there.
      await around.store.remove(id).catch(() => {});
      throw error;
    }
    session.setPhase("paused");
    return session;
  }

  /**
   * Opens a saved run, paused.
   * @param brought become the run's pictures if it came without them
   * @throws Error for people
   */
  static async open(around: Surroundings, id: string, brought: Photographs | null): Promise<Session> {
    const { record, state, step, reals, rows, samples, warnings } = await around.store.load(id);
    const { config, source, name } = record;
    await prepareKernels(around, config, state);
    const pictures =
      source.data === "painted"
        ? await paint(around, config)
        : ((await around.store.photographs(id, record, state)) ??
          (await adoptPictures(around.store, { id, record, state }, brought?.pictures, warnings)));
    const kept = reals ?? (await realsGrid(pictures));
    const session = new Session(around, id, { ...config }, source, pictures, kept, name);
    session.rows.append(rows);
    session.samples = samples;
    session.keeper.savedStep = step;
    await session.announce();
    for (const text of warnings) session.emit({ type: "note", text });
    await session.buildFirst(state);
    session.setPhase(session.atEnd ? "finished" : "paused");
    return session;
  }

  get step(): number {
    return this.trainer?.step ?? this.keeper.savedStep;
  }

  /** Events that tell a newcomer all there is. */
  async snapshot(): Promise<WorkerEvent[]> {
    const run = await this.around.store.summary(this.id);
    return [
      { type: "opened", run, rows: this.rows.all.slice(), samples: this.samples },
      { type: "reals", png: this.reals },
      { type: "phase", phase: this.phase },
    ];
  }

  play(): void {
    if (this.training || this.trainer === null || this.atEnd) return;
    this.goOn = true;
    this.training = this.train()
      .catch((error) => this.fail("other", reasonOf(error)))
      .finally(() => {
        this.training = null;
      });
  }

  async pause(): Promise<void> {
    this.goOn = false;
    this.controller?.abort();
    this.around.endGpuWait();
    await this.training;
    await this.drawing;
  }

  async oneStep(): Promise<void> {
    const { trainer } = this;
    if (this.training || trainer === null || this.atEnd) return;
    try {
      await trainer.trainStep();
      const records = await trainer.readRecords();
      if (!records.every(({ finite }) => finite)) {
        throw new DivergedError(`training diverged at step ${trainer.step}`);
      }
      this.keepRows(records.map((record) => ({ ...record, ms: 0 })));
      await this.draw();
      this.setPhase(this.atEnd ? "finished" : "paused");
    } catch (error) {
      if (await this.recover(error)) this.setPhase("paused");
    }
  }

  async save(): Promise<void> {
    // While the run goes back to its last save, there is nothing new.
    if (!this.trainer) return;
    await this.paused(async () => {
      const { trainer } = this;
      if (!trainer) return;
      if (this.keeper.savedStep === trainer.step) await this.keeper.retry();
      else await this.keep(trainer.step, await encodeCheckpoint(trainer, this.source));
    });
  }

  /** The run as it is now, without any use of the storage. @throws Error when there is no state to hand out */
  async download(): Promise<CheckpointDownload> {
    let current = this.keeper.unsaved;
    if (this.trainer && this.phase !== "failed") {
      await this.paused(async () => {
        const { trainer } = this;
        if (!trainer) return;
        const bytes = await encodeCheckpoint(trainer, this.source);
        // A lost device answers with meaningless numbers.
        this.stream!.gpu.checkAlive();
        current = { step: trainer.step, bytes };
      });
    }
    if (current === null) {
      const { bytes, step, warning } = await this.around.store.checkpoint(this.id);
      return { file: checkpointBlob(bytes), step, warning };
    }
    return { file: checkpointBlob(current.bytes), step: current.step, warning: null };
  }

  /** Changes what can be changed without a new run. @throws Error for people, with nothing changed */
  async change(changes: Partial<Config>): Promise<void> {
    const config = { ...this.config, ...changes };
    checkConfig(config);
    const keys = (Object.keys(changes) as (keyof Config)[]).filter((key) => changes[key] !== this.config[key]);
    if (!this.trainer) throw new Error("the run is not ready: change its settings while it is training or paused");
    const fixed = keys.find((key) => whenChanged(key, this.config, config) === "new run");
    if (fixed) throw new Error(`${fixed} needs a new run: networks or pictures would be others`);
    await this.paused(async () => {
      const { trainer } = this;
      if (!trainer) throw new Error("the run has stopped: continue it, then change its settings");
      this.config = config;
      if (keys.every((key) => whenChanged(key, config, config) === "at once")) Object.assign(trainer.config, config);
      else {
        const state = await saveState(trainer, this.source);
        // Another recipe is judged anew.
        this.guard = null;
        try {
          await this.build(state);
        } catch (error) {
          if (!(await this.recover(error))) return;
        }
      }
      const { totalSteps } = this.trainer!;
      await this.keepRecord();
      this.emit({ type: "config", config, totalSteps });
      if (!this.goOn) this.setPhase(this.atEnd ? "finished" : "paused");
    });
  }

  /** Saves and lets go of everything. @throws Error when it cannot be saved: the run then stays open */
  async close(): Promise<void> {
    await this.pause();
    if (this.phase !== "failed") await this.save();
    if (this.keeper.unsaved) {
      throw new Error("the run stays open, as it could not be saved: download it, or close it without saving");
    }
    await this.discard();
  }

  /** Lets go of everything as it is: from now on nothing is saved or said. */
  async discard(): Promise<void> {
    this.discarded = true;
    await this.pause();
    this.tearDown();
  }

  // Training

  private get atEnd(): boolean {
    return this.trainer !== null && this.trainer.step >= this.trainer.totalSteps;
  }

  /** Trains until the end or until it shall not go on, through whatever happens. */
  private async train(): Promise<void> {
    while (this.goOn && !this.atEnd) {
      this.setPhase("training");
      this.controller = new AbortController();
      try {
        await runTraining(this.trainer!, this.source, this.hooks, this.controller.signal);
      } catch (error) {
        if (this.discarded || !(await this.recover(error))) return;
      }
    }
    this.setPhase(this.atEnd ? "finished" : "paused");
  }

  /** Does something between two steps, and trains on if it did before. */
  private async paused(work: () => Promise<void>): Promise<void> {
    const trained = this.training !== null;
    await this.pause();
    try {
      await work();
    } finally {
      if (trained) this.play();
    }
  }

  private readonly hooks: RunHooks = {
    onRecords: async (records) => {
      this.keepRows(records);
      for (const record of records) this.heed(this.guard!.record(record));
      const now = performance.now();
      const saveAgain = Math.max(saveAgainAfter, this.saveTook / savingShare);
      // The loop finishes its step, saves, and is started again.
      if (now - this.lastSave > saveAgain) this.controller?.abort();
      const drawAgain = Math.min(Math.max(drawAgainAfter, this.drawTook / drawingShare), longestStill);
      if (now - this.lastDrawn > drawAgain) {
        // Training notices a lost device by itself; after any other failure, the next grid follows.
        this.drawing ??= this.draw().catch(() => {});
      }
    },
    onSample: async (step, pictures) => {
      await this.keepSample(step, pictures);
      await this.draw();
      this.heed(this.guard!.sample(step, diversity(pictures)));
    },
    onMetrics: async () => {
      this.meter ??= new QualityMeter(this.trainer!);
      const { swd, floor } = await this.meter.measure();
      this.rows.measured(swd.average, floor);
      this.emit({ type: "quality", swd: swd.average, floor });
    },
    onCheckpoint: (step, bytes) => this.keep(step, bytes),
  };

  /** What a guard has seen is told; what breaks the run, goes back. */
  private heed(finding: Finding | null): void {
    if (finding === null) return;
    const { step, what, remedies, broken } = finding;
    if (broken) throw new DivergedError(`at step ${step}, ${what}`);
    this.emit({
      type: "trouble",
      trouble: { kind: "sign", message: what, remedies, attempt: null, backTo: this.backTo },
    });
  }

  private keepRows(records: readonly TimedRecord[]): void {
    const rows = Rows.from(records);
    this.rows.append(rows);
    this.emit({ type: "rows", rows, gpuBytes: this.stream!.gpu.counts.bytes });
  }

  /** Shows the generator as it is now. */
  private async draw(): Promise<void> {
    const { trainer } = this;
    if (trainer === null) return;
    const began = performance.now();
    const { step } = trainer;
    try {
      await this.around.view.draw(await trainer.previewSampler.render());
      this.emit({ type: "drawn", step });
    } finally {
      this.drawing = null;
      this.lastDrawn = performance.now();
      this.drawTook = this.lastDrawn - began;
    }
  }

  private async keepSample(step: number, pictures: Pictures): Promise<void> {
    if (this.discarded) return;
    await this.keeper.beside(gridKey(step), async () => {
      const png = await encodePng(pictureGrid(pictures));
      this.samples = [...this.samples.filter((sample) => sample.step < step), { step, png }];
      this.emit({ type: "sample", sample: { step, png } });
      await this.storeSample({ step, png });
    });
  }

  private async storeSample({ step, png }: Sample): Promise<void> {
    const bytes = new Uint8Array(await png.arrayBuffer());
    const thinned = await this.around.store.addSample(this.id, step, bytes);
    if (thinned.length === 0) return;
    this.samples = this.samples.filter((sample) => !thinned.includes(sample.step));
    this.emit({ type: "thinned", steps: thinned });
  }

  private async keep(step: number, bytes: Uint8Array): Promise<void> {
    if (this.discarded) return;
    // After a loss WebGPU goes on as if nothing had happened, with numbers that mean nothing.
    this.stream!.gpu.checkAlive();
    const began = performance.now();
    const saved = await this.keeper.checkpoint(step, bytes, this.rows.all);
    // What could not be saved is in memory, and training can go back to it as well.
    if (step > this.failedAt) this.attempts = 0;
    this.lastSave = performance.now();
    this.saveTook = this.lastSave - began;
    if (!saved) return;
    // Only for display: for once, it may be unknown.
    const unknown = { saved: Date.now(), bytes: 0 };
    const kept = await this.around.store.summary(this.id).catch(() => unknown);
    this.emit({ type: "saved", step, at: kept.saved, bytes: kept.bytes });
  }

  private async keepRecord(): Promise<void> {
    await this.keeper.beside("The changed settings", async () => {
      const { config } = this;
      await this.around.store.update(this.id, { config, totalSteps: totalStepsOf(config, this.pictures.count) });
    });
  }

  /** The site's data were cleared while the run trained: what memory holds of it is stored again. */
  private async recreate(): Promise<void> {
    const { around, id, config, source, pictures, name } = this;
    const { count } = pictures;
    await around.store.create(
      {
        name,
        config,
        source,
        pictures: { count, stepsPerEpoch: stepsPerEpoch(count, config.batch) },
        totalSteps: totalStepsOf(config, count),
      },
      {
        reals: new Uint8Array(await this.reals.arrayBuffer()),
        photographs: source.data === "painted" ? null : pictures,
      },
      id,
    );
    this.emit({
      type: "note",
      text: `This site's data were cleared while ${name} was training. The run continued in memory and is being stored again; other runs are gone.`,
    });
    for (const sample of this.samples) await this.keeper.beside(gridKey(sample.step), () => this.storeSample(sample));
  }

  // Building, and building again

  /** @param state what the run goes on from, with its own choice of kernels; null: from the beginning */
  private async build(state: RunState | null): Promise<void> {
    this.setPhase("preparing");
    this.tearDown();
    const { around, config } = this;
    const { convolutions } = await prepareKernels(around, config, state);
    const stream = newStream(await around.device());
    this.stream = stream;
    around.view.use(stream);
    if (state === null) {
      await chooseVariants(stream, convolutions, "auto", around.variants, (done, total) =>
        around.emit({ type: "progress", what: "choosing kernels for this GPU", done, total }),
      );
    }
    const trainer = new Trainer(stream, { ...config }, this.pictures);
    this.trainer = trainer;
    this.guard ??= guardOf(trainer);
    // What was changed since the save holds.
    if (state) restore(trainer, { ...state, metadata: { ...state.metadata, config: JSON.stringify(config) } });
    await trainer.prepare();
    await trainer.previewSampler.prepare();
    await this.draw();
    if (trainer.step === 0) await this.keepSample(0, await trainer.previewSampler.draw());
  }

  /** Builds what has never trained yet: once more where the device is lost meanwhile. */
  private async buildFirst(state: RunState | null): Promise<void> {
    try {
      await this.build(state);
    } catch (error) {
      const { kind } = await this.explain(error);
      if (kind !== "device lost" || !(await this.recover(error))) throw error;
    }
    // However long that took: there is nothing to save yet.
    this.lastSave = performance.now();
  }

  private tearDown(): void {
    this.meter?.destroy();
    this.trainer?.destroy();
    this.stream?.dispose();
    this.meter = this.trainer = this.stream = null;
  }

  /** @returns whether training can go on */
  private async recover(error: unknown): Promise<boolean> {
    let cause = error;
    for (;;) {
      const { kind, message } = await this.explain(cause);
      this.failedAt = Math.max(this.failedAt, this.step);
      this.attempts++;
      if (kind === "other" || kind === "no GPU" || this.attempts > mostAttempts) {
        this.fail(kind, message);
        return false;
      }
      this.trouble(kind, message, this.attempts);
      try {
        await this.goBack(kind);
        return true;
      } catch (again) {
        cause = again;
      }
    }
  }

  private fail(kind: Trouble["kind"], message: string): void {
    this.goOn = false;
    this.trouble(kind, message, null);
    this.setPhase("failed");
  }

  private async goBack(kind: Trouble["kind"]): Promise<void> {
    this.setPhase("preparing");
    await this.drawing;
    this.tearDown();
    // It may have been drawing that lost it.
    if (kind === "device lost") await this.around.view.readBack();
    await this.around.reopen(submitBudget / 2 ** this.attempts);
    const state = await this.lastState();
    if (kind === "diverged") {
      // The same numbers would diverge again: half the rates do not.
      this.config = { ...this.config, lrD: this.config.lrD / 2, lrG: this.config.lrG / 2 };
      await this.keepRecord();
    }
    this.guard?.rewound();
    await this.build(state);
    const { step, totalSteps } = this.trainer!;
    this.rows.cut(step);
    this.samples = this.samples.filter((sample) => sample.step <= step);
    this.keeper.forget((key) => stepOfGrid(key) > step);
    await this.keeper.beside("The removal of later grids", () => this.around.store.rewind(this.id, step));
    this.emit({ type: "rewound", step });
    if (kind === "diverged") this.emit({ type: "config", config: this.config, totalSteps });
  }

  /** The newest state to go back to: from the storage, unless a newer one is in memory only. */
  private async lastState(): Promise<RunState | null> {
    const { unsaved } = this.keeper;
    if (unsaved) return decodeSafetensors(unsaved.bytes);
    const { store } = this.around;
    const { state, step, warnings } = await store.load(this.id).catch((error) => {
      if (error instanceof DamagedRunError) throw error;
      // Reading may fail once and succeed the next time.
      return store.load(this.id);
    });
    this.keeper.savedStep = step;
    for (const text of warnings) this.emit({ type: "note", text });
    return state;
  }

  private async explain(error: unknown): Promise<Pick<Trouble, "kind" | "message">> {
    const message = reasonOf(error);
    if (error instanceof DivergedError) return { kind: "diverged", message };
    if (error instanceof NoGpuError) return { kind: "no GPU", message };
    if (/out of (GPU )?memory/i.test(message)) return { kind: "out of memory", message };
    // A failing call may come before the news of the loss that made it fail.
    const soon = new Promise<null>((resolve) => setTimeout(resolve, 500, null));
    const lost = this.stream && (await Promise.race([this.stream.gpu.lost, soon]));
    if (lost) return { kind: "device lost", message: lost.message || "the browser gave no reason" };
    console.error(error);
    return { kind: "other", message };
  }

  private emit(event: WorkerEvent): void {
    if (!this.discarded) this.around.emit(event);
  }

  private get backTo(): number {
    return this.keeper.unsaved?.step ?? this.keeper.savedStep;
  }

  private trouble(kind: Trouble["kind"], message: string, attempt: number | null): void {
    this.emit({ type: "trouble", trouble: { kind, message, attempt, backTo: this.backTo } });
  }

  private async announce(): Promise<void> {
    for (const event of await this.snapshot()) this.emit(event);
  }

  private setPhase(phase: Phase): void {
    this.phase = phase;
    this.emit({ type: "phase", phase });
  }
}

const gridKey = (step: number) => `The grid of step ${step}`;
const stepOfGrid = (key: string) => Number(/^The grid of step (\d+)$/.exec(key)?.[1] ?? -1);

function totalStepsOf({ steps, epochs, batch }: Config, count: number): number {
  return steps ?? epochs! * stepsPerEpoch(count, batch);
}

function checkpointBlob(bytes: Uint8Array): Blob {
  return new Blob([bytes as Uint8Array<ArrayBuffer>], { type: "application/octet-stream" });
}

/**
 * Has everything that the run will need compiled, from now on and while other things are done.
 * @throws Error where the adapter's limits are too small: says what would fit
 */
async function prepareKernels(around: Surroundings, config: Config, state: RunState | null): Promise<Plan> {
  const { gpu } = await around.device();
  const machine = state && checkpointInfo(state.metadata).machine;
  const choices = machine ? new Map(Object.entries(machine.variants)) : undefined;
  try {
    const plan = await planWithin(config, { ...gpu.limits, software: gpu.software }, choices);
    compileAhead(gpu, plan);
    return plan;
  } catch (error) {
    if (!(error instanceof TooLargeError)) throw error;
    const { obstacle, batch } = error;
    const advice = batch === null ? "choose fewer channels or smaller pictures" : `choose a batch of ${batch}`;
    throw new Error(`${obstacle}: ${advice}`);
  }
}

/** In slices, so that whoever calls meanwhile is answered. */
async function paint({ emit }: Surroundings, { size, seed }: Config): Promise<Pictures> {
  const onProgress = (done: number, total: number) => emit({ type: "progress", what: "painting cats", done, total });
  const pictures = await paintDataSet(size, seed, onProgress);
  onProgress(pictures.count, pictures.count);
  return pictures;
}
