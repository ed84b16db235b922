/** All parameters of a network in one buffer, so that one dispatch updates, averages or copies all of them. */
import type { Stream } from "../gpu/stream.ts";
import { elements, Tensor } from "../gpu/tensor.ts";
import { fill, lerp } from "../kernels/elementwise.ts";
import { noiseTruncatedNormal, noiseUniform } from "../kernels/noise.ts";
import { zeros } from "../kernels/zeros.ts";
import { purposes } from "../random/noise_key.ts";

/** The initial values of a parameter. */
export type Initialiser =
  /** The same value everywhere. */
  | { readonly kind: "constant"; readonly value: number }
  /** Normal with mean 0; values beyond two standard deviations are drawn again. */
  | { readonly kind: "truncated normal"; readonly stddev: number }
  /** Uniform in ±√(6 / (fanIn + fanOut)) (Glorot and Bengio 2010). */
  | { readonly kind: "glorot uniform"; readonly fanIn: number; readonly fanOut: number };

export interface ParameterSpec {
  /** Unique within the network: `g.up1.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly start: Initialiser;
  /**
   * Not trained: a bias before a batch-norm, which subtracts it again with the mean. Its exact gradient is 0. Computed in
   * f32 it is rounding noise, and Adam, which divides by the gradient's own magnitude, would turn that into full steps.
   * The same holds for the logit's bias under a relativistic loss.
   */
  readonly fixed?: true;
}

/** Tensors start at multiples of this many floats, since a binding's offset must be a multiple of 256 bytes. */
const slotFloats = 64;

/** Tensors by name: an arena, or tensors computed from one. */
export interface NamedTensors {
  get(name: string): Tensor;
}

/** Named tensors, one after the other in one persistent buffer. */
export class Arena {
  /** The whole buffer as one tensor, including the gaps between the named ones. */
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

  /** @throws Error when no tensor has this name */
  get(name: string): Tensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new Error(`unknown tensor ${name}; expected one of ${[...this.tensors.keys()].join(", ")}`);
    return tensor;
  }

  destroy(stream: Stream): void {
    stream.destroy(this.all);
  }
}

/**
 * Fills parameters with their initial values. The same seed gives the same numbers on the same device.
 * @param specs the specs that the arena was made from
 * @param seed u32
 */
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

/** A hash of a name (FNV-1a, 31 bits). Together with its index it selects a parameter's own random numbers. */
function nameHash(name: string): number {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
  return hash >>> 1;
}

/** Parameters with the state for training them: gradients and Adam's two moments, as four arenas of the same layout. */
export class Trainable {
  readonly values: Arena;
  readonly gradients: Arena;
  readonly m: Arena;
  readonly v: Arena;
  /** Parameter → its gradient, for `Tape.gradientsInto`. Fixed parameters are left out, and their gradients stay 0. */
  readonly sinks: ReadonlyMap<Tensor, Tensor>;
  /** The total number of parameters, including fixed ones, as the article counts them. */
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

/** The total number of elements of these parameters. */
export function countParameters(specs: readonly ParameterSpec[]): number {
  return specs.reduce((sum, { shape }) => sum + elements(shape), 0);
}

/** average = decay · average + (1 − decay) · values, for all tensors of two arenas of the same layout. */
export function averageParameters(stream: Stream, values: Arena, average: Arena, decay: number): void {
  lerp(stream, values.all, average.all, decay);
}
