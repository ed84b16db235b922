/**
 * The training loop's step, built once and replayed: D on real and fake pictures, then G on the same latents.
 * A run's whole state is its parameters, Adam's moments, batch-norm statistics and the step counter: noise, order of
 * pictures and rates all follow from seed and step, so a continued run gives the numbers of one that never stopped.
 */
import { Batches, fingerprint } from "../data/batches.ts";
import type { Pictures } from "../data/pictures.ts";
import { GpuError } from "../gpu/gpu.ts";
import type { Recording } from "../gpu/recording.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { type AdamConstants, adam, adamRate } from "../kernels/adam.ts";
import { augmentationWords, augmentParameters } from "../kernels/augment.ts";
import { recordLosses } from "../kernels/loss.ts";
import { noiseUniform } from "../kernels/noise.ts";
import { gatherPictures } from "../kernels/pictures.ts";
import { discriminator, generator, type Network, type Normalisation } from "../nn/dcgan.ts";
import { augment, sumOfSquares } from "../nn/ops.ts";
import { Arena, averageParameters, initialise, type ParameterSpec, Trainable } from "../nn/parameters.ts";
import { powerIterations, singularVectorSpecs, spectrallyNormalised } from "../nn/spectral_norm.ts";
import { addRecorded, type Root, Tape } from "../nn/tape.ts";
import { purposes } from "../random/noise_key.ts";
import { adamEpsilon, type Config, changesOf } from "./config.ts";
import { rateFactor } from "./learning_rates.ts";
import { scoreLosses } from "./losses.ts";
import { Sampler } from "./sampler.ts";

/** What a step was worth. */
export interface StepRecord {
  /** From 1. */
  readonly step: number;
  readonly dLoss: number;
  readonly gLoss: number;
  /** Mean scores σ(D(·)) of the real and of the fake pictures. */
  readonly dReal: number;
  readonly dFake: number;
  /** R1's and R2's γ/2 · E‖∇D‖² together, not weighted by the steps between; 0 on steps without them. */
  readonly penalty: number;
  /** Whether all of these are finite numbers, and after the step all parameters: those are looked at on the GPU. */
  readonly finite: boolean;
}

/** Words of the step buffer: what changes every step. */
const stepWord = { step: 0, rateD: 1, rateG: 2, pictures: 16 } as const;
const logitBias = "d.logit.bias";
/** Steps whose losses the ring holds. */
const ringSlots = 64;
const ringWords = 8;

export class Trainer {
  readonly generator: Network;
  readonly discriminator: Network;
  readonly g: Trainable;
  readonly d: Trainable;
  /** G's average, which samples are drawn from; null without EMA. */
  readonly average: Arena | null;
  /** A singular vector of each of D's weights; null without spectral normalisation. */
  readonly singular: Arena | null;
  /** Batch-norm's running statistics of both networks. */
  readonly running: Arena;
  readonly batches: Batches;
  readonly dataFingerprint: string;
  /** Steps done. */
  step = 0;

  private readonly stepBuffer: Tensor;
  private readonly words: Uint32Array<ArrayBuffer>;
  private readonly floats: Float32Array;
  private readonly entries: Uint32Array;
  private readonly ring: Tensor;
  private readonly flag: Tensor;
  private readonly scoreGradient: Tensor;
  private readonly penaltyGradient: Tensor;
  private readonly noPenalty: Tensor;
  private readonly constants: AdamConstants;
  private plain: Recording | null = null;
  private penalised: Recording | null = null;
  private recordsRead = 0;
  private stepping = false;
  private preview: Sampler | null = null;

