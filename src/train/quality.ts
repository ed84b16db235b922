/** How good the pictures of a run are while it trains: SWD of few pictures, always the same latents and reals. */
import { type Pictures, pickPictures } from "../data/pictures.ts";
import { Stream } from "../gpu/stream.ts";
import { type Swd, SwdReference } from "../metrics/swd.ts";
import { purposes } from "../random/noise_key.ts";
import { randomPermutation } from "../random/philox.ts";
import { partSize, type Sampler } from "./sampler.ts";
import type { Trainer } from "./trainer.ts";

export interface Quality {
  readonly swd: Swd;
  /** What other real pictures score on average. */
  readonly floor: number;
  /** The pictures that were measured; the command line has their MS-SSIM too, which the page does without. */
  readonly drawn: Pictures;
  /** The real ones that the floor is of. */
  readonly others: Pictures;
}

/** Pictures of each kind; half of the data set where that is fewer. */
const most = 512;
/** A quarter of what `catgan evaluate` takes. */
const directions = 128;

export class QualityMeter {
  /** Of its own, so that the run's choices of kernels, which its checkpoints hold, are the same with and without. */
  private readonly stream: Stream;
  private readonly sampler: Sampler;
  private readonly count: number;
  private reference: { reals: SwdReference; floor: number; others: Pictures } | null = null;

  /** @throws Error when the data set has fewer than four pictures: two of each half, as MS-SSIM is of pairs */
  constructor(private readonly trainer: Trainer) {
    const { stream, pictures, config } = trainer;
    this.count = Math.min(most, Math.floor(pictures.count / 2));
    if (this.count < 2) throw new Error(`metrics: ${pictures.count} pictures, expected 4 or more`);
    this.stream = new Stream(stream.gpu);
    this.stream.pacing.submitBudget = stream.pacing.submitBudget;
    this.sampler = trainer.sampler(partSize, 1, config.seed);
  }

  /** Of the generator as it is now. No step may be trained meanwhile. */
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
