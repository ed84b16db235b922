/**
 * A training run: owns its state, captures the step (step.ts) and replays it. Everything random follows from seed and step,
 * so a resumed run computes the same numbers as one that never stopped.
 */
import { Batches, fingerprint } from "../data/batches.ts";
import { previewCount } from "../data/grid.ts";
import type { Pictures } from "../data/pictures.ts";
import type { Recording } from "../gpu/recording.ts";
import type { Stream } from "../gpu/stream.ts";
import { adamRates } from "./adam_rates.ts";
import type { Config } from "./config.ts";
import { LossRing, type StepRecord } from "./loss_ring.ts";
import { Model } from "./model.ts";
import { duePenalties, type Penalty, penaltiesOf } from "./penalties.ts";
import { Sampler } from "./sampler.ts";
import { appendStep, type StepConstants, stepConstants } from "./step.ts";
import { StepBuffer } from "./step_buffer.ts";

export class Trainer {
  readonly model: Model;
  readonly batches: Batches;
  readonly dataFingerprint: string;
  /** Steps done. */
  step = 0;

  private readonly stepBuffer: StepBuffer;
  private readonly losses: LossRing;
  private readonly constants: StepConstants;
  private readonly penalties: readonly Penalty[];
  /** One recording for each list of penalties that is due in some step. */
  private readonly recordings = new Map<string, Recording>();
  private stepping = false;
  private preview: Sampler | null = null;

  /** @throws Error when the pictures do not fit the configuration */
  constructor(
    readonly stream: Stream,
    readonly config: Config,
    readonly pictures: Pictures,
  ) {
    if (pictures.size !== config.size) {
      throw new Error(`trainer: the pictures are ${pictures.size} pixels wide, --size is ${config.size}`);
    }
    this.batches = new Batches(stream, pictures, config);
    this.dataFingerprint = fingerprint(pictures);
    this.model = new Model(stream, config);
    this.stepBuffer = new StepBuffer(stream, config.batch);
    this.losses = new LossRing(stream);
    this.constants = stepConstants(stream, config);
    this.penalties = penaltiesOf(config);
  }

  /** The length of the run in steps. */
  get totalSteps(): number {
    const { steps, epochs } = this.config;
    return steps ?? epochs! * this.batches.stepsPerEpoch;
  }

  /** Captures each kind of step and waits until every shader is compiled. */
  async prepare(): Promise<void> {
    // The first step has every penalty, the second only those with interval 1.
    for (const step of [1, 0]) {
      const due = duePenalties(this.penalties, step);
      const label = stepLabel(due);
      if (!this.recordings.has(label)) this.recordings.set(label, await this.capture(label, due));
    }
    await this.stream.idle();
  }

  private capture(label: string, due: readonly Penalty[]): Promise<Recording> {
    const { stream, config, model, batches, stepBuffer, losses, constants } = this;
    const parts = { stream, config, model, pixels: batches.pixels, stepBuffer: stepBuffer.tensor, losses, constants };
    return stream.capture(label, () => appendStep(parts, due));
  }

  /** @param step from 0 */
  private recordingOf(step: number): Recording {
    return this.recordings.get(stepLabel(duePenalties(this.penalties, step)))!;
  }

  /** Nominal flops of a step: the mean over steps with and without penalties. */
  get flopsPerStep(): number {
    const { r1Every } = this.config;
    return (this.recordingOf(0).flops + (r1Every - 1) * this.recordingOf(1).flops) / r1Every;
  }

  /** Dispatches of a step without penalties, or, when every step has them, of one with. */
  get dispatchesPerStep(): number {
    return this.recordingOf(1).dispatches.length;
  }

  /**
   * Trains one step. Resolves when it is submitted, while the GPU is at most a few submits behind.
   * @throws Error when the last call has not resolved, or 64 steps' losses are unread
   */
  async trainStep(): Promise<void> {
    const { config, stepBuffer, batches } = this;
    const t = this.step + 1;
    if (this.stepping) throw new Error(`trainStep: step ${t} is under way: await it before the next`);
    this.losses.checkRoom(t);
    batches.select(this.step, stepBuffer.pictures);
    stepBuffer.upload(t, adamRates(config, t));
    this.stepping = true;
    try {
      await this.stream.replay(this.recordingOf(this.step));
    } finally {
      this.stepping = false;
    }
    this.step = t;
  }

  /** The records of the steps since the last call, in order. Training need not wait for it. */
  readRecords(): Promise<StepRecord[]> {
    return this.losses.readTo(this.step);
  }

  /** A sampler of the generator that users see: the average, or without EMA the trained one. */
  sampler(n: number, seed: number): Sampler {
    const { generator, average, g, running } = this.model;
    return new Sampler(this.stream, generator, {
      parameters: average ?? g.values,
      running: average ? null : running,
      n,
      seed,
    });
  }

  /** The run's own preview: always the same latents. */
  get previewSampler(): Sampler {
    this.preview ??= this.sampler(previewCount(this.config.size), this.config.seed);
    return this.preview;
  }

  /** Call when the model's tensors have been replaced by those of a checkpoint. @param step the checkpoint's */
  restored(step: number): void {
    this.losses.restart(step);
    this.step = step;
  }

  destroy(): void {
    for (const owner of [this.model, this.batches, this.stepBuffer, this.losses, this.preview]) owner?.destroy();
    for (const tensor of Object.values(this.constants)) this.stream.destroy(tensor);
  }
}

function stepLabel(due: readonly Penalty[]): string {
  return ["step", ...due.map(({ name }) => name)].join(" + ");
}
