/**
 * One run, open, as the user steers it: play, pause, save, change, close. What keeps it alive on the GPU is in live_run.ts,
 * the run's data and storage in open_run.ts. worker.ts calls the methods one after the other.
 */
import { whenChanged } from "../../train/changes.ts";
import { type Config, checkConfig } from "../../train/config.ts";
import { DivergedError } from "../../train/diverged.ts";
import { runTraining } from "../../train/run.ts";
import { encodeCheckpoint, saveState } from "../../train/save_restore.ts";
import type { CheckpointDownload, NewRun, Phase, Photographs, WorkerEvent } from "../protocol.ts";
import { reasonOf } from "../reason.ts";
import type { SessionHost } from "./host.ts";
import { LiveRun } from "./live_run.ts";
import { checkpointBlob, OpenRun } from "./open_run.ts";
import { TrainingOutput } from "./training_output.ts";

export class Session {
  private readonly live: LiveRun;
  private readonly output: TrainingOutput;
  private controller: AbortController | null = null;
  private training: Promise<void> | null = null;
  /** Whether training should continue after an interruption. */
  private playing = false;

  private constructor(
    private readonly host: SessionHost,
    private readonly run: OpenRun,
  ) {
    this.live = new LiveRun(host, run);
    this.output = new TrainingOutput(run, this.live, () => this.controller?.abort());
  }

  /** Makes a new run. @throws Error for the user: what is wrong with the configuration, the pictures or the storage */
  static async create(host: SessionHost, newRun: NewRun): Promise<Session> {
    const session = new Session(host, await OpenRun.create(host, newRun));
    try {
      await session.announce();
      await session.live.buildFirst(null);
    } catch (error) {
      await session.discard();
      // The first error is the one to report. A run that stays in the list can be deleted there.
      await host.store.remove(session.id).catch(() => {});
      throw error;
    }
    session.live.rest();
    return session;
  }

  /**
   * Opens a saved run, paused.
   * @param brought become the run's pictures if it arrived without them
   * @throws Error for the user
   */
  static async open(host: SessionHost, id: string, brought: Photographs | null): Promise<Session> {
    const { run, state, warnings } = await OpenRun.load(host, id, brought);
    const session = new Session(host, run);
    await session.announce();
    for (const text of warnings) run.emit({ type: "note", text });
    await session.live.buildFirst(state);
    session.live.rest();
    return session;
  }

  get id(): string {
    return this.run.id;
  }

  set name(name: string) {
    this.run.name = name;
  }

  get step(): number {
    return this.live.step;
  }

  get phase(): Phase {
    return this.live.phase;
  }

  /** The events that bring a new watcher up to date. */
  async snapshot(): Promise<WorkerEvent[]> {
    return [...(await this.run.snapshot()), { type: "phase", phase: this.phase }];
  }

  play(): void {
    const { trainer, atEnd } = this.live;
    if (this.training || trainer === null || atEnd) return;
    this.playing = true;
    this.training = this.train()
      .catch((error) => {
        this.playing = false;
        this.live.fail({ kind: "other", message: reasonOf(error) });
      })
      .finally(() => {
        this.training = null;
      });
  }

  async pause(): Promise<void> {
    this.playing = false;
    this.controller?.abort();
    this.host.endGpuWait();
    await this.training;
    await this.live.preview.settled();
  }

  async oneStep(): Promise<void> {
    const { trainer, atEnd } = this.live;
    if (this.training || trainer === null || atEnd) return;
    try {
      await trainer.trainStep();
      const records = await trainer.readRecords();
      if (!records.every(({ finite }) => finite)) {
        throw new DivergedError(`at step ${trainer.step}, numbers are not finite`);
      }
      this.run.addRows(
        records.map((record) => ({ ...record, ms: 0 })),
        trainer.stream.gpu.counts.bytes,
      );
      await this.live.preview.draw(trainer);
      this.live.rest();
    } catch (error) {
      if (await this.live.recover(error)) this.live.rest();
    }
  }

