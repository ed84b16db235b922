/**
 * What is timed: every kernel at the shapes that the article's networks give it, or at smaller ones on a software
 * adapter.
 */

import { inMebibytes } from "../src/gpu/gpu.ts";
import { elements, type Tensor } from "../src/gpu/tensor.ts";
import { adam } from "../src/kernels/adam.ts";
import { augment, augmentationWords, augmentGradient, augmentParameters } from "../src/kernels/augment.ts";
import * as norm from "../src/kernels/batch_norm.ts";
import type { Convolution } from "../src/kernels/choices.ts";
import * as conv from "../src/kernels/conv2d.ts";
import * as map from "../src/kernels/elementwise.ts";
import { type ConvGeometry, convFlops, samePadding } from "../src/kernels/geometry.ts";
import * as loss from "../src/kernels/loss.ts";
import * as minibatch from "../src/kernels/minibatch_stddev.ts";
import * as naive from "../src/kernels/naive.ts";
import { noiseTruncatedNormal, noiseUniform } from "../src/kernels/noise.ts";
import { gatherPictures, packPictures } from "../src/kernels/pictures.ts";
import * as reduce from "../src/kernels/reduce.ts";
import { smoothFilter, smoothFilterGradient } from "../src/kernels/smooth_filter.ts";
import * as spectral from "../src/kernels/spectral_norm.ts";
import { type Pass, passes } from "../src/kernels/variants.ts";
import { discriminator, generator } from "../src/nn/dcgan.ts";
import type { Layer } from "../src/nn/layers.ts";
import { groupSize } from "../src/nn/minibatch_group.ts";
import { countParameters } from "../src/nn/parameters.ts";
import { presets } from "../src/train/config.ts";
import { insideFlops } from "./arithmetic.ts";
import type { Workbench } from "./workbench.ts";

/** The properties of an adapter that decide how large the shapes may be. */
export interface Scale {
  readonly software: boolean;
  readonly bindingBytes: number;
}

/** A kernel with its own tensors. */
export interface Prepared {
  readonly reads: readonly Tensor[];
  /** Tensors that it adds to are in both lists. */
  readonly writes: readonly Tensor[];
  /** Appends it once. */
  run(): void;
  /** Appends the naive kernel instead. */
  naive?(): void;
}

export interface Case {
  readonly group: string;
  /** The host function of src/kernels, and the check of src/verify. */
  readonly kernel: string;
  /** Its place in the article's networks: `d.conv2`. */
  readonly place: string;
  /** The timed shape: `4×64×64×16→32 /2`. */
  readonly shape: string;
  /** Whether the shape is smaller than the article's. */
  readonly scaled: boolean;
  /** Whether --quick times it. */
  readonly quick: boolean;
  /** Flops: nominal, and without the taps on the padding; 0 if memory-bound. */
  readonly flops: number;
  readonly inside: number;
  /** The convolution or dense layer, from which its variant is chosen and its numbers are checked. */
  readonly convolution: Convolution | null;
  prepare(bench: Workbench): Prepared;
}

const article = presets.article;
/**
 * On CPU adapters channels are a quarter of the article's, colours aside, and the batch is as large as fits in about
 * 40 ms.
 */
const softwareChannels = 1 / 4;
const softwareFlops = 1.1e8;
const softwareElements = 2 ** 20;

/** How many images of the article's batch are timed: a power of two that `fits`. */
function batchWhere(fits: (batch: number) => boolean): number {
  let { batch } = article;
  while (batch > 1 && !fits(batch)) batch /= 2;
  return batch;
}

function channels(count: number, { software }: Scale): number {
  return software && count > 3 ? count * softwareChannels : count;
}

// Convolutions and dense layers

function geometryOf({ kind, input, output, kernel, stride }: Layer, N: number): ConvGeometry {
  // A transposed convolution has the letters of the one that it transposes.
  const [[H, W, C], [, , K]] = kind === "transposed conv" ? [output, input] : [input, output];
  if (kind === "dense") {
    const sizes = { C: elements(input), K: elements(output) };
    return { N, H: 1, W: 1, ...sizes, R: 1, S: 1, stride: 1, P: 1, Q: 1, padTop: 0, padLeft: 0 };
  }
  const { out: P, before: padTop } = samePadding(H, kernel, stride);
  const { out: Q, before: padLeft } = samePadding(W, kernel, stride);
  return { N, H, W, C, R: kernel, S: kernel, K, stride, P, Q, padTop, padLeft };
}

