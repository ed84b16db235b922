/**
 * The words that differ from step to step. A captured step is replayed with the same arguments every time, so whatever
 * changes is read from this buffer, which is uploaded before each replay.
 */
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** Where each value is. Word 0 is fixed by the shaders that draw random numbers: it is their counter. */
export const stepWord = { step: 0, rateD: 1, rateG: 2, pictures: 16 } as const;

export class StepBuffer {
  readonly tensor: Tensor;
  /** One word per picture of the batch, as `gatherPictures` reads them. To be filled before `upload`. */
  readonly pictures: Uint32Array;
  private readonly words: Uint32Array<ArrayBuffer>;
  private readonly floats: Float32Array;

  constructor(
    private readonly stream: Stream,
    batch: number,
  ) {
    this.words = new Uint32Array(Math.ceil((stepWord.pictures + batch) / 4) * 4);
    this.floats = new Float32Array(this.words.buffer);
    this.pictures = this.words.subarray(stepWord.pictures, stepWord.pictures + batch);
    this.tensor = stream.persistent("step", [this.words.length]);
  }

  /** Not to be called again before the step is submitted. @param step from 1 @param rates Adam's, of both networks */
  upload(step: number, rates: { d: number; g: number }): void {
    this.words[stepWord.step] = step;
    this.floats[stepWord.rateD] = rates.d;
    this.floats[stepWord.rateG] = rates.g;
    this.stream.write(this.tensor, this.words);
  }

  destroy(): void {
    this.stream.destroy(this.tensor);
  }
}
