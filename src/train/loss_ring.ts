/**
 * The losses of the last 64 steps, in a ring on the GPU. Reading a number back means waiting for the GPU, so the host
 * reads many steps at once, while training continues.
 */
import { GpuError } from "../gpu/gpu.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { recordLosses } from "../kernels/loss.ts";

/** The losses and scores of one step. */
export interface StepRecord {
  /** From 1. */
  readonly step: number;
  readonly dLoss: number;
  readonly gLoss: number;
  /** Mean scores σ(D(·)) of the real and of the fake pictures, by the D before the step. */
  readonly dReal: number;
  readonly dFake: number;
  /** R1 and R2 together, γ/2 · E‖∇D‖², without the weight for the steps between them; 0 on steps without a penalty. */
  readonly penalty: number;
  /** Whether all of these and, after the step, all parameters are finite. The GPU checks the parameters. */
  readonly finite: boolean;
}

/** Where a step's losses are on the GPU, as `recordLosses` takes them. */
export interface StepLosses {
  /** (loss, mean score) of the real pictures in the first row of `real`, of the fakes in the last row of `fake`. */
  readonly real: Tensor;
  readonly fake: Tensor;
  /** (loss, mean score) of G. */
  readonly fooled: Tensor;
  /** [1] */
  readonly penalty: Tensor;
}

const slots = 64;
/** Words of a slot, as record_losses.wgsl writes them: five floats, the step, the flag, one unused. */
const slotWords = 8;
const [stepAt, flagAt] = [5, 6];

export class LossRing {
  /** [1] Adam sets it where a parameter is not finite. It stays set: such a run cannot recover by itself. */
  readonly notFinite: Tensor;
  private readonly ring: Tensor;
  /** The last step whose record was read. */
  private lastRead = 0;

  constructor(private readonly stream: Stream) {
    this.ring = stream.persistent("loss ring", [slots, slotWords]);
    this.notFinite = stream.persistent("flag", [1]);
  }

  /** Copies a step's losses into its slot. @param step word 0 is the step */
  append(step: Tensor, losses: StepLosses): void {
    recordLosses(this.stream, step, losses, this.notFinite, this.ring);
  }

  /** @throws Error when this step would overwrite losses that have not been read */
  checkRoom(step: number): void {
    if (step - this.lastRead <= slots) return;
    throw new Error(`trainStep: step ${step} would overwrite the losses of step ${this.lastRead + 1}: read them first`);
  }

  /** The unread records up to this step, in order. */
  async readTo(last: number): Promise<StepRecord[]> {
    const first = this.lastRead + 1;
    this.lastRead = last;
    if (first > last) return [];
    const words = new Uint32Array(await this.stream.readBytes(this.ring));
    return Array.from({ length: last - first + 1 }, (_, i) => recordOf(words, first + i));
  }

  /** Restarts after a step: earlier losses will not be read, and everything counts as finite. */
  restart(step: number): void {
    this.stream.write(this.notFinite, new Uint32Array(1));
    this.lastRead = step;
  }

  destroy(): void {
    for (const tensor of [this.ring, this.notFinite]) this.stream.destroy(tensor);
  }
}

/** @throws GpuError when another step's losses are in this step's slot */
function recordOf(words: Uint32Array<ArrayBuffer>, step: number): StepRecord {
  const at = (step % slots) * slotWords;
  if (words[at + stepAt] !== step) {
    throw new GpuError(`losses of step ${step}: the GPU recorded step ${words[at + stepAt]} in its place`);
  }
  const numbers = new Float32Array(words.buffer, at * 4, stepAt);
  const [dLoss, gLoss, dReal, dFake, penalty] = numbers;
  const finite = words[at + flagAt] === 0 && numbers.every(Number.isFinite);
  return { step, dLoss, gLoss, dReal, dFake, penalty, finite };
}
