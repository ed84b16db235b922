/**
 * The DCGAN of the article, by configuration: layer plans, parameters, forward passes.
 *
 * Generator: z → dense → leaky ReLU → (stride-2 transposed conv → batch-norm → leaky ReLU) × d → transposed conv → tanh.
 * Discriminator: (stride-2 conv → batch-norm → leaky ReLU) × d → dense → one logit. At size 128 and base 64 both are the
 * article's, whose discriminator has one stride-1 convolution more before its last.
 */

import type { Tensor } from "../gpu/tensor.ts";
import { batchNorm, batchNormInference } from "../kernels/batch_norm.ts";
import { groupSize } from "./minibatch_group.ts";
import {
  batchNormLeakyRelu,
  batchNormStatistics,
  conv2d,
  dense,
  flatten,
  leakyRelu,
  minibatchStddev,
  reshape,
  smoothFilter,
  tanh,
  transposedConv2d,
} from "./ops.ts";
import type { Arena, Initialiser, NamedTensors, ParameterSpec } from "./parameters.ts";
import type { Tape } from "./tape.ts";

/** What decides the generator's shape. */
export interface GeneratorArchitecture {
  /** Pictures are size × size: 16, 32, 64 or 128. */
  readonly size: number;
  /** Channels of the generator's last hidden layer. */
  readonly base: number;
  /** Length of the latent vector. */
  readonly z: number;
  /** Filters are kernel × kernel. */
  readonly kernel: number;
  /** Of the leaky ReLU below zero. */
  readonly slope: number;
  /** Stride-2 transposed filters as a (kernel − 1)² parameter convolved with a 2×2 box. */
  readonly smoothFilter: boolean;
}

/** What decides both networks' shapes. */
export interface Architecture extends GeneratorArchitecture {
  /** Channels of the discriminator's first layer. */
  readonly baseD: number;
  readonly normD: "batch" | "none";
  /** Batch-norm on the discriminator's first layer too, as the article's notebook has it. */
  readonly normDFirst: boolean;
  /** D's logit layer sees how much pictures differ, in a channel more. */
  readonly minibatchStddev: boolean;
}

export const batchNormEpsilon = 1e-5;
export const batchNormMomentum = 0.99;

/** One layer, for tables. Shapes are [height, width, channels]. */
export interface Layer {
  readonly name: string;
  readonly kind: "dense" | "conv" | "transposed conv";
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly kernel: number;
  readonly stride: number;
  /** Batch-norm before the activation, which is then leaky ReLU. */
  readonly norm: boolean;
  readonly activation: "leaky ReLU" | "tanh" | "logit";
}

const one: Initialiser = { kind: "constant", value: 1 };
const zero: Initialiser = { kind: "constant", value: 0 };
const filterStddev = 0.02;

/** Side of the first feature map: 8 at 128, as the article; else 4. */
function startSize(size: number): number {
  return size === 128 ? 8 : 4;
}

export function generatorLayers({ size, base, z, kernel }: GeneratorArchitecture): Layer[] {
  const start = startSize(size);
  const doublings = Math.log2(size / start);
  let channels = base * 2 ** doublings;
  let side = start;
  const layers: Layer[] = [
    {
      name: "g.dense",
      kind: "dense",
      input: [1, 1, z],
      output: [side, side, channels],
      kernel: 1,
      stride: 1,
      norm: false,
      activation: "leaky ReLU",
    },
  ];
  for (let i = 1; i <= doublings; i++) {
    layers.push({
      name: `g.up${i}`,
      kind: "transposed conv",
      input: [side, side, channels],
      output: [2 * side, 2 * side, channels / 2],
      kernel,
      stride: 2,
      norm: true,
      activation: "leaky ReLU",
    });
    side *= 2;
    channels /= 2;
  }
  layers.push({
    name: "g.rgb",
    kind: "transposed conv",
    input: [side, side, channels],
    output: [side, side, 3],
    kernel,
    stride: 1,
    norm: false,
    activation: "tanh",
  });
  return layers;
}