/** The layer's geometry in the article, or as much of it as the adapter is given. */
export function scaledGeometry(layer: Layer, scale: Scale): ConvGeometry {
  const whole = geometryOf(layer, article.batch);
  // The latent vector is not a feature map.
  const C = layer.name === "g.dense" ? whole.C : channels(whole.C, scale);
  const K = channels(whole.K, scale);
  const N = batchWhere((batch) => {
    const g = { ...whole, N: batch, C, K };
    if (scale.software) return convFlops(g) <= softwareFlops;
    return 4 * Math.max(batch * g.H * g.W * C, batch * g.P * g.Q * K, g.R * g.S * C * K) <= scale.bindingBytes;
  });
  return { ...whole, N, C, K };
}

function geometryShape({ N, H, W, C, K, R, stride }: ConvGeometry): string {
  return R === 1 ? `${N}×${C}→${K}` : `${N}×${H}×${W}×${C}→${K} /${stride}`;
}

const passGroup = (pass: Pass) => (pass === "forward" ? "forward pass" : pass);
const convKernels: Record<Pass, string> = {
  forward: "conv2d",
  "input gradient": "conv2dInputGradient",
  "filter gradient": "conv2dFilterGradient",
};
/** One early layer, one deep one, and both ends in colour. */
const quickLayers = ["d.conv1", "d.conv3", "g.rgb"];

function convolutionCase(layer: Layer, pass: Pass, scale: Scale): Case {
  const g = scaledGeometry(layer, scale);
  return {
    group: passGroup(pass),
    kernel: convKernels[pass],
    place: layer.name,
    shape: geometryShape(g),
    scaled: convFlops(g) < convFlops(geometryOf(layer, article.batch)),
    quick: quickLayers.includes(layer.name),
    flops: convFlops(g),
    inside: insideFlops(g),
    convolution: { pass, geometry: g },
    prepare: (bench) => {
      const { N, H, W, C, R, S, K, P, Q, stride } = g;
      const { stream } = bench;
      const shapes = { x: [N, H, W, C], weight: [R, S, C, K], y: [N, P, Q, K] };
      if (pass === "forward") {
        const [x, weight, bias, y] = [
          bench.random(shapes.x),
          bench.random(shapes.weight),
          bench.random([K]),
          bench.output(shapes.y),
        ];
        return {
          reads: [x, weight, bias],
          writes: [y],
          run: () => conv.conv2d(stream, x, weight, bias, y, stride),
          naive: () => naive.conv2dNaive(stream, x, weight, bias, y, stride),
        };
      }
      if (pass === "input gradient") {
        const [dy, weight, bias, dx] = [
          bench.random(shapes.y),
          bench.random(shapes.weight),
          bench.random([C]),
          bench.output(shapes.x),
        ];
        return {
          reads: [dy, weight, bias],
          writes: [dx],
          run: () => conv.conv2dInputGradient(stream, dy, weight, bias, dx, stride),
          naive: () => naive.conv2dInputGradientNaive(stream, dy, weight, bias, dx, stride),
        };
      }
      const [x, dy, dweight] = [bench.random(shapes.x), bench.random(shapes.y), bench.output(shapes.weight)];
      return {
        reads: [x, dy],
        writes: [dweight],
        run: () => conv.conv2dFilterGradient(stream, x, dy, dweight, stride),
        naive: () => naive.conv2dFilterGradientNaive(stream, x, dy, dweight, stride),
      };
    },
  };
}

