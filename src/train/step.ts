/**
 * One training step, in the order in which it happens:
 *
 *     pictures → what D sees → D's loss → gradient penalties → Adam(D)
 *              → the new D judges the same fakes → G's loss → Adam(G) → G's average
 *
 * The functions below only append commands. They run once for each kind of step, and the trainer replays what they
 * appended. So nothing here may depend on the step's number: what changes from step to step is in the step buffer.
 */
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { adam } from "../kernels/adam.ts";
import { augmentationWords, augmentParameters } from "../kernels/augment.ts";
import { noiseUniform } from "../kernels/noise.ts";
import { gatherPictures } from "../kernels/pictures.ts";
import type { Normalisation } from "../nn/dcgan.ts";
import { augment } from "../nn/ops.ts";
import { averageParameters, type NamedTensors, type Trainable } from "../nn/parameters.ts";
import { powerIterations, spectrallyNormalised } from "../nn/spectral_norm.ts";
import { Tape } from "../nn/tape.ts";
import { purposes } from "../random/noise_key.ts";
import { adamConstants } from "./adam_rates.ts";
import { type Config, changesOf } from "./config.ts";
import type { LossRing, StepLosses } from "./loss_ring.ts";
import { scoreLosses } from "./losses.ts";
import type { Model } from "./model.ts";
import { gradientPenalty, type Judged, type Penalty } from "./penalties.ts";
import { stepWord } from "./step_buffer.ts";

/** What a step works on. All of these tensors stay where they are between steps. */
export interface StepParts {
  readonly stream: Stream;
  readonly config: Config;
  readonly model: Model;
  /** The data set's pixels, or in streamed sets the batch's (`Batches`). */
  readonly pixels: Tensor;
  /** What changes from step to step (`StepBuffer`). */
  readonly stepBuffer: Tensor;
  readonly losses: LossRing;
  readonly constants: StepConstants;
}

/** Numbers that no step changes. They are uploaded in advance, because a captured step cannot upload. */
export interface StepConstants {
  /** [batch, 1] */
  readonly ones: Tensor;
  /** [1] The gradient that goes into the penalties: their weight in D's loss. */
  readonly penaltyWeight: Tensor;
  /** [1] The penalty recorded in steps without one: 0. */
  readonly noPenalty: Tensor;
}

export function stepConstants(stream: Stream, { batch, r1Every }: Config): StepConstants {
  return {
    ones: stream.from("score gradient", [batch, 1], new Float32Array(batch).fill(1)),
    // Lazy regularisation (Karras et al. 2020, StyleGAN2): a penalty changes slowly and is expensive, so it is
    // computed every r1Every steps with r1Every times the weight. On average over the steps D's gradient stays the same.
    penaltyWeight: stream.from("penalty gradient", [1], [r1Every]),
    noPenalty: stream.persistent("no penalty", [1]),
  };
}

/** The parts, and the tape on which this step is recorded. */
interface Step extends StepParts {
  readonly tape: Tape;
}

/** Appends a whole step. @param penalties those that are due in it */
export function appendStep(parts: StepParts, penalties: readonly Penalty[]): void {
  const step: Step = { ...parts, tape: new Tape(parts.stream) };
  const { tape, losses, stepBuffer } = step;
  const pictures = drawPictures(step);
  const see = augmentation(step);
  const seen = see(pictures.all, augmentationRow.d);
  const weights = discriminatorWeights(step);

  const ofD = trainDiscriminator(step, weights(), seen, penalties);
  if (seen !== pictures.all) tape.release(seen);
  // D's weights have just changed. G's gradient flows through them, but they receive none.
  const fooled = trainGenerator(step, tape.noGrad(weights), pictures, see);

  losses.append(stepBuffer, { ...ofD, fooled });
  tape.reset();
}

// What the networks are shown

interface StepPictures {
  /** [2·batch, size, size, 3] in [−1, 1]: the real pictures, then the fakes. One tensor, so D can judge all in one pass. */
  readonly all: Tensor;
  readonly real: Tensor;
  /** G's output. Both phases use these fakes, so G's forward pass runs once. */
  readonly fake: Tensor;
}

function drawPictures({ tape, stream, config, model, pixels, stepBuffer }: Step): StepPictures {
  const { batch, size, z, seed } = config;
  const { generator, g, running } = model;
  const latents = tape.temporary("latents", [batch, z]);
  noiseUniform(stream, stepBuffer, latents, { seed, purpose: purposes.latent, at: 0 }, -1, 1);
  const all = tape.temporary("real and fake pictures", [2 * batch, size, size, 3]);
  const real = all.slice(0, batch);
  gatherPictures(stream, pixels, stepBuffer, stepWord.pictures, real);
  const fake = generator.forward(tape, latents, g.values, { by: "batch", running }, all.slice(batch, 2 * batch));
  return { all, real, fake };
}

/** Turns pictures [N, size, size, 3] into what D sees of them. @param row which random numbers: see `augmentationRow` */
type See = (x: Tensor, row: number) => Tensor;

/**
 * The random numbers of a step, in batches: D's phase takes the first two for its real and fake pictures. G's phase takes
 * others, as the paper's code does: there D judges changes that it has not just learned from.
 */
