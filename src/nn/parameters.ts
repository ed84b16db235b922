/** All parameters of a network in one buffer, so that one dispatch updates, averages or saves all of them. */
import type { Stream } from "../gpu/stream.ts";
import { elements, Tensor } from "../gpu/tensor.ts";
import { fill, lerp } from "../kernels/elementwise.ts";
import { noiseTruncatedNormal, noiseUniform } from "../kernels/noise.ts";
import { zeros } from "../kernels/zeros.ts";
import { purposes } from "../random/noise_key.ts";

/** How a parameter starts. */
export type Initialiser =
  /** Every element this value. */
  | { readonly kind: "constant"; readonly value: number }
  /** Normal, drawn again beyond two stddev. */
  | { readonly kind: "truncated normal"; readonly stddev: number }
  /** Uniform within ±√(6 / (fan in + fan out)): Glorot & Bengio 2010. */
  | { readonly kind: "glorot uniform"; readonly fanIn: number; readonly fanOut: number };

export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly start: Initialiser;
  /**
   * Stays as it starts: a bias before a batch-norm, which takes it out again with the mean. Its gradient is 0 in
   * mathematics; what a GPU computes for it, in two dispatches, is rounding noise, and Adam, which divides by the
   * gradient's own size, would turn that into steps. The same holds for the logit's bias under a relativistic loss.
   */
  readonly fixed?: true;
}

/** Slots start on multiples of this many floats: what a binding's offset may be (256 bytes). */
const slotFloats = 64;

/** Where a network finds its parameters. */
export interface NamedTensors {
  get(name: string): Tensor;
}

/** Named tensors that lie one after the other in one arena. */
export class Arena {
  readonly all: Tensor;
  readonly tensors: ReadonlyMap<string, Tensor>;

  constructor(stream: Stream, label: string, specs: readonly { name: string; shape: readonly number[] }[]) {
    const offsets: number[] = [];
    let floats = 0;
    for (const { shape } of specs) {
      offsets.push(floats);
      floats += Math.ceil(elements(shape) / slotFloats) * slotFloats;
    }
    this.all = stream.persistent(label, [Math.max(floats, slotFloats)]);
    this.tensors = new Map(
      specs.map(({ name, shape }, i) => [name, new Tensor(name, shape, this.all.buffer, offsets[i] * 4)]),
    );
  }

  /** @throws Error when there is no such tensor. */
  get(name: string): Tensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new Error(`there is no tensor ${name}; there are: ${[...this.tensors.keys()].join(", ")}`);
    return tensor;
  }

  destroy(stream: Stream): void {
    stream.destroy(this.all);
  }
}

/** Fills the parameters with their start values: the same for the same seed on the same device. */
export function initialise(stream: Stream, arena: Arena, specs: readonly ParameterSpec[], seed: number): void {
  fill(stream, arena.all, 0);
  for (const [index, { name, start }] of specs.entries()) {
    const tensor = arena.get(name);
    const key = { seed, purpose: purposes.parameters };
    switch (start.kind) {
      case "constant":
        fill(stream, tensor, start.value);
        break;
      case "truncated normal":
        noiseTruncatedNormal(stream, tensor, { ...key, step: nameHash(name) + index }, start.stddev);
        break;
      case "glorot uniform": {
        const limit = Math.sqrt(6 / (start.fanIn + start.fanOut));
        noiseUniform(stream, zeros(stream, 4), tensor, { ...key, at: nameHash(name) + index }, -limit, limit);
      }
    }
  }
}

/** A u32 from a name (FNV-1a): with its place, what tells a parameter's random numbers from the others'. */
function nameHash(name: string): number {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
  return hash >>> 1;
}

/** Parameters with what training them needs: gradients and Adam's two moments. */
export class Trainable {
  readonly values: Arena;
  readonly gradients: Arena;
  readonly m: Arena;
  readonly v: Arena;
  /** Parameter → where its gradient goes. Those of fixed ones are not computed, and stay 0 in the arena. */
  readonly sinks: ReadonlyMap<Tensor, Tensor>;
  /** Number of parameters' numbers, fixed ones included, as the article counts them. */
  readonly count: number;

  constructor(
    stream: Stream,
    label: string,
    readonly specs: readonly ParameterSpec[],
  ) {
    this.values = new Arena(stream, `${label} parameters`, specs);
    this.gradients = new Arena(stream, `${label} gradients`, specs);
    this.m = new Arena(stream, `${label} Adam m`, specs);
    this.v = new Arena(stream, `${label} Adam v`, specs);
    const moving = specs.filter(({ fixed }) => !fixed);
    this.sinks = new Map(moving.map(({ name }) => [this.values.get(name), this.gradients.get(name)]));
    this.count = countParameters(specs);
  }

  destroy(stream: Stream): void {
    for (const arena of [this.values, this.gradients, this.m, this.v]) arena.destroy(stream);
  }
}

export function countParameters(specs: readonly ParameterSpec[]): number {
  return specs.reduce((sum, { shape }) => sum + elements(shape), 0);
}

/** average = decay · average + (1 − decay) · values, over a whole arena. */
export function averageParameters(stream: Stream, values: Arena, average: Arena, decay: number): void {
  lerp(stream, values.all, average.all, decay);
}
