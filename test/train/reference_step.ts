/**
 * The losses of one training step in f64, built from the reference implementations in src/reference, as functions of the
 * parameters. Their finite differences are what the captured step's gradients are compared with.
 */
import { batchNormEpsilon } from "../../src/nn/dcgan.ts";
import { discriminatorLayers, generatorLayers, type Layer, parameterSpecs } from "../../src/nn/layers.ts";
import { groupSize } from "../../src/nn/minibatch_group.ts";

import { leakyRelu, leakyReluGradient, tanh } from "../../src/reference/activations.ts";
import { batchNormLeakyRelu } from "../../src/reference/batch_norm.ts";
import { type ConvShape, conv2d, conv2dInputGradient } from "../../src/reference/conv2d.ts";
import { dense, denseInputGradient } from "../../src/reference/dense.ts";
import { hingeLoss } from "../../src/reference/hinge_loss.ts";
import { minibatchStddev, minibatchStddevGradient } from "../../src/reference/minibatch_stddev.ts";
import { sumOfSquares } from "../../src/reference/reduce.ts";
import { relativisticLoss } from "../../src/reference/relativistic_loss.ts";
import { sigmoidCrossEntropy } from "../../src/reference/sigmoid_cross_entropy.ts";
import { smoothFilter } from "../../src/reference/smooth_filter.ts";
import { powerIteration, spectralNorm } from "../../src/reference/spectral_norm.ts";
import { transposedConv2d } from "../../src/reference/transposed_conv2d.ts";
import type { Config } from "../../src/train/config.ts";

/** Parameter → its values. */
export type Values = ReadonlyMap<string, ArrayLike<number>>;

const area = ([height, width, channels]: readonly number[]) => height * width * channels;

export class ReferenceStep {
  constructor(
    private readonly config: Config,
    /** [batch, size, size, 3] */
    private readonly real: ArrayLike<number>,
    /** [batch, z] */
    private readonly latents: ArrayLike<number>,
    /** With spectral normalisation: weight → the vectors u [K] and v [rows] of its power iteration. */
    private readonly singular: ReadonlyMap<string, { u: Float64Array; v: Float64Array }> = new Map(),
  ) {}

  /** G's pictures [batch, size, size, 3]. */
  fakes(g: Values): Float64Array {
    const { config } = this;
    const { batch: N, kernel, slope } = config;
    let h: Float64Array = Float64Array.from(this.latents);
    const layers = generatorLayers(config);
    const specs = parameterSpecs(layers, config);
    for (const { name, kind, input, output, stride, norm, activation } of layers) {
      const [weight, bias] = [g.get(`${name}.weight`)!, g.get(`${name}.bias`)!];
      if (kind === "dense") h = dense(h, weight, bias, { N, C: area(input), K: area(output) });
      else {
        const [R, S, C, K] = specs.find((spec) => spec.name === `${name}.weight`)!.shape;
        const [H, W] = output;
        const filter = R < kernel ? smoothFilter(weight, R, S, C, K) : weight;
        h = transposedConv2d(h, filter, bias, { N, H, W, C, R: kernel, S: kernel, K, stride });
      }
      h = this.activate(h, name, activation, norm, output, g, slope);
    }
    return h;
  }

  private activate(
    x: Float64Array,
    name: string,
    activation: Layer["activation"],
    norm: boolean,
    output: readonly number[],
    values: Values,
    slope: number,
  ): Float64Array {
    if (norm) {
      const [gamma, beta] = [values.get(`${name}.gamma`)!, values.get(`${name}.beta`)!];
      const C = output[2];
      return batchNormLeakyRelu(x, gamma, beta, { groups: 1, rows: x.length / C, C, epsilon: batchNormEpsilon, slope });
    }
    if (activation === "leaky ReLU") return leakyRelu(x, slope);
    return activation === "tanh" ? tanh(x) : x;
  }

  private convShape({ input: [H, W, C], output: [, , K], kernel, stride }: Layer): ConvShape {
    return { N: this.config.batch, H, W, C, R: kernel, S: kernel, K, stride };
  }

