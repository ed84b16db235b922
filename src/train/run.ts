/** The training loop around the step. It hands out losses, samples and checkpoints, which a terminal or a page shows. */
import type { Pictures } from "../data/pictures.ts";
import type { PictureSource } from "./checkpoint.ts";
import { DivergedError, divergedText } from "./diverged.ts";
import type { StepRecord } from "./loss_ring.ts";
import { encodeCheckpoint } from "./save_restore.ts";
import type { Trainer } from "./trainer.ts";

/** A step's record with its duration. */
export interface TimedRecord extends StepRecord {
  /** Milliseconds: the time between two readbacks, without samples and checkpoints, divided by the number of steps. */
  readonly ms: number;
}

/** What receives the results of a run. Training waits for each call. */
export interface RunHooks {
  /** The records of every step, in order, several at a time. */
  onRecords(records: readonly TimedRecord[]): void | Promise<void>;
  /** The preview after `step` steps. */
  onSample(step: number, pictures: Pictures): void | Promise<void>;
  /** The run's state after `step` steps, a safetensors file to be kept. */
  onCheckpoint(step: number, bytes: Uint8Array): void | Promise<void>;
  /**
   * Measures the samples' quality after `step` steps, before that step's checkpoint. Without it `metricsEvery` has no
   * effect.
   */
  onMetrics?(step: number): void | Promise<void>;
}

/** Losses are read back after this many steps or this many milliseconds, whichever comes first. */
const readEvery = { steps: 16, ms: 250 } as const;
/** Steps whose losses may be unread. The trainer keeps 64. */
const maxUnread = 48;

/**
 * Trains until `trainer.totalSteps`: a sample every `sampleEvery` steps, a checkpoint every `saveEvery` epochs, both at
 * the end, and with `onMetrics`, metrics every `metricsEvery` steps and at the end.
 * @param source is written into the checkpoints
 * @param signal when it is aborted, the current step is finished, a checkpoint is saved, and the result is "stopped"
 * @throws DivergedError at the first step whose losses or parameters are not finite. Its state is not saved.
 */
export async function runTraining(
  trainer: Trainer,
  source: PictureSource,
  hooks: RunHooks,
  signal?: AbortSignal,
): Promise<"finished" | "stopped"> {
  const { totalSteps, config, batches } = trainer;
  const { onMetrics } = hooks;
  const stepsPerSave = config.saveEvery * batches.stepsPerEpoch;
  let saved = trainer.step;
  let sampled = -1;
  const losses = new LossReader(trainer, async (records) => {
    const bad = records.findIndex(({ finite }) => !finite);
    const good = bad === -1 ? records : records.slice(0, bad);
    if (good.length > 0) await hooks.onRecords(good);
    if (bad !== -1) throw new DivergedError(divergedText(records[bad].step, notFinite(records[bad]), saved));
  });
  /** Samples before it saves: a run that is killed in between resumes from an earlier step and draws this sample again. */
  const keep = async (what: { sample: boolean; save: boolean }) => {
    // Encoded first: this detects numbers that are not finite, and such a state is not worth a sample.
    const bytes = what.save ? await encodeCheckpoint(trainer, source) : null;
    if (what.sample) {
      sampled = trainer.step;
      await hooks.onSample(trainer.step, await trainer.previewSampler.draw());
    }
    if (bytes) {
      await hooks.onCheckpoint(trainer.step, bytes);
      saved = trainer.step;
    }
  };

  while (trainer.step < totalSteps && !signal?.aborted) {
    await trainer.trainStep();
    await losses.readIfDue();
    const { step } = trainer;
    const sample = isDue(step, config.sampleEvery);
    const save = isDue(step, stepsPerSave);
    const measure = config.metricsEvery > 0 && (isDue(step, config.metricsEvery) || step === totalSteps);
    if (!sample && !save && !(measure && onMetrics)) continue;
    await losses.readAll();
    if (measure) await onMetrics?.(step);
    await keep({ sample, save });
    losses.restartClock();
  }
  await losses.readAll();
  const finished = trainer.step >= totalSteps;
  await keep({ sample: finished && sampled < trainer.step, save: saved < trainer.step });
  return finished ? "finished" : "stopped";
}

/** @param every steps or 0 = never */
function isDue(step: number, every: number): boolean {
  return every > 0 && step % every === 0;
}

function notFinite({ dLoss, gLoss, penalty }: StepRecord): string {
  const losses = `D's loss ${dLoss}, G's ${gLoss}${penalty !== 0 ? `, the gradient penalty ${penalty}` : ""}`;
  return `numbers are not finite (${losses})`;
}

/** Reads the losses back while training continues. An error in a readback or in `onRecords` is thrown by the next call. */
class LossReader {
  private reading: Promise<void> | null = null;
  private failure: { error: unknown } | null = null;
  /** The step up to which losses were asked for, and when. */
  private asked: { step: number; at: number };
  private lastRead: number;

  constructor(
    private readonly trainer: Trainer,
    private readonly onRecords: (records: TimedRecord[]) => Promise<void>,
  ) {
    this.asked = { step: trainer.step, at: performance.now() };
    this.lastRead = this.asked.at;
  }

  /** To be called after each step. Waits only when too many losses are unread. */
  async readIfDue(): Promise<void> {
    const unread = this.trainer.step - this.asked.step;
    const waited = performance.now() - this.asked.at;
    if (this.reading === null && (unread >= readEvery.steps || waited >= readEvery.ms)) this.start();
    else if (unread >= maxUnread) await this.reading;
    this.throwFailure();
  }

  /** Waits until the losses of all steps so far are handed out. */
  async readAll(): Promise<void> {
    await this.reading;
    if (this.failure === null && this.trainer.step > this.asked.step) {
      this.start();
      await this.reading;
    }
    this.throwFailure();
  }

  /** Excludes the time since the last readback, which went into something else, from the duration of steps. */
  restartClock(): void {
    this.lastRead = this.asked.at = performance.now();
  }

  private start(): void {
    this.reading = this.read()
      .catch((error) => {
        this.failure = { error };
      })
      .finally(() => {
        this.reading = null;
      });
  }

  private async read(): Promise<void> {
    this.asked = { step: this.trainer.step, at: performance.now() };
    const records = await this.trainer.readRecords();
    const now = performance.now();
    const ms = (now - this.lastRead) / records.length;
    this.lastRead = now;
    await this.onRecords(records.map((record) => ({ ...record, ms })));
  }

  private throwFailure(): void {
    if (this.failure) throw this.failure.error;
  }
}
