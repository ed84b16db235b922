/**
 * Both networks and every tensor that training changes in them. These tensors and the step number are a run's whole state:
 * noise, the order of the pictures and the learning rates follow from seed and step.
 */
import type { Stream } from "../gpu/stream.ts";
import { discriminator, generator, type Network } from "../nn/dcgan.ts";
import { Arena, averageParameters, initialise, type ParameterSpec, Trainable } from "../nn/parameters.ts";
import { singularVectorSpecs } from "../nn/spectral_norm.ts";
import type { Config } from "./config.ts";

const logitBias = "d.logit.bias";

export class Model {
  readonly generator: Network;
  readonly discriminator: Network;
  /** Parameters, their gradients and Adam's moments. */
  readonly g: Trainable;
  readonly d: Trainable;
  /** Running statistics of both networks' batch-norms. */
  readonly running: Arena;
  /** Exponential moving average of G's parameters, from which samples are drawn; null without EMA. */
  readonly average: Arena | null;
  /** A singular vector of each of D's weights; null without spectral normalisation. */
  readonly singular: Arena | null;

  /** The initial values depend only on the seed. */
  constructor(
    private readonly stream: Stream,
    config: Config,
  ) {
    const { seed } = config;
    this.generator = generator(config);
    this.discriminator = discriminator(config);
    this.g = new Trainable(stream, "G", this.generator.specs);
    this.d = new Trainable(stream, "D", trainedSpecs(this.discriminator.specs, config));
    this.running = new Arena(stream, "batch-norm running", [...this.generator.running, ...this.discriminator.running]);
    this.average = config.ema > 0 ? new Arena(stream, "G average", this.generator.specs) : null;
    const singular = singularVectorSpecs(this.discriminator.specs);
    this.singular = config.spectralNormD ? new Arena(stream, "D singular vectors", singular) : null;

    if (this.singular) initialise(stream, this.singular, singular, seed);
    initialise(stream, this.g.values, this.generator.specs, seed);
    initialise(stream, this.d.values, this.discriminator.specs, seed);
    if (this.average) averageParameters(stream, this.g.values, this.average, 0);
  }

  destroy(): void {
    const { stream, g, d, running, average, singular } = this;
    for (const owner of [g, d, running, average, singular]) owner?.destroy(stream);
  }
}

/**
 * A relativistic loss depends only on differences of logits, so the logit's bias cancels. Its gradient is 0 on paper, but
 * rounding noise on a GPU, from which Adam would make steps. So it stays fixed, like a bias before a batch-norm.
 */
function trainedSpecs(specs: readonly ParameterSpec[], { loss }: Config): readonly ParameterSpec[] {
  if (loss !== "relativistic") return specs;
  return specs.map((spec) => (spec.name === logitBias ? { ...spec, fixed: true } : spec));
}