/** A dense layer's three passes; of one column by the kernels that training uses there. */
function denseCases(layer: Layer, scale: Scale): Case[] {
  const g = scaledGeometry(layer, scale);
  const { N, C, K } = g;
  const column = K === 1;
  const one = (pass: Pass, kernel: string, prepare: Case["prepare"]): Case => ({
    group: passGroup(pass),
    kernel,
    place: layer.name,
    shape: geometryShape(g),
    scaled: convFlops(g) < convFlops(geometryOf(layer, article.batch)),
    quick: !column,
    flops: convFlops(g),
    inside: insideFlops(g),
    convolution: { pass, geometry: g },
    prepare,
  });
  return [
    one("forward", column ? "denseRows" : "dense", (bench) => {
      const [x, weight, bias, y] = [
        bench.random([N, C]),
        bench.random([C, K]),
        bench.random([K]),
        bench.output([N, K]),
      ];
      const fast = column ? conv.denseRows : conv.dense;
      return {
        reads: [x, weight, bias],
        writes: [y],
        run: () => fast(bench.stream, x, weight, bias, y),
        naive: () => naive.denseNaive(bench.stream, x, weight, bias, y),
      };
    }),
    one("input gradient", column ? "denseInputGradientNaive" : "denseInputGradient", (bench) => {
      const [dy, weight, dx] = [bench.random([N, K]), bench.random([C, K]), bench.output([N, C])];
      const slow = () => naive.denseInputGradientNaive(bench.stream, dy, weight, dx);
      const fast = () => conv.denseInputGradient(bench.stream, dy, weight, dx);
      return { reads: [dy, weight], writes: [dx], ...(column ? { run: slow } : { run: fast, naive: slow }) };
    }),
    one("filter gradient", column ? "denseWeightGradientNaive" : "denseWeightGradient", (bench) => {
      const [x, dy, dweight] = [bench.random([N, C]), bench.random([N, K]), bench.output([C, K])];
      const slow = () => naive.denseWeightGradientNaive(bench.stream, x, dy, dweight);
      const fast = () => conv.denseWeightGradient(bench.stream, x, dy, dweight);
      return { reads: [x, dy], writes: [dweight], ...(column ? { run: slow } : { run: fast, naive: slow }) };
    }),
  ];
}

// Everything else is memory-bound

/** A memory-bound kernel. */
interface Plain {
  readonly kernel: string;
  readonly place: string;
  readonly shape: string;
  readonly prepare: (bench: Workbench) => Prepared;
}

/** An activation [N,H,W,C] of the article, or as much of it as the adapter is given. */
function scaledActivation([H, W, C]: readonly number[], scale: Scale): number[] {
  const each = H * W * channels(C, scale);
  const most = scale.software ? softwareElements : scale.bindingBytes / 4;
  return [batchWhere((batch) => batch * each <= most), H, W, channels(C, scale)];
}

function scaledSize(size: number, { software, bindingBytes }: Scale): number {
  return Math.min(size, software ? softwareElements : Math.floor(bindingBytes / 4));
}

const shapeText = (shape: readonly number[]) => shape.join("×");
const millions = (size: number) => `${(size / 1e6).toPrecision(3)} million`;

