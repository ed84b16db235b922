/**
 * Quality of a run's samples during training: SWD over a few hundred pictures, always from the same latents and real
 * pictures.
 */
import { type Pictures, pickPictures } from "../data/pictures.ts";
import { Stream } from "../gpu/stream.ts";
import { type Swd, SwdReference } from "../metrics/swd.ts";
import { purposes } from "../random/noise_key.ts";
import { randomPermutation } from "../random/philox.ts";
import { partSize, type Sampler } from "./sampler.ts";
import type { Trainer } from "./trainer.ts";

export interface Quality {
  readonly swd: Swd;
  /** The average SWD of other real pictures, the best that can be expected. */
  readonly floor: number;
  /** The samples that were measured. The command line computes their MS-SSIM as well. */
  readonly drawn: Pictures;
  /** The real pictures behind `floor`. */
  readonly others: Pictures;
}

/** Pictures of each kind, or half of the data set if that is fewer. */
const maxCount = 512;
/** A quarter of the directions of `catgan evaluate`. */
const directions = 128;

export class QualityMeter {
  /** A separate stream: the kernel variants that a run's checkpoints record must not depend on whether it is measured. */
  private readonly stream: Stream;
  private readonly sampler: Sampler;
  private readonly count: number;
  private reference: { reals: SwdReference; floor: number; others: Pictures } | null = null;

  /** @throws Error when the data set has fewer than four pictures: MS-SSIM compares pairs, in each half */
  constructor(private readonly trainer: Trainer) {
    const { stream, pictures, config } = trainer;
    this.count = Math.min(maxCount, Math.floor(pictures.count / 2));
    if (this.count < 2) throw new Error(`metrics: ${pictures.count} pictures, expected at least 4`);
    this.stream = new Stream(stream.gpu);
    this.stream.pacing.submitBudget = stream.pacing.submitBudget;
    this.sampler = trainer.sampler(partSize, config.seed);
  }

  /** Measures the generator as it is now. No step may be trained meanwhile. */
  async measure(): Promise<Quality> {
    this.reference ??= await this.prepare();
    const { reals, floor, others } = this.reference;
    const drawn = await this.sampler.drawFirst(this.count);
    return { swd: await reals.distance(drawn), floor, drawn, others };
  }

  private async prepare(): Promise<{ reals: SwdReference; floor: number; others: Pictures }> {
    const { pictures, config } = this.trainer;
    const { seed } = config;
    const order = randomPermutation(pictures.count, { seed, purpose: purposes.subsets, step: 0 });
    const half = (i: number) => pickPictures(pictures, order.subarray(i * this.count, (i + 1) * this.count));
    const reals = await SwdReference.of(this.stream, half(0), { directions, seed });
    const others = half(1);
    return { reals, floor: (await reals.distance(others)).average, others };
  }

  destroy(): void {
    this.sampler.destroy();
    this.stream.dispose();
  }
}
