/**
 * catgan on one page: a GAN that learns to draw cats, from the GPU to the PNG. `npm run example` trains 200 steps and writes
 * cats.png; `npm run example -- 1000 out.png` trains longer. What the real trainer adds is in src/train/trainer.ts.
 */
import { writeFileSync } from "node:fs";
import { enterSoftware, openAdapter } from "../src/cli/adapter.ts";
import { encodePng } from "../src/cli/png.ts";
import { pictureGrid } from "../src/data/grid.ts";
import { paintCats } from "../src/data/painted.ts";
import { Stream } from "../src/gpu/stream.ts";
import type { Tensor } from "../src/gpu/tensor.ts";
import { adam, adamRate } from "../src/kernels/adam.ts";
import { sigmoidCrossEntropyBoth } from "../src/kernels/loss.ts";
import { noiseUniform } from "../src/kernels/noise.ts";
import { gatherPictures, packPictures } from "../src/kernels/pictures.ts";
import * as ops from "../src/nn/ops.ts";
import { type Initialiser, initialise, type ParameterSpec, Trainable } from "../src/nn/parameters.ts";
import { Tape } from "../src/nn/tape.ts";
import { purposes } from "../src/random/noise_key.ts";

const [steps = "200", file = "cats.png"] = process.argv.slice(2);
const size = 32; // pictures are 32×32
const batch = 16;
const z = 100; // numbers that G makes a picture of
const slope = 0.2; // of leaky ReLU below zero
const seed = 1;
const rates = { d: 2e-3, g: 4e-3 };
const adamConstants = { beta1: 0, beta2: 0.999, epsilon: 1e-8 };

// The GPU. Without one, this program runs again in a process that finds SwiftShader, a GPU made of software.
const exitCode = await enterSoftware("auto");
if (exitCode !== null) process.exit(exitCode);
const gpu = await openAdapter("auto");
const stream = new Stream(gpu); // kernels append to it, it submits them in order
console.log(`GPU: ${gpu.name}`);

// The data: 1024 painted cats, [1024, 32, 32, 3] bytes, four of them in a word.
const cats = paintCats(size, 1024, seed);
const pixels = stream.persistent("cats", [cats.pixels.length / 4]);
stream.write(pixels, cats.pixels as Uint8Array<ArrayBuffer>);

// The parameters. A convolution's filters are [height, width, in, out], a transposed one's [height, width, out, in].
const normal: Initialiser = { kind: "truncated normal", stddev: 0.02 };
const constant = (value: number): Initialiser => ({ kind: "constant", value });
const dense = (name: string, fanIn: number, fanOut: number): ParameterSpec[] => [
  { name: `${name}.weight`, shape: [fanIn, fanOut], start: { kind: "glorot uniform", fanIn, fanOut } },
  { name: `${name}.bias`, shape: [fanOut], start: constant(0) },
];
const conv = (name: string, shape: number[], biases: number): ParameterSpec[] => [
  { name: `${name}.weight`, shape, start: normal },
  { name: `${name}.bias`, shape: [biases], start: constant(0) },
];
const convNorm = (name: string, shape: number[], channels: number): ParameterSpec[] => [
  { name: `${name}.weight`, shape, start: normal },
  { name: `${name}.bias`, shape: [channels], start: constant(0), fixed: true }, // batch-norm would subtract it again
  { name: `${name}.gamma`, shape: [channels], start: constant(1) },
  { name: `${name}.beta`, shape: [channels], start: constant(0) },
];
const gSpecs = [
  ...dense("dense", z, 4 * 4 * 64),
  ...convNorm("up1", [5, 5, 32, 64], 32),
  ...convNorm("up2", [5, 5, 16, 32], 16),
  ...convNorm("up3", [5, 5, 8, 16], 8),
  ...conv("rgb", [5, 5, 3, 8], 3),
];
const dSpecs = [
  ...conv("conv1", [5, 5, 3, 16], 16),
  ...conv("conv2", [5, 5, 16, 32], 32),
  ...conv("conv3", [5, 5, 32, 64], 64),
  ...dense("logit", 4 * 4 * 64, 1),
];
const g = new Trainable(stream, "G", gSpecs); // values, gradients and Adam's two moments
const d = new Trainable(stream, "D", dSpecs);
initialise(stream, g.values, gSpecs, seed);
initialise(stream, d.values, dSpecs, seed);

/** G: latents [N, 100] → pictures [N, 32, 32, 3] in [−1, 1]. Each op runs on the GPU and is recorded on the tape. */
function generate(tape: Tape, latents: Tensor, pictures?: Tensor): Tensor {
  const p = (name: string) => g.values.get(name);
  let x = ops.dense(tape, latents, p("dense.weight"), p("dense.bias"));
  x = ops.leakyRelu(tape, ops.reshape(tape, x, [latents.shape[0], 4, 4, 64]), slope);
  for (const name of ["up1", "up2", "up3"]) {
    x = ops.transposedConv2d(tape, x, p(`${name}.weight`), p(`${name}.bias`), 2); // twice as high and wide
    x = ops.batchNormLeakyRelu(tape, x, p(`${name}.gamma`), p(`${name}.beta`), { epsilon: 1e-5, slope });
  }
  return ops.tanh(tape, ops.transposedConv2d(tape, x, p("rgb.weight"), p("rgb.bias"), 1), pictures);
}