function normCases(layer: Layer, scale: Scale): Plain[] {
  const shape = scaledActivation(layer.output, scale);
  const C = shape[3];
  const at = { place: layer.name, shape: shapeText(shape) };
  /** mean, rstd, gamma, beta or less of it. */
  const columns = (bench: Workbench, rows: number) => bench.random([rows, C], 0.5, 1);
  const [epsilon, slope, momentum] = [1e-5, 0.2, 0.99];
  return [
    {
      ...at,
      kernel: "batchNormStatistics",
      prepare: (bench) => {
        const [x, moments] = [bench.random(shape), bench.output([3, C])];
        const run = () => norm.batchNormStatistics(bench.stream, x, moments, epsilon);
        return { reads: [x], writes: [moments], run };
      },
    },
    {
      ...at,
      kernel: "batchNorm",
      prepare: (bench) => {
        const [x, moments, gamma, beta, y] = [
          bench.random(shape),
          columns(bench, 3),
          columns(bench, 1),
          columns(bench, 1),
          bench.output(shape),
        ];
        const run = () => norm.batchNorm(bench.stream, x, moments, gamma, beta, y);
        return { reads: [x, moments, gamma, beta], writes: [y], run };
      },
    },
    {
      ...at,
      kernel: "batchNormGradient",
      prepare: (bench) => {
        const [dy, x, moments, gamma] = [
          bench.random(shape),
          bench.random(shape),
          columns(bench, 3),
          columns(bench, 1),
        ];
        const [sums, dx] = [bench.output([2, C]), bench.output(shape)];
        const run = () => norm.batchNormGradient(bench.stream, dy, x, moments, gamma, sums, dx);
        return { reads: [dy, x, moments, gamma], writes: [sums, dx], run };
      },
    },
    {
      ...at,
      kernel: "batchNormLeakyRelu",
      prepare: (bench) => {
        const [x, gamma, beta, averages] = [
          bench.random(shape),
          columns(bench, 1),
          columns(bench, 1),
          columns(bench, 3),
        ];
        const [y, applied] = [bench.output(shape), bench.output([1, 4, C])];
        const options = { epsilon, slope, running: { averages, momentum } };
        const run = () => norm.batchNormLeakyRelu(bench.stream, x, gamma, beta, y, applied, options);
        return { reads: [x, gamma, beta, averages], writes: [y, applied, averages], run };
      },
    },
    {
      ...at,
      kernel: "batchNormLeakyReluGradient",
      prepare: (bench) => {
        const [dy, x, applied] = [bench.random(shape), bench.random(shape), bench.random([1, 4, C], 0.5, 1)];
        const [dgamma, dbeta, dx] = [bench.output([C]), bench.output([C]), bench.output(shape)];
        const gradients = [dgamma, dbeta].map((tensor) => ({ tensor, accumulate: false }));
        const options = { slope, dgamma: gradients[0], dbeta: gradients[1] };
        const run = () => norm.batchNormLeakyReluGradient(bench.stream, dy, x, applied, dx, options);
        return { reads: [dy, x, applied], writes: [dgamma, dbeta, dx], run };
      },
    },
  ];
}

/** Cases of the running averages, which are as long as a layer is wide. */
function runningCases(layer: Layer, scale: Scale): Plain[] {
  const C = channels(layer.output[2], scale);
  const at = { place: layer.name, shape: `3×${C}` };
  return [
    {
      ...at,
      kernel: "batchNormRunning",
      prepare: (bench) => {
        const [moments, running] = [bench.random([3, C], 0.5, 1), bench.random([3, C], 0.5, 1)];
        const run = () => norm.batchNormRunning(bench.stream, moments, running, 0.99);
        return { reads: [moments, running], writes: [running], run };
      },
    },
    {
      ...at,
      kernel: "batchNormInference",
      prepare: (bench) => {
        const [running, moments] = [bench.random([3, C], 0.5, 1), bench.output([3, C])];
        const run = () => norm.batchNormInference(bench.stream, running, moments, 1e-5);
        return { reads: [running], writes: [moments], run };
      },
    },
  ];
}