  constructor(
    readonly stream: Stream,
    readonly config: Config,
    readonly pictures: Pictures,
  ) {
    const { batch, seed, beta1, beta2 } = config;
    if (pictures.size !== config.size) {
      throw new Error(`trainer: the pictures are ${pictures.size} pixels wide, --size is ${config.size}`);
    }
    this.generator = generator(config);
    this.discriminator = discriminator(config);
    this.batches = new Batches(stream, pictures, config);
    this.dataFingerprint = fingerprint(pictures);
    this.g = new Trainable(stream, "G", this.generator.specs);
    // A relativistic loss is of differences of logits, in which their bias cancels like one before a batch-norm.
    const { specs } = this.discriminator;
    const biasCancels = config.loss === "relativistic";
    const fix = (spec: ParameterSpec): ParameterSpec => (spec.name === logitBias ? { ...spec, fixed: true } : spec);
    this.d = new Trainable(stream, "D", biasCancels ? specs.map(fix) : specs);
    this.running = new Arena(stream, "batch-norm running", [...this.generator.running, ...this.discriminator.running]);
    this.average = config.ema > 0 ? new Arena(stream, "G average", this.generator.specs) : null;
    const singular = singularVectorSpecs(specs);
    this.singular = config.spectralNormD ? new Arena(stream, "D singular vectors", singular) : null;
    if (this.singular) initialise(stream, this.singular, singular, seed);
    initialise(stream, this.g.values, this.generator.specs, seed);
    initialise(stream, this.d.values, this.discriminator.specs, seed);
    if (this.average) averageParameters(stream, this.g.values, this.average, 0);

    this.words = new Uint32Array(Math.ceil((stepWord.pictures + batch) / 4) * 4);
    this.floats = new Float32Array(this.words.buffer);
    this.entries = this.words.subarray(stepWord.pictures, stepWord.pictures + batch);
    this.stepBuffer = stream.persistent("step", [this.words.length]);
    this.ring = stream.persistent("loss ring", [ringSlots, ringWords]);
    this.flag = stream.persistent("flag", [1]);
    this.scoreGradient = stream.from("score gradient", [batch, 1], new Float32Array(batch).fill(1));
    this.penaltyGradient = stream.from("penalty gradient", [1], [config.r1Every]);
    this.noPenalty = stream.persistent("no penalty", [1]);
    this.constants = { beta1, beta2, epsilon: adamEpsilon };
  }

  /** Steps until the run's end. */
  get totalSteps(): number {
    const { steps, epochs } = this.config;
    return steps ?? epochs! * this.batches.stepsPerEpoch;
  }

  /** Captures the steps and waits until every shader is compiled. */
  async prepare(): Promise<void> {
    const { penalises } = this;
    const { r1Every } = this.config;
    if (!penalises || r1Every > 1) this.plain ??= await this.stream.capture("step", () => this.build(false));
    if (penalises) this.penalised ??= await this.stream.capture("step with penalty", () => this.build(true));
    await this.stream.idle();
  }

  /** Whether some steps, or all, have a gradient penalty. */
  private get penalises(): boolean {
    return this.config.r1 > 0 || this.config.r2 > 0;
  }

  /** Nominal flops of a step, those with a penalty averaged in. */
  get flopsPerStep(): number {
    const { r1Every } = this.config;
    if (!this.penalises) return this.plain!.flops;
    return ((this.plain?.flops ?? 0) * (r1Every - 1) + this.penalised!.flops) / r1Every;
  }

  /** Dispatches of a step without the penalty, where there is one. */
  get dispatchesPerStep(): number {
    return (this.plain ?? this.penalised)!.dispatches.length;
  }

  /** Does one step: resolves when it is submitted, and the GPU at most a few submits behind. */
  async trainStep(): Promise<void> {
    const { r1Every, lrD, lrG } = this.config;
    const t = this.step + 1;
    const factor = rateFactor(this.config, t);
    if (this.stepping) throw new Error(`trainStep: step ${t} is under way: await it before the next`);
    if (t - this.recordsRead > ringSlots) {
      throw new Error(`trainStep: the losses of step ${this.recordsRead + 1} would be overwritten: read them first`);
    }
    this.words[stepWord.step] = t;
    this.floats[stepWord.rateD] = adamRate(lrD * factor, t, this.constants);
    this.floats[stepWord.rateG] = adamRate(lrG * factor, t, this.constants);
    this.batches.select(this.step, this.entries);
    this.stream.write(this.stepBuffer, this.words);
    const penalise = this.penalises && this.step % r1Every === 0;
    this.stepping = true;
    try {
      await this.stream.replay((penalise ? this.penalised : this.plain)!);
    } finally {
      this.stepping = false;
    }
    this.step = t;
  }