  async save(): Promise<void> {
    // While the run goes back to its last save, there is nothing new.
    if (!this.live.trainer) return;
    await this.paused(async () => {
      const { trainer } = this.live;
      if (!trainer) return;
      if (this.run.savedStep === trainer.step) await this.run.retry();
      else await this.output.keep(trainer.step, await encodeCheckpoint(trainer, this.run.source));
    });
  }

  /** The run as it is now, without using the storage. @throws Error when there is no state to hand out */
  async download(): Promise<CheckpointDownload> {
    let current = this.run.unsaved;
    if (this.live.trainer && this.phase !== "failed") {
      await this.paused(async () => {
        const { trainer } = this.live;
        if (!trainer) return;
        const bytes = await encodeCheckpoint(trainer, this.run.source);
        // A lost device answers with meaningless numbers.
        trainer.stream.gpu.checkAlive();
        current = { step: trainer.step, bytes };
      });
    }
    if (current === null) return await this.run.storedCheckpoint();
    return { file: checkpointBlob(current.bytes), step: current.step, warning: null };
  }

  /** Changes what can be changed without a new run. @throws Error for the user, with nothing changed */
  async change(changes: Partial<Config>): Promise<void> {
    const { run, live } = this;
    const before = run.config;
    const config = { ...before, ...changes };
    checkConfig(config);
    const keys = (Object.keys(changes) as (keyof Config)[]).filter((key) => changes[key] !== before[key]);
    if (!live.trainer) throw new Error("the run is not ready: change its settings while it is training or paused");
    const fixed = keys.find((key) => whenChanged(key, before, config) === "new run");
    if (fixed) throw new Error(`${fixed} cannot be changed in a run: start a new run with it`);
    await this.paused(async () => {
      const { trainer } = live;
      if (!trainer) throw new Error("the run has stopped: continue it, then change its settings");
      run.config = config;
      if (keys.every((key) => whenChanged(key, config, config) === "at once")) Object.assign(trainer.config, config);
      else {
        const state = await saveState(trainer, run.source);
        try {
          await live.rebuild(state);
        } catch (error) {
          if (!(await this.recover(error))) return;
        }
      }
      await run.changeConfig(run.config);
      run.emit({ type: "config", config: run.config, totalSteps: live.trainer!.totalSteps });
      if (!this.playing) live.rest();
    });
  }

  /** Saves and closes the run. @throws Error when it cannot be saved: the run then stays open */
  async close(): Promise<void> {
    await this.pause();
    if (this.phase !== "failed") await this.save();
    if (this.run.unsaved) {
      throw new Error("the run stays open, as it could not be saved: download it, or close it without saving");
    }
    await this.discard();
  }

  /** Closes the run as it is: from now on nothing is saved or sent to the page. */
  async discard(): Promise<void> {
    this.run.discard();
    await this.pause();
    this.live.tearDown();
  }

  // Training

  /** Trains until the end or until it is paused, through failures that it can recover from. */
  private async train(): Promise<void> {
    const { live, run } = this;
    while (this.playing && !live.atEnd) {
      live.setPhase("training");
      this.controller = new AbortController();
      try {
        await runTraining(live.trainer!, run.source, this.output.hooks(), this.controller.signal);
      } catch (error) {
        if (run.discarded || !(await this.recover(error))) return;
      }
    }
    live.rest();
  }

  /** Does something between two steps. If the run was training, it continues afterwards. */
  private async paused(work: () => Promise<void>): Promise<void> {
    const trained = this.training !== null;
    await this.pause();
    try {
      await work();
    } finally {
      if (trained) this.play();
    }
  }

  /** @returns whether training can continue */
  private async recover(error: unknown): Promise<boolean> {
    const recovered = await this.live.recover(error);
    if (!recovered) this.playing = false;
    return recovered;
  }

  private async announce(): Promise<void> {
    for (const event of await this.snapshot()) this.run.emit(event);
  }
}