/** Kernels of one element each: how many tensors they read, and whether they add to the one that they write. */
function elementwiseCases(scale: Scale, wide: Layer, colours: Layer, parameters: number): Plain[] {
  type Host = (stream: Workbench["stream"], inputs: readonly Tensor[], y: Tensor) => void;
  const one = (
    kernel: string,
    place: string,
    shape: number[],
    inputs: number,
    inPlace: boolean,
    host: Host,
  ): Plain => ({
    kernel,
    place,
    shape: shape.length === 1 ? millions(shape[0]) : shapeText(shape),
    prepare: (bench) => {
      const reads = Array.from({ length: inputs }, () => bench.random(shape));
      const y = inPlace ? bench.random(shape) : bench.output(shape);
      return { reads: inPlace ? [...reads, y] : reads, writes: [y], run: () => host(bench.stream, reads, y) };
    },
  });
  const activation = scaledActivation(wide.output, scale);
  const picture = scaledActivation(colours.output, scale);
  const arena = [scaledSize(parameters, scale)];
  return [
    one("leakyRelu", wide.name, activation, 1, false, (stream, [x], y) => map.leakyRelu(stream, x, y, 0.2)),
    one("leakyReluGradient", wide.name, activation, 2, false, (stream, [dy, y], dx) =>
      map.leakyReluGradient(stream, dy, y, dx, 0.2),
    ),
    one("add", wide.name, activation, 2, false, (stream, [a, b], y) => map.add(stream, a, b, y)),
    one("accumulate", wide.name, activation, 1, true, (stream, [a], y) => map.accumulate(stream, a, y)),
    one("tanh", colours.name, picture, 1, false, (stream, [x], y) => map.tanh(stream, x, y)),
    one("tanhGradient", colours.name, picture, 2, false, (stream, [dy, y], dx) => map.tanhGradient(stream, dy, y, dx)),
    one("sigmoid", colours.name, picture, 1, false, (stream, [x], y) => map.sigmoid(stream, x, y)),
    one("sigmoidGradient", colours.name, picture, 2, false, (stream, [dy, y], dx) =>
      map.sigmoidGradient(stream, dy, y, dx),
    ),
    {
      kernel: "scaleBy",
      place: colours.name,
      shape: shapeText(picture),
      prepare: (bench) => {
        const [x, scalar, y] = [bench.random(picture), bench.random([1]), bench.output(picture)];
        return { reads: [x, scalar], writes: [y], run: () => map.scaleBy(bench.stream, x, scalar, y, 0.5) };
      },
    },
    one("lerp", "G", arena, 1, true, (stream, [x], y) => map.lerp(stream, x, y, 0.99)),
    one("fill", "G", arena, 0, false, (stream, _, y) => map.fill(stream, y, 0)),
  ];
}