  /** The records of the steps since the last call, in order. Does not hold up training. */
  async readRecords(): Promise<StepRecord[]> {
    const last = this.step;
    const first = this.recordsRead;
    this.recordsRead = last;
    if (first === last) return [];
    const words = new Uint32Array(await this.stream.readBytes(this.ring));
    const floats = new Float32Array(words.buffer);
    return Array.from({ length: last - first }, (_, i) => {
      const step = first + 1 + i;
      const at = (step % ringSlots) * ringWords;
      if (words[at + 5] !== step) {
        throw new GpuError(`losses of step ${step}: the GPU recorded step ${words[at + 5]} in its place`);
      }
      const numbers = floats.subarray(at, at + 5);
      const [dLoss, gLoss, dReal, dFake, penalty] = numbers;
      const finite = words[at + 6] === 0 && numbers.every(Number.isFinite);
      return { step, dLoss, gLoss, dReal, dFake, penalty, finite };
    });
  }

  /** A sampler over the generator to show: the average where there is one. */
  sampler(n: number, columns: number, seed: number): Sampler {
    return new Sampler(this.stream, this.generator, {
      parameters: this.average ?? this.g.values,
      running: this.average ? null : this.running,
      n,
      columns,
      seed,
    });
  }

  /** The run's own preview: fixed latents. */
  get previewSampler(): Sampler {
    const columns = this.config.size === 128 ? 6 : 8;
    this.preview ??= this.sampler(columns ** 2, columns, this.config.seed);
    return this.preview;
  }

