/** A run on the GPU: its stream, its trainer and what is measured of it, built from a state and torn down again. */
import type { Pictures } from "../../data/pictures.ts";
import type { Gpu } from "../../gpu/gpu.ts";
import type { Stream } from "../../gpu/stream.ts";
import { checkpointInfo, type RunState } from "../../train/checkpoint.ts";
import { chooseVariants } from "../../train/choose_variants.ts";
import type { Config } from "../../train/config.ts";
import { compileAhead, type Plan, planWithin, TooLargeError } from "../../train/plan.ts";
import { type Quality, QualityMeter } from "../../train/quality.ts";
import { restore } from "../../train/save_restore.ts";
import { Trainer } from "../../train/trainer.ts";
import { newStream } from "./device.ts";
import type { SessionHost } from "./host.ts";

export class GpuRun {
  /** Null before the first build, and while the run goes back after a failure. */
  trainer: Trainer | null = null;
  private stream: Stream | null = null;
  private meter: QualityMeter | null = null;

  constructor(
    private readonly host: SessionHost,
    private readonly pictures: Pictures,
  ) {}

  /** The device of the last build, which may be lost; null before the first. */
  get gpu(): Gpu | null {
    return this.stream?.gpu ?? null;
  }

  /**
   * Builds everything from a state. If that fails, `trainer` and `gpu` are those of the attempt, until `tearDown`.
   * @param state what the run continues from, with its own choice of kernels; null: from the beginning
   */
  async build(config: Config, state: RunState | null): Promise<Trainer> {
    const { host } = this;
    this.tearDown();
    const { convolutions } = await prepareKernels(host, config, state);
    const stream = newStream(await host.device());
    this.stream = stream;
    host.view.use(stream);
    if (state === null) {
      await chooseVariants(stream, convolutions, "auto", host.variants, (done, total) =>
        host.emit({ type: "progress", what: "choosing kernels for this GPU", done, total }),
      );
    }
    const trainer = new Trainer(stream, { ...config }, this.pictures);
    this.trainer = trainer;
    // The settings may have changed since the state was saved.
    if (state) restore(trainer, { ...state, metadata: { ...state.metadata, config: JSON.stringify(config) } });
    await trainer.prepare();
    await trainer.previewSampler.prepare();
    return trainer;
  }

  async measure(): Promise<Quality> {
    this.meter ??= new QualityMeter(this.trainer!);
    return await this.meter.measure();
  }

  tearDown(): void {
    this.meter?.destroy();
    this.trainer?.destroy();
    this.stream?.dispose();
    this.meter = this.trainer = this.stream = null;
  }
}

/**
 * Starts compiling everything that the run will need, while other things are done.
 * @throws Error where the adapter's limits are too small: says what would fit
 */
export async function prepareKernels(host: SessionHost, config: Config, state: RunState | null): Promise<Plan> {
  const { gpu } = await host.device();
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
