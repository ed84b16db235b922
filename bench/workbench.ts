/** Tensors for one case, and its timing: everything is released when the case is done. */

import type { Choices } from "../src/gpu/choices.ts";
import type { Gpu } from "../src/gpu/gpu.ts";
import { Stream } from "../src/gpu/stream.ts";
import type { Tensor } from "../src/gpu/tensor.ts";
import { fill } from "../src/kernels/elementwise.ts";
import { noiseUniform } from "../src/kernels/noise.ts";
import { zeros } from "../src/kernels/zeros.ts";

/** A separate stream, so that nothing is left over from one case to the next. */
export class Workbench {
  readonly stream: Stream;
  private readonly owned: Tensor[] = [];

  /** @param choices variants that convolutions use @param rate see `Pacing.assumeRate`; null: not known */
  constructor(
    readonly gpu: Gpu,
    choices: Choices = new Map(),
    rate: number | null = null,
  ) {
    this.stream = new Stream(gpu);
    this.stream.choices.chosen = choices;
    if (rate !== null) this.stream.pacing.assumeRate(rate);
  }

  /** Uniform numbers in [low, high), different ones in every tensor. */
  random(shape: readonly number[], low = -1, high = 1): Tensor {
    const tensor = this.own(this.stream.persistent("input", shape));
    const key = { seed: 1, purpose: this.owned.length, at: 0 };
    noiseUniform(this.stream, zeros(this.stream, 4), tensor, key, low, high);
    return tensor;
  }

  /** An output full of NaN, which reveals elements that a kernel does not write. */
  output(shape: readonly number[]): Tensor {
    const tensor = this.own(this.stream.persistent("output", shape));
    fill(this.stream, tensor, Number.NaN);
    return tensor;
  }

  /** Words as they are. */
  words(data: Uint32Array<ArrayBuffer>): Tensor {
    const tensor = this.own(this.stream.persistent("words", [data.length]));
    this.stream.write(tensor, data);
    return tensor;
  }

  async dispose(): Promise<void> {
    await this.stream.idle();
    for (const tensor of this.owned) this.stream.destroy(tensor);
    this.stream.dispose();
  }

  private own(tensor: Tensor): Tensor {
    this.owned.push(tensor);
    return tensor;
  }
}