function sumCases(scale: Scale, wide: Layer, colours: Layer, deep: Layer): Plain[] {
  const shape = scaledActivation(wide.output, scale);
  const C = shape[3];
  const picture = scaledActivation(colours.output, scale);
  const K = channels(deep.output[2], scale);
  const filter = [8, 5, 5, channels(deep.input[2], scale), K];
  const weight = filter.slice(1);
  const rows = elements(weight) / K;
  const features = scaledActivation(deep.output, scale);
  const wider = [...features.slice(0, 3), features[3] + 1];
  const group = groupSize(features[0]);
  return [
    {
      kernel: "columnSum",
      place: wide.name,
      shape: shapeText(shape),
      prepare: (bench) => {
        const [x, y] = [bench.random(shape), bench.output([C])];
        return { reads: [x], writes: [y], run: () => reduce.columnSum(bench.stream, x, y) };
      },
    },
    {
      kernel: "sumOfSquares",
      place: "R1",
      shape: shapeText(picture),
      prepare: (bench) => {
        const [x, y] = [bench.random(picture), bench.output([1])];
        return { reads: [x], writes: [y], run: () => reduce.sumOfSquares(bench.stream, x, y, 1) };
      },
    },
    {
      kernel: "reduceSplits",
      place: deep.name,
      shape: shapeText(filter),
      prepare: (bench) => {
        const [partial, y] = [bench.random(filter), bench.output(filter.slice(1))];
        return { reads: [partial], writes: [y], run: () => reduce.reduceSplits(bench.stream, partial, y) };
      },
    },
    {
      kernel: "minibatchStddev",
      place: deep.name,
      shape: shapeText(features),
      prepare: (bench) => {
        const [x, y] = [bench.random(features), bench.output(wider)];
        return { reads: [x], writes: [y], run: () => minibatch.minibatchStddev(bench.stream, x, y, group) };
      },
    },
    {
      kernel: "minibatchStddevGradient",
      place: deep.name,
      shape: shapeText(features),
      prepare: (bench) => {
        const [dy, x, dx] = [bench.random(wider), bench.random(features), bench.output(features)];
        const run = () => minibatch.minibatchStddevGradient(bench.stream, dy, x, dx, group);
        return { reads: [dy, x], writes: [dx], run };
      },
    },
    {
      kernel: "minibatchStddevCurvature",
      place: deep.name,
      shape: shapeText(features),
      prepare: (bench) => {
        const [u, dy, x] = [features, wider, features].map((shape) => bench.random(shape));
        const [ddy, ddx] = [bench.output(wider), bench.output(features)];
        const run = () => minibatch.minibatchStddevCurvature(bench.stream, u, dy, x, ddy, ddx, group);
        return { reads: [u, dy, x], writes: [ddy, ddx], run };
      },
    },
    {
      kernel: "dot",
      place: `spectral norm, ${deep.name}`,
      shape: shapeText(weight),
      prepare: (bench) => {
        const [a, b, y] = [bench.random(weight), bench.random(weight), bench.output([1])];
        return { reads: [a, b], writes: [y], run: () => reduce.dot(bench.stream, a, b, y) };
      },
    },
    {
      kernel: "divideBy",
      place: `spectral norm, ${deep.name}`,
      shape: shapeText(weight),
      prepare: (bench) => {
        const [x, sigma, y] = [bench.random(weight), bench.random([1], 1, 2), bench.output(weight)];
        return { reads: [x, sigma], writes: [y], run: () => map.divideBy(bench.stream, x, sigma, y) };
      },
    },
    {
      kernel: "vectorMatrix",
      place: `spectral norm, ${deep.name}`,
      shape: shapeText(weight),
      prepare: (bench) => {
        const [v, matrix] = [bench.random([rows]), bench.random([rows, K])];
        const partial = bench.output([spectral.vectorChunks(rows).count, K]);
        const run = () => spectral.vectorMatrix(bench.stream, v, matrix, partial);
        return { reads: [v, matrix], writes: [partial], run };
      },
    },
    {
      kernel: "normalise",
      place: `spectral norm, ${deep.name}`,
      shape: String(rows),
      prepare: (bench) => {
        const [x, y] = [bench.random([1, rows]), bench.output([rows])];
        return { reads: [x], writes: [y], run: () => spectral.normalise(bench.stream, x, y) };
      },
    },
    {
      kernel: "spectralNormGradient",
      place: `spectral norm, ${deep.name}`,
      shape: shapeText(weight),
      prepare: (bench) => {
        const [dy, inner, v, u] = [weight, [1], [rows], [K]].map((shape) => bench.random(shape));
        const [sigma, dx] = [bench.random([1], 1, 2), bench.output(weight)];
        const run = () => spectral.spectralNormGradient(bench.stream, dy, { inner, v, u, sigma }, dx);
        return { reads: [dy, inner, v, u, sigma], writes: [dx], run };
      },
    },
    {
      kernel: "addRow",
      place: deep.name,
      shape: `2×${K}`,
      prepare: (bench) => {
        const [matrix, y] = [bench.random([2, K]), bench.output([K])];
        return { reads: [matrix.slice(1, 2)], writes: [y], run: () => reduce.addRow(bench.stream, matrix, 1, y) };
      },
    },
  ];
}

