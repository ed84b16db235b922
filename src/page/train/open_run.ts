/**
 * An open run, except its part on the GPU: its settings, pictures, curves and grids, in memory and in the browser's storage.
 * Storage that fails does not end training (keeper.ts).
 */
import { pictureGrid } from "../../data/grid.ts";
import { paintDataSet } from "../../data/painted.ts";
import type { Pictures } from "../../data/pictures.ts";
import type { PictureSource, RunState } from "../../train/checkpoint.ts";
import { type Config, checkConfig } from "../../train/config.ts";
import type { TimedRecord } from "../../train/run.ts";
import { decodeSafetensors } from "../../train/safetensors.ts";
import { encodePng, realsGrid } from "../grid_file.ts";
import type { CheckpointDownload, NewRun, Photographs, Sample, WorkerEvent } from "../protocol.ts";
import { Rows } from "../rows.ts";
import { stepsPerEpoch } from "../steps_per_epoch.ts";
import { DamagedRunError, type RunRecord } from "../store/record.ts";
import type { RunStore } from "../store/run_store.ts";
import { adoptPictures } from "./adopt_pictures.ts";
import { prepareKernels } from "./gpu_run.ts";
import type { SessionHost } from "./host.ts";
import { Keeper } from "./keeper.ts";

/** What does not change while a run is open. */
interface Fixed {
  readonly id: string;
  readonly source: PictureSource;
  readonly pictures: Pictures;
  readonly reals: Blob;
}

export class OpenRun {
  private isDiscarded = false;
  private readonly store: RunStore;
  private readonly rows = new Rows();
  private samples: Sample[] = [];
  private readonly keeper: Keeper;

  private constructor(
    private readonly host: SessionHost,
    private readonly fixed: Fixed,
    public config: Config,
    /** Chosen by the user, who may change it. */
    public name: string,
  ) {
    this.store = host.store;
    this.keeper = new Keeper(host.store, fixed.id, {
      recreate: () => this.recreate(),
      onProblem: (problem) => this.emit({ type: "storage", problem }),
    });
  }

  /** Makes a new run. @throws Error for the user: what is wrong with the configuration, the pictures or the storage */
  static async create(host: SessionHost, { config, photographs, name }: NewRun): Promise<OpenRun> {
    checkConfig(config);
    if (photographs) stepsPerEpoch(photographs.pictures.count, config.batch);
    await prepareKernels(host, config, null);
    const pictures = photographs?.pictures ?? (await paint(host, config));
    const source: PictureSource = photographs
      ? { data: photographs.label, fit: photographs.fit }
      : { data: "painted", fit: "crop" };
    const reals = await realsGrid(pictures);
    const record = recordOf({ name, config, source, pictures });
    const id = await host.store.create(record, await filesOf({ source, pictures, reals }));
    return new OpenRun(host, { id, source, pictures, reals }, { ...config }, name);
  }

  /**
   * Opens a saved run.
   * @param brought become the run's pictures if it arrived without them
   * @returns the state to continue from (null: the beginning), and what the user should know
   * @throws Error for the user
   */
  static async load(host: SessionHost, id: string, brought: Photographs | null) {
    const { store } = host;
    const { record, state, step, reals, rows, samples, warnings } = await store.load(id);
    const { config, source, name } = record;
    await prepareKernels(host, config, state);
    const pictures =
      source.data === "painted"
        ? await paint(host, config)
        : ((await store.photographs(id, record, state)) ??
          (await adoptPictures(store, { id, record, state }, brought?.pictures, warnings)));
    const fixed = { id, source, pictures, reals: reals ?? (await realsGrid(pictures)) };
    const run = new OpenRun(host, fixed, { ...config }, name);
    run.rows.append(rows);
    run.samples = samples;
    run.keeper.savedStep = step;
    return { run, state, warnings };
  }

  get id(): string {
    return this.fixed.id;
  }

  get source(): PictureSource {
    return this.fixed.source;
  }

  get pictures(): Pictures {
    return this.fixed.pictures;
  }

  /** The newest step in the storage; 0 = none. */
  get savedStep(): number {
    return this.keeper.savedStep;
  }

  /** The newest checkpoint, while it is in memory only. */
  get unsaved(): { step: number; bytes: Uint8Array } | null {
    return this.keeper.unsaved;
  }

  /** The newest step that the run could go back to. */
  get keptStep(): number {
    return this.unsaved?.step ?? this.savedStep;
  }

  emit(event: WorkerEvent): void {
    if (!this.isDiscarded) this.host.emit(event);
  }

  /** From now on nothing is stored or sent to the page. */
  discard(): void {
    this.isDiscarded = true;
  }

  get discarded(): boolean {
    return this.isDiscarded;
  }

  /** The events that bring a new watcher up to date. */
  async snapshot(): Promise<WorkerEvent[]> {
    const run = await this.store.summary(this.id);
    return [
      { type: "opened", run, rows: this.rows.all.slice(), samples: this.samples },
      { type: "reals", png: this.fixed.reals },
    ];
  }

  // What comes out of training

  addRows(records: readonly TimedRecord[], gpuBytes: number): void {
    const rows = Rows.from(records);
    this.rows.append(rows);
    this.emit({ type: "rows", rows, gpuBytes });
  }

  /** Adds the quality of the newest step's pictures. */
  addQuality(swd: number, floor: number): void {
    this.rows.measured(swd, floor);
    this.emit({ type: "quality", swd, floor });
  }