const augmentationRow = { d: 0, fakesOfG: 2, realsOfG: 3, end: 4 } as const;

/** Differentiable augmentation (Zhao et al. 2020): all that D sees is changed at random, real pictures and fakes alike. */
function augmentation({ tape, stream, config, stepBuffer }: Step): See {
  const { batch, size, seed } = config;
  const changes = changesOf(config);
  if (!changes) return (x) => x;
  const parameters = tape.temporary("augmentation", [augmentationRow.end * batch, augmentationWords]);
  augmentParameters(stream, stepBuffer, parameters, { seed, purpose: purposes.augmentation }, size, changes);
  return (x, row) => augment(tape, x, { changes, parameters, row: row * batch });
}

// D's phase

/**
 * One update of D, by the summed gradient of its loss and of the penalties.
 * @param seen [2·batch, size, size, 3], the real half first
 */
function trainDiscriminator(
  step: Step,
  weights: NamedTensors,
  seen: Tensor,
  penalties: readonly Penalty[],
): Omit<StepLosses, "fooled"> {
  const { tape, config, model, constants } = step;
  const judged = penalties.length > 0 ? judgeApart(step, weights, seen) : judgeTogether(step, weights, seen);
  // A relativistic loss compares each half with the other. In a single pass the logits of both are in one tensor.
  const opposite = judged.toReversed();
  const main = judged.map(({ scores, sides }, i) => scoreLosses(tape, config, scores, sides, opposite[i].scores));
  const roots = main.map(({ root }) => root);
  let penalty = constants.noPenalty;
  if (penalties.length > 0) {
    penalty = tape.keep(gradientPenalty(tape, penalties, judged, constants.ones));
    roots.push({ y: penalty, dy: constants.penaltyWeight });
  }
  tape.gradientsInto(roots, model.d.sinks);
  update(step, model.d, stepWord.rateD);
  return { real: main[0].losses, fake: main[main.length - 1].losses, penalty };
}

/**
 * Both halves in one pass, which takes fewer dispatches than two. Batch-norm still normalises each half by its own
 * statistics, as two passes would: no score depends on the other half's pictures. The running statistics follow the
 * real half.
 */
function judgeTogether(step: Step, weights: NamedTensors, seen: Tensor): Judged[] {
  const { running } = step.model;
  const scores = judge(step, weights, seen, { by: "batch", running, groups: 2 });
  return [{ sides: ["D(real)", "D(fake)"], x: seen, scores }];
}

/** Each half in a pass of its own, so that with one penalty only one half is differentiated twice. */
function judgeApart(step: Step, weights: NamedTensors, seen: Tensor): Judged[] {
  const { batch } = step.config;
  const { running } = step.model;
  const [real, fake] = [seen.slice(0, batch), seen.slice(batch, 2 * batch)];
  return [
    { sides: ["D(real)"], x: real, scores: judge(step, weights, real, { by: "batch", running }) },
    { sides: ["D(fake)"], x: fake, scores: judge(step, weights, fake, { by: "batch" }) },
  ];
}

/** D's logits. @param x [N, size, size, 3] @returns [N, 1] */
function judge({ tape, model }: Step, weights: NamedTensors, x: Tensor, by: Normalisation): Tensor {
  return model.discriminator.forward(tape, x, weights, by);
}

/**
 * D's weights as they are at the time of a call. With spectral normalisation (Miyato et al. 2018) they are divided by their
 * largest singular values, which are tracked by one power iteration per step.
 */
function discriminatorWeights({ tape, model }: Step): () => NamedTensors {
  const { discriminator, d, singular } = model;
  if (!singular) return () => d.values;
  const v = powerIterations(tape, discriminator.specs, d.values, singular);
  return () => spectrallyNormalised(tape, d.values, singular, v);
}

// G's phase

/** One update of G: it learns from the D that has just been updated, by the same fakes. @returns (loss, mean score) */
function trainGenerator(step: Step, weights: NamedTensors, { real, fake }: StepPictures, see: See): Tensor {
  const { tape, stream, config, model } = step;
  const { g, average } = model;
  // A relativistic loss compares fakes with real pictures, which G cannot change: constants.
  const opposite =
    config.loss === "relativistic"
      ? tape.noGrad(() => judge(step, weights, see(real, augmentationRow.realsOfG), { by: "batch" }))
      : null;
  const scores = judge(step, weights, see(fake, augmentationRow.fakesOfG), { by: "batch" });
  const { losses, root } = scoreLosses(tape, config, scores, ["G"], opposite);
  tape.gradientsInto([root], g.sinks);
  update(step, g, stepWord.rateG);
  if (average) averageParameters(stream, g.values, average, config.ema);
  return losses;
}

/** Adam over all parameters of a network. @param rateAt word of the step buffer */
function update(
  { stream, config, stepBuffer, losses }: Step,
  { gradients, values, m, v }: Trainable,
  rateAt: number,
): void {
  const arenas = { gradient: gradients.all, parameter: values.all, m: m.all, v: v.all };
  adam(stream, stepBuffer, rateAt, arenas, adamConstants(config), losses.notFinite);
}