/** D: pictures [N, 32, 32, 3] → logits [N, 1], above 0 for those that it takes for real. */
function judge(tape: Tape, pictures: Tensor): Tensor {
  const p = (name: string) => d.values.get(name);
  let x = pictures;
  for (const name of ["conv1", "conv2", "conv3"]) {
    x = ops.leakyRelu(tape, ops.conv2d(tape, x, p(`${name}.weight`), p(`${name}.bias`), 2), slope); // half as high and wide
  }
  return ops.dense(tape, ops.flatten(tape, x), p("logit.weight"), p("logit.bias"));
}

/** Sigmoid cross-entropy: writes [group, (loss, mean score)], and returns where the gradient starts. */
function crossEntropy(tape: Tape, logits: Tensor, targets: number[], losses: Tensor) {
  const dy = tape.temporary("logits' gradient", logits.shape);
  sigmoidCrossEntropyBoth(stream, logits, targets, losses, dy);
  return { y: logits, dy };
}

// What changes from step to step is in one small buffer: the step, both learning rates, and which cats.
const stepWords = new Uint32Array(4 + batch);
const stepFloats = new Float32Array(stepWords.buffer);
const stepBuffer = stream.persistent("step", [stepWords.length]);
const dLosses = stream.persistent("D's losses", [2, 2]);
const gLosses = stream.persistent("G's losses", [1, 2]);
const notFinite = stream.persistent("flag", [1]); // Adam sets it when a parameter is no longer a number

/** One step of training: D on real and generated pictures, then G against the new D. */
function trainStep(): void {
  const tape = new Tape(stream);
  const latents = tape.temporary("latents", [batch, z]);
  noiseUniform(stream, stepBuffer, latents, { seed, purpose: purposes.latent, at: 0 }, -1, 1);
  const pictures = tape.temporary("real and generated", [2 * batch, size, size, 3]);
  const real = pictures.slice(0, batch);
  gatherPictures(stream, pixels, stepBuffer, 4, real);
  const fake = generate(tape, latents, pictures.slice(batch, 2 * batch));

  // D wants 1 for real pictures and 0 for generated ones.
  tape.gradientsInto([crossEntropy(tape, judge(tape, pictures), [1, 0], dLosses)], d.sinks);
  update(d, 1);
  // G wants D to say 1 for its pictures. The gradient flows through D into G, and only G learns.
  tape.gradientsInto([crossEntropy(tape, judge(tape, fake), [1], gLosses)], g.sinks);
  update(g, 2);
  tape.reset(); // all buffers back to the pool
}

function update({ values, gradients, m, v }: Trainable, rateAt: number): void {
  const arenas = { gradient: gradients.all, parameter: values.all, m: m.all, v: v.all };
  adam(stream, stepBuffer, rateAt, arenas, adamConstants, notFinite);
}

// Training. The step is built once: capture keeps its kernels and buffers, replay runs them with new step words.
const recording = await stream.capture("step", trainStep);
for (let step = 1; step <= Number(steps); step++) {
  stepWords[0] = step;
  stepFloats[1] = adamRate(rates.d, step, adamConstants);
  stepFloats[2] = adamRate(rates.g, step, adamConstants);
  for (let n = 0; n < batch; n++) stepWords[4 + n] = (step * batch + n) % cats.count;
  stream.write(stepBuffer, stepWords);
  await stream.replay(recording);
  if (step === 1 || step % 10 === 0) {
    const [realLoss, realScore, fakeLoss, fakeScore] = await stream.read(dLosses);
    const [gLoss] = await stream.read(gLosses);
    const scores = `D says ${realScore.toFixed(2)} of real cats, ${fakeScore.toFixed(2)} of G's`;
    console.log(`step ${step}: D ${(realLoss + fakeLoss).toFixed(3)}, G ${gLoss.toFixed(3)}; ${scores}`);
  }
}

// Sampling: 64 pictures, without recording anything, then packed into bytes and written side by side.
const latents = stream.persistent("latents", [64, z]);
noiseUniform(stream, stepBuffer, latents, { seed, purpose: purposes.preview, at: 0 }, -1, 1);
const packed = stream.persistent("samples", [(64 * size * size * 3) / 4]);
const tape = new Tape(stream);
tape.noGrad(() => packPictures(stream, generate(tape, latents), packed));
tape.reset();
const samples = { size, count: 64, pixels: new Uint8Array(await stream.readBytes(packed)) };
writeFileSync(file, encodePng(pictureGrid(samples, 8)));
console.log(`wrote ${file}`);
gpu.destroy();