function learningCases(scale: Scale, parameters: number): Plain[] {
  const { batch, beta1, beta2 } = article;
  const size = scaledSize(parameters, scale);
  return [
    {
      kernel: "adam",
      place: "G",
      shape: millions(size),
      prepare: (bench) => {
        const [gradient, parameter, m] = [0, 1, 2].map(() => bench.random([size]));
        const v = bench.random([size], 0, 1);
        const step = bench.random([4], 0, 1e-4);
        const arenas = { gradient, parameter, m, v };
        const flag = bench.output([1]);
        return {
          reads: [gradient, parameter, m, v],
          writes: [parameter, m, v],
          run: () => adam(bench.stream, step, 1, arenas, { beta1, beta2, epsilon: 1e-8 }, flag),
        };
      },
    },
    {
      kernel: "sigmoidCrossEntropy",
      place: "d.logit",
      shape: String(batch),
      prepare: (bench) => {
        const [x, y] = [bench.random([batch]), bench.output([2])];
        return { reads: [x], writes: [y], run: () => loss.sigmoidCrossEntropy(bench.stream, x, 0.9, y) };
      },
    },
    {
      kernel: "sigmoidCrossEntropyGradient",
      place: "d.logit",
      shape: String(batch),
      prepare: (bench) => {
        const [x, dloss, dx] = [bench.random([batch]), bench.random([2]), bench.output([batch])];
        const run = () => loss.sigmoidCrossEntropyGradient(bench.stream, x, 0.9, dloss, dx);
        return { reads: [x, dloss], writes: [dx], run };
      },
    },
    {
      kernel: "sigmoidCrossEntropyBoth",
      place: "d.logit",
      shape: `2×${batch}`,
      prepare: (bench) => {
        const [x, losses, dx] = [bench.random([2 * batch]), bench.output([2, 2]), bench.output([2 * batch])];
        const run = () => loss.sigmoidCrossEntropyBoth(bench.stream, x, [0.9, 0], losses, dx);
        return { reads: [x], writes: [losses, dx], run };
      },
    },
    {
      kernel: "hingeLoss",
      place: "d.logit",
      shape: `2×${batch}`,
      prepare: (bench) => {
        const [x, losses, dx] = [bench.random([2 * batch]), bench.output([2, 2]), bench.output([2 * batch])];
        const run = () => loss.hingeLoss(bench.stream, x, [1, -1], true, losses, dx);
        return { reads: [x], writes: [losses, dx], run };
      },
    },
    {
      kernel: "relativisticLoss",
      place: "d.logit",
      shape: `2×${batch}`,
      prepare: (bench) => {
        const [x, losses, dx] = [bench.random([2 * batch]), bench.output([2, 2]), bench.output([2 * batch])];
        const run = () => loss.relativisticLoss(bench.stream, x, x, [1, -1], 0.5, losses, dx);
        return { reads: [x], writes: [losses, dx], run };
      },
    },
    {
      kernel: "recordLosses",
      place: "",
      shape: "64×8",
      prepare: (bench) => {
        const [real, fake, fooled, penalty] = [2, 2, 2, 1].map((size) => bench.random([size]));
        const ring = bench.random([64, 8]);
        const step = bench.words(Uint32Array.of(7, 0, 0, 0));
        return {
          reads: [real, fake, fooled, penalty],
          writes: [],
          run: () => loss.recordLosses(bench.stream, step, { real, fake, fooled, penalty }, step, ring),
        };
      },
    },
  ];
}