export function discriminatorLayers({
  size,
  baseD,
  kernel,
  normD,
  normDFirst,
  minibatchStddev,
}: Architecture): Layer[] {
  const strides = Array.from({ length: Math.log2(size / startSize(size)) }, () => 2);
  if (size === 128) strides.splice(-1, 0, 1);
  const layers: Layer[] = [];
  let side = size;
  let channels = 3;
  for (const [i, stride] of strides.entries()) {
    const output = [side / stride, side / stride, baseD * 2 ** i];
    layers.push({
      name: `d.conv${i + 1}`,
      kind: "conv",
      input: [side, side, channels],
      output,
      kernel,
      stride,
      norm: normD === "batch" && (i > 0 || normDFirst),
      activation: "leaky ReLU",
    });
    [side, , channels] = output;
  }
  layers.push({
    name: "d.logit",
    kind: "dense",
    input: [side, side, minibatchStddev ? channels + 1 : channels],
    output: [1, 1, 1],
    kernel: 1,
    stride: 1,
    norm: false,
    activation: "logit",
  });
  return layers;
}

/** The parameters of a network's layers, in order. Filters are [R,S,in,out], of transposed convolutions [R,S,out,in]. */
export function parameterSpecs(layers: readonly Layer[], architecture: GeneratorArchitecture): ParameterSpec[] {
  return layers.flatMap(({ name, kind, input, output, kernel, stride, norm }) => {
    const channels = output[2];
    const specs: ParameterSpec[] = [];
    if (kind === "dense") {
      const fanIn = input[0] * input[1] * input[2];
      const fanOut = output[0] * output[1] * output[2];
      specs.push({ name: `${name}.weight`, shape: [fanIn, fanOut], start: { kind: "glorot uniform", fanIn, fanOut } });
      specs.push({ name: `${name}.bias`, shape: [fanOut], start: zero });
    } else {
      const smooth = architecture.smoothFilter && kind === "transposed conv" && stride === 2;
      const side = smooth ? kernel - 1 : kernel;
      const shape = kind === "conv" ? [side, side, input[2], channels] : [side, side, channels, input[2]];
      // The box takes ¼ of four taps, so what it smooths starts four times as wide.
      const stddev = filterStddev * (smooth ? 4 : 1);
      specs.push({ name: `${name}.weight`, shape, start: { kind: "truncated normal", stddev } });
      specs.push({ name: `${name}.bias`, shape: [channels], start: zero, ...(norm && { fixed: true }) });
    }
    if (norm) {
      specs.push({ name: `${name}.gamma`, shape: [channels], start: one });
      specs.push({ name: `${name}.beta`, shape: [channels], start: zero });
    }
    return specs;
  });
}

/** The running averages of a network's batch-norms: `<layer>.running` [3, C]: mean, variance, weight. */
export function runningSpecs(layers: readonly Layer[]): { name: string; shape: readonly number[] }[] {
  return layers
    .filter(({ norm }) => norm)
    .map(({ name, output }) => ({ name: `${name}.running`, shape: [3, output[2]] }));
}

/**
 * How batch-norm normalises: by the batch, whose rows may fall into groups that are normalised (and compared) apart, moving running
 * averages towards the first group's statistics or showing each layer's moments; or by running averages; or by moments
 * that were measured before, layer by layer.
 */
export type Normalisation =
  | {
      readonly by: "batch";
      readonly groups?: number;
      readonly running?: Arena;
      moments?(layer: string, moments: Tensor): void;
    }
  | { readonly by: "running"; readonly running: Arena }
  | { readonly by: "moments"; readonly moments: ReadonlyMap<string, Tensor> };