  /** A layer's weight as D uses it. */
  private weight(d: Values, layer: string): ArrayLike<number> {
    const name = `${layer}.weight`;
    const vectors = this.singular.get(name);
    return vectors ? spectralNorm(d.get(name)!, vectors.u, vectors.v).y : d.get(name)!;
  }

  /** D's logits [batch], and ∇ₓ of their sum [batch, size, size, 3], for a D without batch-norm. */
  private judge(d: Values, pictures: ArrayLike<number>) {
    const { batch: N, slope } = this.config;
    const layers = discriminatorLayers(this.config);
    const outputs: Float64Array[] = [];
    const [height, width, C] = layers[layers.length - 2].output;
    const compared = { G: groupSize(N), pixels: height * width, C };
    let h: Float64Array = Float64Array.from(pictures);
    for (const layer of layers) {
      const { name, kind, input, output, norm, activation } = layer;
      const [weight, bias] = [this.weight(d, name), d.get(`${name}.bias`)!];
      if (kind === "dense" && this.config.minibatchStddev) h = minibatchStddev(h, compared);
      h =
        kind === "dense"
          ? dense(h, weight, bias, { N, C: area(input), K: area(output) })
          : conv2d(h, weight, bias, this.convShape(layer));
      h = this.activate(h, name, activation, norm, output, d, slope);
      outputs.push(h);
    }
    const gradient = () => {
      let dh: Float64Array = new Float64Array(N).fill(1);
      for (const [i, layer] of [...layers.entries()].reverse()) {
        const { name, kind, input, output, activation } = layer;
        const weight = this.weight(d, name);
        if (activation === "leaky ReLU") dh = leakyReluGradient(dh, outputs[i], slope);
        dh =
          kind === "dense"
            ? denseInputGradient(dh, weight, { N, C: area(input), K: area(output) })
            : conv2dInputGradient(dh, weight, this.convShape(layer));
        if (kind === "dense" && this.config.minibatchStddev) {
          dh = minibatchStddevGradient(dh, outputs[i - 1], compared);
        }
      }
      return dh;
    };
    return { scores: h, gradient };
  }

  /** D's loss in a step with penalties: what its gradients differentiate. @param fakes [batch, size, size, 3] */
  dLoss(d: Values, fakes: ArrayLike<number>): number {
    const { batch, r1, r2, r1Every, smoothing } = this.config;
    const [real, fake] = [this.judge(d, this.real), this.judge(d, fakes)];
    const losses = {
      bce: () => sigmoidCrossEntropy(real.scores, 1 - smoothing) + sigmoidCrossEntropy(fake.scores, 0),
      hinge: () => hingeLoss(real.scores, 1, true) + hingeLoss(fake.scores, -1, true),
      relativistic: () => relativisticLoss(real.scores, fake.scores, 1),
    };
    let penalty = 0;
    if (r1 > 0) penalty += (r1 / 2) * (sumOfSquares(real.gradient()) / batch);
    if (r2 > 0) penalty += (r2 / 2) * (sumOfSquares(fake.gradient()) / batch);
    return losses[this.config.loss]() + r1Every * penalty;
  }

  /** G's loss: what its gradients differentiate. @param d D's parameters after its step */
  gLoss(g: Values, d: Values): number {
    const fake = this.judge(d, this.fakes(g)).scores;
    const losses = {
      bce: () => sigmoidCrossEntropy(fake, 1),
      hinge: () => hingeLoss(fake, 1, false),
      relativistic: () => relativisticLoss(fake, this.judge(d, this.real).scores, 1),
    };
    return losses[this.config.loss]();
  }
}

/** One step of the power iteration of each of D's weights, from vectors u. */
export function singularVectors(d: Values, u: Values) {
  return new Map(
    [...u].map(([name, vector]) => {
      const weight = name.slice(0, -".u".length);
      return [weight, powerIteration(d.get(weight)!, vector)] as const;
    }),
  );
}
