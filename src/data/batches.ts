/** A run's batches: the set is shuffled each epoch by seed, pictures are mirrored at random, pixels stay on the GPU. */
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { purposes } from "../random/noise_key.ts";
import { randomPermutation } from "../random/philox.ts";
import type { Pictures } from "./pictures.ts";

/** A picture's highest index bit says that it is mirrored. */
const mirrored = 0x80000000;

export class Batches {
  /** Steps of an epoch; the last partial batch is dropped. */
  readonly stepsPerEpoch: number;
  /** The pictures' pixels, or in `streamed` sets this batch's, packed four bytes a word. */
  readonly pixels: Tensor;
  /** The set is larger than a binding, so every step uploads its batch. */
  readonly streamed: boolean;
  private order: Uint32Array = new Uint32Array(0);
  private epoch = -1;
  private readonly staging: Uint8Array<ArrayBuffer>;

  /** @throws Error when the set has fewer pictures than a batch */
  constructor(
    private readonly stream: Stream,
    private readonly pictures: Pictures,
    private readonly options: { batch: number; seed: number; flips: boolean },
  ) {
    const { count, size, pixels } = pictures;
    const { batch } = options;
    this.stepsPerEpoch = stepsPerEpoch(count, batch);
    const { bindingBytes, bufferBytes } = stream.gpu.limits;
    const pictureBytes = size * size * 3;
    this.streamed = pixels.byteLength > Math.min(bindingBytes, bufferBytes);
    const resident = this.streamed ? batch : count;
    this.pixels = stream.persistent("pictures", [(resident * pictureBytes) / 4]);
    this.staging = new Uint8Array(this.streamed ? batch * pictureBytes : 0);
    if (!this.streamed) stream.write(this.pixels, pixels as Uint8Array<ArrayBuffer>);
  }

  /** Which epoch a step belongs to, and its place there. Steps count from 0. */
  cursor(step: number): { epoch: number; batch: number } {
    return { epoch: Math.floor(step / this.stepsPerEpoch), batch: step % this.stepsPerEpoch };
  }

  /**
   * Writes the entries that `gatherPictures` reads for this step, and in streamed sets uploads the pixels.
   * @param entries one u32 per picture
   */
  select(step: number, entries: Uint32Array): void {
    const { batch, seed, flips } = this.options;
    const epoch = Math.floor(step / this.stepsPerEpoch);
    const first = (step % this.stepsPerEpoch) * batch;
    if (epoch !== this.epoch) {
      this.epoch = epoch;
      this.order = randomPermutation(this.pictures.count, { seed, purpose: purposes.shuffle, step: epoch });
    }
    for (let n = 0; n < batch; n++) {
      const index = this.order[first + n];
      const flip = flips && (scramble(seed ^ scramble(epoch ^ scramble(index))) & 1) === 1;
      entries[n] = (this.streamed ? n : index) + (flip ? mirrored : 0);
      if (this.streamed) {
        const bytes = this.pictures.size ** 2 * 3;
        this.staging.set(this.pictures.pixels.subarray(index * bytes, (index + 1) * bytes), n * bytes);
      }
    }
    if (this.streamed) this.stream.write(this.pixels, this.staging);
  }

  destroy(): void {
    this.stream.destroy(this.pixels);
  }
}

/** Whole batches in a set of pictures. @throws Error when there is none */
export function stepsPerEpoch(count: number, batch: number): number {
  if (count < batch) {
    throw new Error(`--batch ${batch} is larger than the data set of ${count} pictures: use at most --batch ${count}`);
  }
  return Math.floor(count / batch);
}

/** Hashes a u32 (Wellons' lowbias32). */
function scramble(x: number): number {
  let h = x | 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A checksum of a data set: FNV-1a over size, count and every 4th byte. */
export function fingerprint({ size, count, pixels }: Pictures): string {
  let hash = Math.imul(0x811c9dc5 ^ size, 0x01000193) ^ count;
  for (let i = 0; i < pixels.length; i += 4) hash = Math.imul(hash ^ pixels[i], 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
