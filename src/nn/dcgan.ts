/** The DCGAN: the forward pass of a generator or a discriminator through the layers of its architecture (layers.ts). */
import type { Tensor } from "../gpu/tensor.ts";
import { batchNorm, batchNormInference } from "../kernels/batch_norm.ts";
import {
  type Architecture,
  discriminatorLayers,
  type GeneratorArchitecture,
  generatorLayers,
  type Layer,
  parameterSpecs,
  runningSpecs,
} from "./layers.ts";
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
import type { Arena, NamedTensors, ParameterSpec } from "./parameters.ts";
import type { Tape } from "./tape.ts";

export const batchNormEpsilon = 1e-5;
export const batchNormMomentum = 0.99;

/** Which statistics batch-norm normalises with. */
export type Normalisation =
  /** The batch's own. */
  | {
      readonly by: "batch";
      /** Number of equal parts of the batch; each has its own statistics and minibatch groups. Default: 1. */
      readonly groups?: number;
      /** Running statistics, updated with those of the first part. */
      readonly running?: Arena;
      /** Called with every layer's moments [3, C]. Only without recording. */
      moments?(layer: string, moments: Tensor): void;
    }
  /** Running statistics. Only without recording. */
  | { readonly by: "running"; readonly running: Arena }
  /** Previously measured moments [3, C], by layer. Only without recording. */
  | { readonly by: "moments"; readonly moments: ReadonlyMap<string, Tensor> };

/** Batch-norm without the leaky ReLU, for drawing pictures; training uses the two fused. */
function normalise(tape: Tape, layer: string, x: Tensor, parameters: NamedTensors, by: Normalisation): Tensor {
  if (tape.recording) {
    throw new Error(
      `${layer}: batch-norm by running statistics or moments, or one that reports its moments, has no gradient: ` +
        "call forward inside tape.noGrad, or normalise by the batch",
    );
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

/** A network's layers. The parameters, trained ones or their average, are passed to `forward`. */
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
   * The network's output, recorded on the tape unless inside `noGrad`.
   * @param x [N, z] latents for a generator, [N, size, size, 3] pictures for a discriminator
   * @param by which statistics batch-norm uses
   * @param pictures [N, size, size, 3], the tensor for a generator's output; default: a new temporary
   * @returns pictures [N, size, size, 3] in [−1, 1], or logits [N, 1]
   */
  forward(tape: Tape, x: Tensor, parameters: NamedTensors, by: Normalisation, pictures?: Tensor): Tensor {
    const { slope } = this.architecture;
    const N = x.shape[0];
    let h = x;
    // Replaces the current activation. `unused`: no backward function reads the old one, so it can be released.
    const next = (value: Tensor, unused = !tape.recording) => {
      if (unused && h !== x && h.buffer !== value.buffer) tape.release(h);
      h = value;
    };
    for (const { name, kind, input, output, stride, norm, activation } of this.layers) {
      let weight = parameters.get(`${name}.weight`);
      const bias = parameters.get(`${name}.bias`);
      if (activation === "logit" && input[2] > h.shape[3]) {
        const parts = by.by === "batch" ? (by.groups ?? 1) : 1;
        next(minibatchStddev(tape, h, groupSize(N / parts)));
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
      // Both activations' gradients are computed from their outputs, and the ops before them do not read their own outputs.
      if (activation === "leaky ReLU") next(leakyRelu(tape, h, slope), true);
      else if (activation === "tanh") next(tanh(tape, h, pictures), true);
    }
    return h;
  }
}

/** G: latents [N, z] → pictures [N, size, size, 3] in [−1, 1]. */
export function generator(architecture: GeneratorArchitecture): Network {
  return new Network(architecture, generatorLayers(architecture));
}

/** D: pictures [N, size, size, 3] → logits [N, 1], higher for pictures that it considers real. */
export function discriminator(architecture: Architecture): Network {
  return new Network(architecture, discriminatorLayers(architecture));
}