  private build(penalise: boolean): void {
    const { stream, stepBuffer, config, running, singular } = this;
    const { batch, size, z, seed, loss, r1, r2, ema } = config;
    const tape = new Tape(stream);
    const g = this.g.values;
    const d = this.d.values;

    const latents = tape.temporary("latents", [batch, z]);
    noiseUniform(stream, stepBuffer, latents, { seed, purpose: purposes.latent, at: 0 }, -1, 1);
    const pictures = tape.temporary("real and fake pictures", [2 * batch, size, size, 3]);
    const real = pictures.slice(0, batch);
    gatherPictures(stream, this.batches.pixels, stepBuffer, stepWord.pictures, real);
    const fakeHalf = pictures.slice(batch, 2 * batch);
    const fake = this.generator.forward(tape, latents, g, { by: "batch", running }, fakeHalf);

    const see = this.augmentation(tape);
    const seen = see(pictures, 0);

    // D: real and fake as one batch, each half normalised by its own statistics; the running ones follow the real.
    const roots: Root[] = [];
    const specs = this.discriminator.specs;
    const v = singular && powerIterations(tape, specs, d, singular);
    const weights = () => (singular && v ? spectrallyNormalised(tape, d, singular, v) : d);
    let judging = weights();
    const judge = (x: Tensor, by: Normalisation) => this.discriminator.forward(tape, x, judging, by);
    let losses: { real: Tensor; fake: Tensor };
    let penalty = this.noPenalty;
    if (penalise) {
      // R1 and R2 (Mescheder et al. 2018): γ/2 · E‖∇ₓD(x)‖² on real pictures and on fakes; lazily, weighted by the steps
      // between. x is what D sees, so an augmentation is not differentiated twice. The halves pass apart, nor is one
      // without a penalty.
      const [seenReal, seenFake] = [seen.slice(0, batch), seen.slice(batch, 2 * batch)];
      const scores = { real: judge(seenReal, { by: "batch", running }), fake: judge(seenFake, { by: "batch" }) };
      const onReal = scoreLosses(tape, config, scores.real, ["D(real)"], scores.fake);
      const onFake = scoreLosses(tape, config, scores.fake, ["D(fake)"], scores.real);
      const steepness = (y: Tensor, x: Tensor, weight: number) => {
        const [gradient] = tape.gradients([{ y, dy: this.scoreGradient }], [x]);
        return sumOfSquares(tape, gradient, weight / (2 * batch));
      };
      const penalties = [
        ...(r1 > 0 ? [steepness(scores.real, seenReal, r1)] : []),
        ...(r2 > 0 ? [steepness(scores.fake, seenFake, r2)] : []),
      ];
      penalty = tape.keep(penalties.reduce((sum, one) => addRecorded(tape, sum, one)));
      roots.push(onReal.root, onFake.root, { y: penalty, dy: this.penaltyGradient });
      losses = { real: onReal.losses, fake: onFake.losses };
    } else {
      const scores = judge(seen, { by: "batch", running, groups: 2 });
      const both = scoreLosses(tape, config, scores, ["D(real)", "D(fake)"], scores);
      roots.push(both.root);
      losses = { real: both.losses, fake: both.losses };
    }
    tape.gradientsInto(roots, this.d.sinks);
    this.update(this.d, stepWord.rateD);
    if (seen !== pictures) tape.release(seen);

    // G: the same latents and the same forward pass, judged by the D that has just learned.
    judging = tape.noGrad(weights);
    const opposite = loss === "relativistic" ? tape.noGrad(() => judge(see(real, 3 * batch), { by: "batch" })) : null;
    const fooled = scoreLosses(tape, config, judge(see(fake, 2 * batch), { by: "batch" }), ["G"], opposite);
    tape.gradientsInto([fooled.root], this.g.sinks);
    this.update(this.g, stepWord.rateG);
    if (this.average) averageParameters(stream, this.g.values, this.average, ema);

    recordLosses(stream, stepBuffer, { ...losses, fooled: fooled.losses, penalty }, this.flag, this.ring);
    tape.reset();
  }

  /**
   * Pictures to what D sees of them: each changed by chance, real and fake alike, by numbers of its own (Zhao et al. 2020).
   * G's step has other rows than D's, as in the paper's code: there D judges changes that it has not just learned from.
   */
  private augmentation(tape: Tape): (x: Tensor, row: number) => Tensor {
    const { batch, size, seed } = this.config;
    const changes = changesOf(this.config);
    if (!changes) return (x) => x;
    // The real and the fake half; in G's step the fake pictures again, and the real ones where a loss compares.
    const parameters = tape.temporary("augmentation", [4 * batch, augmentationWords]);
    const key = { seed, purpose: purposes.augmentation };
    augmentParameters(this.stream, this.stepBuffer, parameters, key, size, changes);
    return (x, row) => augment(tape, x, { changes, parameters, row });
  }

  private update({ gradients, values, m, v }: Trainable, rateAt: number): void {
    const arenas = { gradient: gradients.all, parameter: values.all, m: m.all, v: v.all };
    adam(this.stream, this.stepBuffer, rateAt, arenas, this.constants, this.flag);
  }

  destroy(): void {
    this.g.destroy(this.stream);
    this.d.destroy(this.stream);
    this.running.destroy(this.stream);
    this.average?.destroy(this.stream);
    this.singular?.destroy(this.stream);
    this.batches.destroy();
    this.preview?.destroy();
    const { stepBuffer, ring, flag, scoreGradient, penaltyGradient, noPenalty } = this;
    for (const tensor of [stepBuffer, ring, flag, scoreGradient, penaltyGradient, noPenalty])
      this.stream.destroy(tensor);
  }

  /** Its state is now that of a checkpoint: of `step`, and of finite numbers. */
  restored(step: number): void {
    this.stream.write(this.flag, new Uint32Array(1));
    this.step = step;
    this.recordsRead = step;
  }
}