function pictureCases(scale: Scale, colours: Layer, deep: Layer): Plain[] {
  const { batch, z } = article;
  const picture = scaledActivation(colours.output, scale);
  const [N, size] = picture;
  const deepFilter = [5, 5, channels(deep.input[2], scale), channels(deep.output[2], scale)];
  const smaller = [4, 4, ...deepFilter.slice(2)];
  const shown = Math.min(N, 36);
  const changes = { color: true, translation: true, cutout: true };
  const drawnWords = (bench: Workbench, rows: number) => {
    const [step, parameters] = [bench.words(Uint32Array.of(1, 0, 0, 0)), bench.output([rows, augmentationWords])];
    return {
      parameters,
      run: () => augmentParameters(bench.stream, step, parameters, { seed: 1, purpose: 7 }, size, changes),
    };
  };
  const augmentCase = (kernel: string, host: typeof augmentGradient): Plain => ({
    kernel,
    place: "reals",
    shape: shapeText(picture),
    prepare: (bench) => {
      const [x, y] = [bench.random(picture), bench.output(picture)];
      const { parameters, run } = drawnWords(bench, N);
      run();
      return { reads: [x], writes: [y], run: () => host(bench.stream, x, y, { changes, parameters, row: 0 }) };
    },
  });
  return [
    augmentCase("augment", augment),
    augmentCase("augmentGradient", augmentGradient),
    {
      kernel: "augmentParameters",
      place: "a step",
      shape: `${3 * batch}×${augmentationWords}`,
      prepare: (bench) => {
        // Their words are not floats, so they are not checked for NaN.
        return { reads: [], writes: [], run: drawnWords(bench, 3 * batch).run };
      },
    },
    {
      kernel: "noiseUniform",
      place: "latents",
      shape: `${batch}×${z}`,
      prepare: (bench) => {
        const [step, y] = [bench.words(Uint32Array.of(1, 0, 0, 0)), bench.output([batch, z])];
        const run = () => noiseUniform(bench.stream, step, y, { seed: 1, purpose: 2, at: 0 }, -1, 1);
        return { reads: [], writes: [y], run };
      },
    },
    {
      kernel: "noiseTruncatedNormal",
      place: deep.name,
      shape: shapeText(deepFilter),
      prepare: (bench) => {
        const y = bench.output(deepFilter);
        const run = () => noiseTruncatedNormal(bench.stream, y, { seed: 1, purpose: 1, step: 0 }, 0.02);
        return { reads: [], writes: [y], run };
      },
    },
    {
      kernel: "gatherPictures",
      place: "reals",
      shape: shapeText(picture),
      prepare: (bench) => {
        const pixels = bench.words(new Uint32Array((N * size * size * 3) / 4).fill(0x40c02080));
        const step = bench.words(Uint32Array.from({ length: N }, (_, n) => n));
        const y = bench.output(picture);
        return { reads: [pixels], writes: [y], run: () => gatherPictures(bench.stream, pixels, step, 0, y) };
      },
    },
    {
      kernel: "packPictures",
      place: "samples",
      shape: shapeText([shown, size, size, 3]),
      prepare: (bench) => {
        const x = bench.random([shown, size, size, 3]);
        const pixels = bench.output([Math.ceil(x.size / 4)]);
        return { reads: [x], writes: [pixels], run: () => packPictures(bench.stream, x, pixels) };
      },
    },
    {
      kernel: "smoothFilter",
      place: deep.name,
      shape: shapeText(smaller),
      prepare: (bench) => {
        const [x, y] = [bench.random(smaller), bench.output(deepFilter)];
        return { reads: [x], writes: [y], run: () => smoothFilter(bench.stream, x, y) };
      },
    },
    {
      kernel: "smoothFilterGradient",
      place: deep.name,
      shape: shapeText(smaller),
      prepare: (bench) => {
        const [dy, dx] = [bench.random(deepFilter), bench.output(smaller)];
        return { reads: [dy], writes: [dx], run: () => smoothFilterGradient(bench.stream, dy, dx) };
      },
    },
  ];
}

/** Every case, group by group. */
export function allCases(scale: Scale): Case[] {
  const [g, d] = [generator(article), discriminator(article)];
  const layers = [...d.layers, ...g.layers];
  const layer = (name: string) => layers.find((one) => one.name === name)!;
  const convolutions = layers.filter(({ kind }) => kind !== "dense");
  const dense = [layer("g.dense"), layer("d.logit")].flatMap((one) => denseCases(one, scale));
  const [wide, deep, colours] = [layer("g.up4"), layer("d.conv5"), layer("g.rgb")];
  const parameters = countParameters(g.specs);
  const plain = (group: string, cases: readonly Plain[], quick = true): Case[] =>
    cases.map((one) => ({ ...one, group, scaled: scale.software, quick, flops: 0, inside: 0, convolution: null }));
  return [
    ...passes.flatMap((pass) => [
      ...convolutions.map((one) => convolutionCase(one, pass, scale)),
      ...dense.filter(({ convolution }) => convolution!.pass === pass),
    ]),
    ...plain("batch normalisation", [...normCases(wide, scale), ...runningCases(deep, scale)]),
    ...plain("batch normalisation", normCases(deep, scale), false),
    ...plain("one element at a time", elementwiseCases(scale, wide, colours, parameters)),
    ...plain("sums", sumCases(scale, wide, colours, deep)),
    ...plain("learning", learningCases(scale, parameters)),
    ...plain("numbers and pictures", pictureCases(scale, colours, deep)),
  ];
}

/** A sentence about what was made smaller; null if nothing was. */
export function scaleNote({ software, bindingBytes }: Scale, cases: readonly Case[]): string | null {
  if (!cases.some(({ scaled }) => scaled)) return null;
  return software
    ? `Shapes are the article's with a quarter of the channels and batches of 1 to ${article.batch}: this adapter is a CPU.`
    : `Some batches are smaller than the article's ${article.batch}: this adapter binds ${inMebibytes(bindingBytes)} at most.`;
}
