/** The training loop around the step: losses, samples and checkpoints come out of it; a terminal or a page shows them. */
import type { Pictures } from "../data/pictures.ts";
import { DivergedError, encodeCheckpoint, type PictureSource } from "./checkpoint.ts";
import type { StepRecord, Trainer } from "./trainer.ts";

/** A step's record with what it took. */
export interface TimedRecord extends StepRecord {
  /** Milliseconds by the clock from one readback to the next, without samples and checkpoints, shared evenly among the steps. */
  readonly ms: number;
}

/** What comes out of a run. Training waits for each of them. */
export interface RunHooks {
  /** Every step's record, in order, a few at a time. */
  onRecords(records: readonly TimedRecord[]): void | Promise<void>;
  /** The preview after `step` steps. */
  onSample(step: number, pictures: Pictures): void | Promise<void>;
  /** The run's state after `step` steps, a safetensors file to be kept. */
  onCheckpoint(step: number, bytes: Uint8Array): void | Promise<void>;
  /** Measures the pictures of `step` steps, before that step's checkpoint; without this `metricsEvery` does nothing. */
  onMetrics?(step: number): void | Promise<void>;
}

/** Losses are read back after so many steps or so many milliseconds, whichever is first. */
const readEvery = { steps: 16, ms: 250 } as const;
/** Steps whose losses may be unread: the trainer's ring holds 64. */
const mostUnread = 48;

/**
 * Trains until `trainer.totalSteps`: a sample every `sampleEvery` steps, a checkpoint every `saveEvery` epochs, both at
 * the end, and where they are wanted, metrics every `metricsEvery` steps and at the end.
 * @param source goes into the checkpoints
 * @param signal when it is aborted, the step in hand is finished, a checkpoint is kept, and the result is "stopped"
 * @throws DivergedError at the first step whose losses or parameters are not finite; nothing of it is saved
 */
export async function runTraining(
  trainer: Trainer,
  source: PictureSource,
  hooks: RunHooks,
  signal?: AbortSignal,
): Promise<"finished" | "stopped"> {
  const { totalSteps, config, batches } = trainer;
  const stepsPerSave = config.saveEvery * batches.stepsPerEpoch;
  let saved = trainer.step;
  let sampled = -1;
  const { onMetrics } = hooks;
  const measuresAtAll = onMetrics !== undefined && config.metricsEvery > 0;

  let reading: Promise<void> | null = null;
  let failure: unknown = null;
  let asked = { step: trainer.step, at: performance.now() };
  let lastRead = asked.at;
  const read = async () => {
    asked = { step: trainer.step, at: performance.now() };
    const records = await trainer.readRecords();
    const now = performance.now();
    const ms = (now - lastRead) / records.length;
    lastRead = now;
    const bad = records.findIndex(({ finite }) => !finite);
    const good = bad === -1 ? records : records.slice(0, bad);
    if (good.length > 0) await hooks.onRecords(good.map((record) => ({ ...record, ms })));
    if (bad !== -1) throw new DivergedError(divergedText(records[bad].step, notFinite(records[bad]), saved));
  };
  const startReading = () => {
    reading = read()
      .catch((error) => {
        failure = error;
      })
      .finally(() => {
        reading = null;
      });
  };
  /** Waits until the losses of all steps so far are known to be good. */
  const settle = async () => {
    await reading;
    if (failure === null && trainer.step > asked.step) {
      startReading();
      await reading;
    }
    if (failure !== null) throw failure;
  };
  /** Draws before it saves: a run that is killed in between resumes from an earlier step and draws this grid again. */
  const keep = async (what: { sample: boolean; save: boolean }) => {
    // Encoded first: this detects numbers that are not finite, and such a state is not worth a grid.
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
    const { step } = trainer;
    if (reading === null && (step - asked.step >= readEvery.steps || performance.now() - asked.at >= readEvery.ms)) {
      startReading();
    } else if (step - asked.step >= mostUnread) await reading;
    if (failure !== null) throw failure;
    const samples = config.sampleEvery > 0 && step % config.sampleEvery === 0;
    const saves = stepsPerSave > 0 && step % stepsPerSave === 0;
    const measures = measuresAtAll && (step % config.metricsEvery === 0 || step === totalSteps);
    if (!samples && !saves && !measures) continue;
    await settle();
    if (measures) await onMetrics(step);
    await keep({ sample: samples, save: saves });
    // None of them is a step's time.
    lastRead = asked.at = performance.now();
  }
  await settle();
  const finished = trainer.step >= totalSteps;
  await keep({ sample: finished && sampled < trainer.step, save: saved < trainer.step });
  return finished ? "finished" : "stopped";
}

function notFinite({ dLoss, gLoss, penalty }: StepRecord): string {
  const losses = `D's loss ${dLoss}, G's ${gLoss}${penalty !== 0 ? `, the gradient penalty ${penalty}` : ""}`;
  return `numbers are not finite (${losses})`;
}

/** @param what is wrong @param saved the newest checkpoint's step; 0 = none */
export function divergedText(step: number, what: string, saved: number): string {
  const kept = saved > 0 ? `the checkpoint of step ${saved} is intact` : "there is no checkpoint yet";
  return `training diverged at step ${step}: ${what}; ${kept}: try smaller --lr-d and --lr-g`;
}
