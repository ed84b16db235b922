/**
 * One run, open: trains it, saves it, draws it, and brings it back when the GPU fails. Its methods are called one after
 * the other (worker.ts sees to that).
 */
import { stepsPerEpoch } from "../../data/batches.ts";
import type { Image } from "../../data/image.ts";
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
import { type Finding, type Guard, guardOf } from "../../train/guards.ts";
import { compileAhead, type Plan, planWithin, TooLargeError } from "../../train/plan.ts";
import { QualityMeter } from "../../train/quality.ts";
import { type RunHooks, runTraining, type TimedRecord } from "../../train/run.ts";
import { Trainer } from "../../train/trainer.ts";
import { encodePng, realsGrid } from "../grid_file.ts";
import type { NewRun, Phase, Sample, Trouble, WorkerEvent } from "../protocol.ts";
import { Rows } from "../rows.ts";
import { StorageFullError } from "../store/folder.ts";
import type { RunStore } from "../store/run_store.ts";
import { whenChanged } from "../when.ts";
import { type Device, newStream } from "./device.ts";
import type { GridView } from "./grid_view.ts";

/** What a session is given by the worker. */
export interface Surroundings {
  store: RunStore;
  /** What was measured of this machine's GPUs. */
  variants: VariantMemory;
  view: GridView;
  emit(event: WorkerEvent): void;
  /** The device to train on; after a loss a new one. */
  device(): Promise<Device>;
  /** Throws the device away and opens another. */
  reopen(submitBudget: number): Promise<Device>;
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
  private savedStep = 0;
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
  ) {}

  /** Makes a new run. @throws Error for people: what is wrong with the configuration, the pictures or the storage */
  static async create(around: Surroundings, run: NewRun): Promise<Session> {
    const { config, photographs, name } = run;
    checkConfig(config);
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
        totalSteps: config.steps ?? config.epochs! * perEpoch,
      },
      { reals: new Uint8Array(await reals.arrayBuffer()), photographs: photographs && pictures },
    );
    const session = new Session(around, id, { ...config }, source, pictures, reals);
    try {
      await session.announce();
      await session.buildFirst(null);
    } catch (error) {
      await session.discard();
      await around.store.remove(id);
      throw error;
    }
    session.setPhase("paused");
    return session;
  }

  /** Opens a saved run, paused. @throws Error for people */
  static async open(around: Surroundings, id: string): Promise<Session> {
    const { record, state, photographs, reals, rows, samples, warning } = await around.store.load(id);
    const { config, source } = record;
    await prepareKernels(around, config, state);
    let pictures: Pictures;
    if (source.data === "painted") pictures = await paint(around, config);
    else if (photographs) pictures = { size: config.size, count: record.pictures.count, pixels: photographs };
    else {
      throw new Error(
        `${record.name}: its pictures (${source.data}) are not in this browser. It can be drawn from, not trained on`,
      );
    }
    const session = new Session(around, id, { ...config }, source, pictures, reals ?? (await realsGrid(pictures)));
    session.rows.append(rows);
    session.samples = samples;
    session.savedStep = state ? checkpointInfo(state.metadata).step : 0;
    await session.announce();
    if (warning) session.trouble("storage", warning, null);
    await session.buildFirst(state);
    session.setPhase(session.atEnd ? "finished" : "paused");
    return session;
  }

  get step(): number {
    return this.trainer?.step ?? this.savedStep;
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
    this.training = this.train().finally(() => {
      this.training = null;
    });
  }

  async pause(): Promise<void> {
    this.goOn = false;
    this.controller?.abort();
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
    await this.paused(async () => {
      const { trainer } = this;
      if (!trainer || this.savedStep === trainer.step) return;
      await this.keep(trainer.step, await encodeCheckpoint(trainer, this.source));
    });
  }

  /** Changes what can be changed without a new run. @throws Error for people, with nothing changed */
  async change(changes: Partial<Config>): Promise<void> {
    const config = { ...this.config, ...changes };
    checkConfig(config);
    const keys = (Object.keys(changes) as (keyof Config)[]).filter((key) => changes[key] !== this.config[key]);
    const fixed = keys.find((key) => whenChanged(key, this.config, config) === "new run");
    if (fixed) throw new Error(`${fixed} needs a new run: networks or pictures would be others`);
    await this.paused(async () => {
      const trainer = this.trainer!;
      this.config = config;
      if (keys.every((key) => whenChanged(key, this.config, config) === "at once"))
        Object.assign(trainer.config, config);
      else {
        const state = await saveState(trainer, this.source);
        // Another recipe is judged anew.
        this.guard = null;
        await this.build(state);
      }
      const { totalSteps } = this.trainer!;
      await this.around.store.update(this.id, { config, totalSteps });
      this.emit({ type: "config", config, totalSteps });
      if (!this.goOn) this.setPhase(this.atEnd ? "finished" : "paused");
    });
  }

  /** Saves and lets go of everything. */
  async close(): Promise<void> {
    await this.pause();
    if (this.phase !== "failed") await this.save();
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
    await work();
    if (trained) this.play();
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
      if (now - this.lastDrawn > drawAgain) this.drawing ??= this.draw().catch(() => {});
    },
    onSample: async (step, image) => {
      await this.keepSample(step, image);
      await this.draw();
      this.heed(this.guard!.lookAt(step, image, this.config.size));
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
      trouble: { kind: "sign", message: what, remedies, attempt: null, backTo: this.savedStep },
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

  private async keepSample(step: number, image: Image): Promise<void> {
    if (this.discarded) return;
    const png = await encodePng(image);
    this.samples.push({ step, png });
    this.emit({ type: "sample", sample: { step, png } });
    await this.stored(async () => {
      const bytes = new Uint8Array(await png.arrayBuffer());
      const thinned = await this.around.store.addSample(this.id, step, bytes);
      if (thinned.length === 0) return;
      this.samples = this.samples.filter((sample) => !thinned.includes(sample.step));
      this.emit({ type: "thinned", steps: thinned });
    });
  }

  private async keep(step: number, bytes: Uint8Array): Promise<void> {
    if (this.discarded) return;
    // After a loss WebGPU goes on as if nothing had happened, with numbers that mean nothing.
    this.stream!.gpu.checkAlive();
    const began = performance.now();
    await this.stored(async () => {
      await this.around.store.saveCheckpoint(this.id, step, bytes, this.rows.all);
      this.savedStep = step;
      if (step > this.failedAt) this.attempts = 0;
      const { saved: at, bytes: kept } = await this.around.store.summary(this.id);
      this.emit({ type: "saved", step, at, bytes: kept });
    });
    this.lastSave = performance.now();
    this.saveTook = this.lastSave - began;
  }

  /** Training goes on where the storage is full: what was saved before is intact, and room may be made. */
  private async stored(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof StorageFullError)) throw error;
      this.trouble("storage", error.message, null);
    }
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
      if (kind === "other" || this.attempts > mostAttempts) {
        this.goOn = false;
        this.trouble(kind, message, null);
        this.setPhase("failed");
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

  private async goBack(kind: Trouble["kind"]): Promise<void> {
    this.setPhase("preparing");
    await this.drawing;
    this.tearDown();
    // It may have been drawing that lost it.
    if (kind === "device lost") await this.around.view.readBack();
    await this.around.reopen(submitBudget / 2 ** this.attempts);
    const { state } = await this.around.store.load(this.id);
    if (kind === "diverged") {
      // The same numbers would diverge again: half the rates do not.
      this.config = { ...this.config, lrD: this.config.lrD / 2, lrG: this.config.lrG / 2 };
      await this.around.store.update(this.id, { config: this.config });
    }
    this.guard?.rewound();
    await this.build(state);
    const { step, totalSteps } = this.trainer!;
    this.savedStep = step;
    this.rows.cut(step);
    this.samples = this.samples.filter((sample) => sample.step <= step);
    await this.around.store.rewind(this.id, step);
    this.emit({ type: "rewound", step });
    if (kind === "diverged") this.emit({ type: "config", config: this.config, totalSteps });
  }

  private async explain(error: unknown): Promise<Pick<Trouble, "kind" | "message">> {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof DivergedError) return { kind: "diverged", message };
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

  private trouble(kind: Trouble["kind"], message: string, attempt: number | null): void {
    this.emit({ type: "trouble", trouble: { kind, message, attempt, backTo: this.savedStep } });
  }

  private async announce(): Promise<void> {
    for (const event of await this.snapshot()) this.emit(event);
  }

  private setPhase(phase: Phase): void {
    this.phase = phase;
    this.emit({ type: "phase", phase });
  }
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