/** A layer's batch-norm by itself, for drawing; training has it fused with the leaky ReLU behind it. */
function normalise(tape: Tape, layer: string, x: Tensor, parameters: NamedTensors, by: Normalisation): Tensor {
  if (tape.isRecording) {
    // The gradient goes through the batch's own statistics, which the fused kernels do not show.
    throw new Error(`${layer}: batch-norm that shows or is given its moments has no gradient here: use noGrad`);
  }
  const gamma = parameters.get(`${layer}.gamma`);
  const beta = parameters.get(`${layer}.beta`);
  let moments: Tensor;
  if (by.by === "batch") {
    moments = batchNormStatistics(tape, x, batchNormEpsilon);
    by.moments?.(layer, moments);
  } else if (by.by === "running") {
    moments = tape.temporary("batch norm moments", [3, gamma.size]);
    batchNormInference(tape.stream, by.running.get(`${layer}.running`), moments, batchNormEpsilon);
  } else moments = by.moments.get(layer)!;
  const y = tape.temporary("batch norm", x.shape);
  batchNorm(tape.stream, x, moments, gamma, beta, y);
  return y;
}

/** A network: its layers applied to an input, under parameters that may be the trained ones or their average. */
export class Network {
  readonly specs: readonly ParameterSpec[];
  readonly running: readonly { name: string; shape: readonly number[] }[];

  constructor(
    readonly architecture: GeneratorArchitecture,
    readonly layers: readonly Layer[],
  ) {
    this.specs = parameterSpecs(layers, architecture);
    this.running = runningSpecs(layers);
  }

  /**
   * @param x [N, z] for a generator, [N, size, size, 3] for a discriminator
   * @param pictures [N, size, size, 3], where a generator is to write; a new tensor when left out
   * @returns pictures in [−1, 1], or logits [N, 1]
   */
  forward(tape: Tape, x: Tensor, parameters: NamedTensors, by: Normalisation, pictures?: Tensor): Tensor {
    const { slope } = this.architecture;
    const N = x.shape[0];
    let h = x;
    // Goes on to the next activation; `unused` says that going back will not need the one before.
    const next = (value: Tensor, unused = !tape.isRecording) => {
      if (unused && h !== x && h.buffer !== value.buffer) tape.release(h);
      h = value;
    };
    for (const { name, kind, input, output, stride, norm, activation } of this.layers) {
      let weight = parameters.get(`${name}.weight`);
      const bias = parameters.get(`${name}.bias`);
      if (activation === "logit" && input[2] > h.shape[3]) {
        const apart = by.by === "batch" ? (by.groups ?? 1) : 1;
        next(minibatchStddev(tape, h, groupSize(N / apart)));
      }
      if (kind === "dense") {
        next(dense(tape, flatten(tape, h), weight, bias));
        if (activation !== "logit") next(reshape(tape, h, [N, ...output]));
      } else if (kind === "conv") next(conv2d(tape, h, weight, bias, stride));
      else {
        if (this.architecture.smoothFilter && stride === 2) weight = smoothFilter(tape, weight);
        next(transposedConv2d(tape, h, weight, bias, stride));
      }
      if (norm && by.by === "batch" && !by.moments) {
        const [gamma, beta] = [parameters.get(`${name}.gamma`), parameters.get(`${name}.beta`)];
        const averages = by.running?.get(`${name}.running`);
        const running = averages && { averages, momentum: batchNormMomentum };
        const { groups } = by;
        next(batchNormLeakyRelu(tape, h, gamma, beta, { epsilon: batchNormEpsilon, slope, groups, running }));
        continue;
      }
      if (norm) next(normalise(tape, name, h, parameters, by));
      // Both activations go back by their output, and nothing before them needs its own.
      if (activation === "leaky ReLU") next(leakyRelu(tape, h, slope), true);
      else if (activation === "tanh") next(tanh(tape, h, pictures), true);
    }
    return h;
  }
}

export function generator(architecture: GeneratorArchitecture): Network {
  return new Network(architecture, generatorLayers(architecture));
}

export function discriminator(architecture: Architecture): Network {
  return new Network(architecture, discriminatorLayers(architecture));
}