  async addSample(step: number, pictures: Pictures): Promise<void> {
    if (this.isDiscarded) return;
    await this.keeper.alongside(gridKey(step), async () => {
      const png = await encodePng(pictureGrid(pictures));
      this.samples = [...this.samples.filter((sample) => sample.step < step), { step, png }];
      this.emit({ type: "sample", sample: { step, png } });
      await this.storeSample({ step, png });
    });
  }

  /** Whether it succeeds or not, the run can go back to this step: what could not be stored is in memory. */
  async addCheckpoint(step: number, bytes: Uint8Array): Promise<void> {
    if (this.isDiscarded) return;
    if (await this.keeper.checkpoint(step, bytes, this.rows.all)) await this.announceSaved();
  }

  /** Tries again to store what could not be stored. */
  async retry(): Promise<void> {
    await this.keeper.retry();
  }

  async changeConfig(config: Config): Promise<void> {
    this.config = config;
    await this.keeper.alongside("The changed settings", async () => {
      const { totalSteps } = recordOf({ ...this.fixed, name: this.name, config });
      await this.store.update(this.id, { config, totalSteps });
    });
  }

  /** The newest intact checkpoint in the storage, as a file. @throws Error when there is none */
  async storedCheckpoint(): Promise<CheckpointDownload> {
    const { bytes, step, warning } = await this.store.checkpoint(this.id);
    return { file: checkpointBlob(bytes), step, warning };
  }

  // Going back

  /**
   * The state of a checkpoint to go back to.
   * @param back 0: the newest, in memory or in the storage; 1: the one before; the oldest if there are fewer
   * @returns null: nothing was saved, the run starts again
   */
  async stateToGoBackTo(back: number): Promise<{ state: RunState | null; step: number }> {
    const { unsaved } = this;
    if (unsaved && (back === 0 || this.savedStep === 0)) {
      return { state: decodeSafetensors(unsaved.bytes), step: unsaved.step };
    }
    const inStorage = unsaved ? back - 1 : back;
    const { state, step, warning } = await this.store.earlier(this.id, inStorage).catch((error) => {
      if (error instanceof DamagedRunError) throw error;
      // Reading may fail once and succeed the next time.
      return this.store.earlier(this.id, inStorage);
    });
    this.keeper.savedStep = step;
    if (warning !== null) this.emit({ type: "note", text: warning });
    return { state, step };
  }

  /** Forgets what belongs to steps after the one that the run went back to. */
  async rewind(step: number): Promise<void> {
    this.rows.cut(step);
    this.samples = this.samples.filter((sample) => sample.step <= step);
    this.keeper.wentBack(step);
    this.keeper.forget((key) => stepOfGrid(key) > step);
    await this.keeper.alongside("The removal of later grids", () => this.store.rewind(this.id, step));
    this.emit({ type: "rewound", step });
    if (this.savedStep > 0) await this.announceSaved();
  }

  private async announceSaved(): Promise<void> {
    // Only for display, so placeholders will do.
    const unknown = { saved: Date.now(), bytes: 0 };
    const { saved, bytes } = await this.store.summary(this.id).catch(() => unknown);
    this.emit({ type: "saved", step: this.savedStep, at: saved, bytes });
  }

  private async storeSample({ step, png }: Sample): Promise<void> {
    const bytes = new Uint8Array(await png.arrayBuffer());
    const thinned = await this.store.addSample(this.id, step, bytes);
    if (thinned.length === 0) return;
    this.samples = this.samples.filter((sample) => !thinned.includes(sample.step));
    this.emit({ type: "thinned", steps: thinned });
  }

  /** The site's data were cleared while the run trained: stores again what memory holds of it. */
  private async recreate(): Promise<void> {
    const { fixed, name, config } = this;
    await this.store.create(recordOf({ ...fixed, name, config }), await filesOf(fixed), this.id);
    this.emit({
      type: "note",
      text: `This site's data were cleared while ${name} was training. The run continued in memory and is being stored again; other runs are gone.`,
    });
    for (const sample of this.samples)
      await this.keeper.alongside(gridKey(sample.step), () => this.storeSample(sample));
  }
}

const gridKey = (step: number) => `The grid of step ${step}`;
const stepOfGrid = (key: string) => Number(/^The grid of step (\d+)$/.exec(key)?.[1] ?? -1);

type Described = Pick<Fixed, "source" | "pictures"> & Pick<RunRecord, "name" | "config">;

/** What the storage records of a run. */
function recordOf({ name, config, source, pictures: { count } }: Described) {
  const perEpoch = stepsPerEpoch(count, config.batch);
  const totalSteps = config.steps ?? config.epochs! * perEpoch;
  return { name, config, source, pictures: { count, stepsPerEpoch: perEpoch }, totalSteps };
}

/** Painted cats are painted again, not stored. */
async function filesOf({ source, pictures, reals }: Omit<Fixed, "id">) {
  const photographs = source.data === "painted" ? null : pictures;
  return { reals: new Uint8Array(await reals.arrayBuffer()), photographs };
}

export function checkpointBlob(bytes: Uint8Array): Blob {
  return new Blob([bytes as Uint8Array<ArrayBuffer>], { type: "application/octet-stream" });
}

/** In slices, so that the worker can answer calls in between. */
async function paint({ emit }: SessionHost, { size, seed }: Config): Promise<Pictures> {
  const onProgress = (done: number, total: number) => emit({ type: "progress", what: "painting cats", done, total });
  const pictures = await paintDataSet(size, seed, onProgress);
  onProgress(pictures.count, pictures.count);
  return pictures;
}
