/**
 * Differentiable ops: each allocates its output, appends its kernels and records how to go back. Gradients are ops as
 * well; those that have no second derivative here say so when one is asked for.
 */
import { elements, type Tensor } from "../gpu/tensor.ts";
import * as augmentation from "../kernels/augment.ts";
import * as batch from "../kernels/batch_norm.ts";
import * as conv from "../kernels/conv2d.ts";
import * as map from "../kernels/elementwise.ts";
import { samePadding } from "../kernels/geometry.ts";
import * as loss from "../kernels/loss.ts";
import * as minibatch from "../kernels/minibatch_stddev.ts";
import * as naive from "../kernels/naive.ts";
import * as reduce from "../kernels/reduce.ts";
import * as smooth from "../kernels/smooth_filter.ts";
import * as spectral from "../kernels/spectral_norm.ts";
import type { Backward, JointBackward, Sink, Tape } from "./tape.ts";

/** Marks an op whose gradient cannot be differentiated again. */
function once(op: string): Backward {
  return () => {
    throw new Error(`${op}: its gradient cannot be differentiated again here`);
  };
}

/** The sink's tensor, or a new temporary that nothing was accumulated into. */
function destination(tape: Tape, label: string, shape: readonly number[], sink: Sink | undefined): Sink {
  return sink ?? { tensor: tape.temporary(label, shape), accumulate: false };
}

/** The same numbers under another shape. */
export function reshape(tape: Tape, x: Tensor, shape: readonly number[]): Tensor {
  return tape.record("reshape", [x], x.reshape(shape), [(dy) => reshape(tape, dy, x.shape)]);
}

// Convolutions. Each of the three passes has the other two as its derivatives.

/** x ∗ weight + bias. @param x [N,H,W,C] @param weight [R,S,C,K] @param bias [K] or null @returns [N,P,Q,K] */
export function conv2d(tape: Tape, x: Tensor, weight: Tensor, bias: Tensor | null, stride: number): Tensor {
  const [N, H, W] = x.shape;
  const [R, S, , K] = weight.shape;
  const y = tape.temporary("conv2d", [N, samePadding(H, R, stride).out, samePadding(W, S, stride).out, K]);
  conv.conv2d(tape.stream, x, weight, bias, y, stride);
  return tape.record("conv2d", bias ? [x, weight, bias] : [x, weight], y, [
    (dy) => conv2dInputGradient(tape, dy, weight, null, x.shape, stride),
    (dy, sink) => conv2dFilterGradient(tape, x, dy, weight.shape, stride, sink),
    (dy, sink) => biasGradient(tape, dy, sink),
  ]);
}

/** Transposed convolution. @param x [N,P,Q,K] @param weight [R,S,C,K] @param bias [C] @returns [N,P·stride,Q·stride,C] */
export function transposedConv2d(tape: Tape, x: Tensor, weight: Tensor, bias: Tensor, stride: number): Tensor {
  const [N, P, Q] = x.shape;
  return conv2dInputGradient(tape, x, weight, bias, [N, P * stride, Q * stride, weight.shape[2]], stride);
}

/** The gradient of conv2d's input; with a bias, a transposed convolution. @param xShape [N,H,W,C], the output's shape */
export function conv2dInputGradient(
  tape: Tape,
  dy: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  xShape: readonly number[],
  stride: number,
): Tensor {
  const dx = tape.temporary("conv2d input gradient", xShape);
  conv.conv2dInputGradient(tape.stream, dy, weight, bias, dx, stride);
  return tape.record("conv2dInputGradient", bias ? [dy, weight, bias] : [dy, weight], dx, [
    (ddx) => conv2d(tape, ddx, weight, null, stride),
    (ddx, sink) => conv2dFilterGradient(tape, ddx, dy, weight.shape, stride, sink),
    (ddx, sink) => biasGradient(tape, ddx, sink),
  ]);
}

/** The gradient of conv2d's weight. @param x [N,H,W,C] @param dy [N,P,Q,K] @returns [R,S,C,K] */
export function conv2dFilterGradient(
  tape: Tape,
  x: Tensor,
  dy: Tensor,
  weightShape: readonly number[],
  stride: number,
  sink?: Sink,
): Tensor {
  const { tensor, accumulate } = destination(tape, "conv2d filter gradient", weightShape, sink);
  conv.conv2dFilterGradient(tape.stream, x, dy, tensor, stride, accumulate);
  return tape.record("conv2dFilterGradient", [x, dy], tensor, [
    (ddweight) => conv2dInputGradient(tape, dy, ddweight, null, x.shape, stride),
    (ddweight) => conv2d(tape, x, ddweight, null, stride),
  ]);
}

function biasGradient(tape: Tape, dy: Tensor, sink?: Sink): Tensor {
  const { tensor, accumulate } = destination(tape, "bias gradient", [dy.shape[dy.shape.length - 1]], sink);
  reduce.columnSum(tape.stream, dy, tensor, accumulate);
  return tape.record("biasGradient", [dy], tensor, [once("biasGradient")]);
}

// Dense layers. Below this many columns a GEMM tile would idle.

const fewColumns = 4;

/** x · weight + bias. @param x [N,C] @param weight [C,K] @param bias [K] or null @returns [N,K] */
export function dense(tape: Tape, x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  const y = tape.temporary("dense", [x.shape[0], weight.shape[1]]);
  const forward = weight.shape[1] < fewColumns ? conv.denseRows : conv.dense;
  forward(tape.stream, x, weight, bias, y);
  return tape.record("dense", bias ? [x, weight, bias] : [x, weight], y, [
    (dy) => denseInputGradient(tape, dy, weight),
    (dy, sink) => denseWeightGradient(tape, x, dy, sink),
    (dy, sink) => biasGradient(tape, dy, sink),
  ]);
}

/** dy · weightᵀ. @param dy [N,K] @param weight [C,K] @returns [N,C] */
export function denseInputGradient(tape: Tape, dy: Tensor, weight: Tensor): Tensor {
  const dx = tape.temporary("dense input gradient", [dy.shape[0], weight.shape[0]]);
  const backward = weight.shape[1] < fewColumns ? naive.denseInputGradientNaive : conv.denseInputGradient;
  backward(tape.stream, dy, weight, dx);
  return tape.record("denseInputGradient", [dy, weight], dx, [
    (ddx) => dense(tape, ddx, weight, null),
    (ddx, sink) => denseWeightGradient(tape, ddx, dy, sink),
  ]);
}

/** xᵀ · dy. @param x [N,C] @param dy [N,K] @returns [C,K] */
export function denseWeightGradient(tape: Tape, x: Tensor, dy: Tensor, sink?: Sink): Tensor {
  const K = dy.shape[1];
  const { tensor, accumulate } = destination(tape, "dense weight gradient", [x.shape[1], K], sink);
  const backward = K < fewColumns ? naive.denseWeightGradientNaive : conv.denseWeightGradient;
  backward(tape.stream, x, dy, tensor, accumulate);
  return tape.record("denseWeightGradient", [x, dy], tensor, [
    (ddweight) => denseInputGradient(tape, dy, ddweight),
    (ddweight) => dense(tape, x, ddweight, null),
  ]);
}

/** The smooth transposed filter: weight ∗ 2×2 box / 4. @param weight [R,S,C,K] @returns [R+1,S+1,C,K] */
export function smoothFilter(tape: Tape, weight: Tensor): Tensor {
  const [R, S, C, K] = weight.shape;
  const y = tape.temporary("smooth filter", [R + 1, S + 1, C, K]);
  smooth.smoothFilter(tape.stream, weight, y);
  return tape.record("smoothFilter", [weight], y, [
    (dy, sink) => {
      const { tensor, accumulate } = destination(tape, "smooth filter gradient", weight.shape, sink);
      smooth.smoothFilterGradient(tape.stream, dy, tensor, accumulate);
      return tape.record("smoothFilterGradient", [dy], tensor, [(ddweight) => smoothFilter(tape, ddweight)]);
    },
  ]);
}

// Spectral normalisation of a weight, as the matrix of its last axis and all others

function asMatrix(weight: Tensor): Tensor {
  const columns = weight.shape[weight.shape.length - 1];
  return weight.reshape([weight.size / columns, columns]);
}

/** weight · u. @param weight [..., K] @param u [K] @returns [rows] */
function matrixVector(tape: Tape, weight: Tensor, u: Tensor): Tensor {
  const matrix = asMatrix(weight);
  const y = tape.temporary("matrix times vector", [matrix.shape[0]]);
  conv.denseRows(tape.stream, matrix, u.reshape([u.size, 1]), null, y.reshape([y.size, 1]));
  return y;
}

/**
 * One turn of the power iteration towards a weight's first singular vectors. Not differentiated.
 * @param weight [..., K], as a matrix [rows, K] @param u [K], which moves @returns v [rows]
 */
export function powerIteration(tape: Tape, weight: Tensor, u: Tensor): Tensor {
  const { stream } = tape;
  const product = matrixVector(tape, weight, u);
  const v = tape.temporary("left singular vector", product.shape);
  spectral.normalise(stream, product, v);
  tape.release(product);
  const partial = stream.temporary("vector times matrix", [spectral.vectorChunks(v.size).count, u.size]);
  spectral.vectorMatrix(stream, v, asMatrix(weight), partial);
  spectral.normalise(stream, partial, u);
  stream.release(partial);
  return v;
}

/**
 * weight / σ with σ = vᵀ · weight · u, where u and v are constants (Miyato et al. 2018, eq. 12): the gradient of σ is v uᵀ.
 * @param weight [..., K] @param u [K] @param v [rows]
 */
export function spectralNorm(tape: Tape, weight: Tensor, u: Tensor, v: Tensor): Tensor {
  const { stream } = tape;
  const product = matrixVector(tape, weight, u);
  const sigma = tape.temporary("spectral norm", [1]);
  reduce.dot(stream, product, v, sigma);
  tape.release(product);
  const y = tape.temporary("spectrally normalised", weight.shape);
  map.divideBy(stream, weight, sigma, y);
  const backward: Backward = (dy, sink) => {
    const { tensor, accumulate } = destination(tape, "spectral norm gradient", weight.shape, sink);
    const inner = stream.temporary("spectral norm inner product", [1]);
    reduce.dot(stream, dy, y, inner);
    spectral.spectralNormGradient(stream, dy, { inner, u, v, sigma }, tensor, accumulate);
    stream.release(inner);
    return tape.record("spectralNormGradient", [dy, weight], tensor, [once("spectralNorm"), once("spectralNorm")]);
  };
  return tape.record("spectralNorm", [weight], y, [backward], [sigma]);
}

// Activations

/** x where x > 0, slope · x elsewhere. */
export function leakyRelu(tape: Tape, x: Tensor, slope: number): Tensor {
  const y = tape.temporary("leaky relu", x.shape);
  map.leakyRelu(tape.stream, x, y, slope);
  return tape.record("leakyRelu", [x], y, [(dy) => leakyReluGradient(tape, dy, y, slope)]);
}

/** dy where y > 0, slope · dy elsewhere. Linear in dy; y only chooses, so nothing flows to it. */
export function leakyReluGradient(tape: Tape, dy: Tensor, y: Tensor, slope: number): Tensor {
  const dx = tape.temporary("leaky relu gradient", dy.shape);
  map.leakyReluGradient(tape.stream, dy, y, dx, slope);
  return tape.record("leakyReluGradient", [dy], dx, [(ddx) => leakyReluGradient(tape, ddx, y, slope)]);
}

/** tanh(x). @param y like x, where it is to be written; a new tensor when left out */
export function tanh(tape: Tape, x: Tensor, y = tape.temporary("tanh", x.shape)): Tensor {
  map.tanh(tape.stream, x, y);
  return tape.record("tanh", [x], y, [
    (dy) => {
      const dx = tape.temporary("tanh gradient", x.shape);
      map.tanhGradient(tape.stream, dy, y, dx);
      return tape.record("tanhGradient", [dy, y], dx, [once("tanhGradient"), once("tanhGradient")]);
    },
  ]);
}

/** 1 / (1 + exp(−x)). */
export function sigmoid(tape: Tape, x: Tensor): Tensor {
  const y = tape.temporary("sigmoid", x.shape);
  map.sigmoid(tape.stream, x, y);
  return tape.record("sigmoid", [x], y, [
    (dy) => {
      const dx = tape.temporary("sigmoid gradient", x.shape);
      map.sigmoidGradient(tape.stream, dy, y, dx);
      return tape.record("sigmoidGradient", [dy, y], dx, [once("sigmoidGradient"), once("sigmoidGradient")]);
    },
  ]);
}

// Batch normalisation

/** Per-column statistics of x. Not differentiated by itself: `batchNorm` goes back through them. @returns [3, C] */
export function batchNormStatistics(tape: Tape, x: Tensor, epsilon: number): Tensor {
  const moments = tape.temporary("batch norm moments", [3, x.shape[x.shape.length - 1]]);
  batch.batchNormStatistics(tape.stream, x, moments, epsilon);
  return moments;
}

/**
 * gamma · x̂ + beta, normalised by x's own statistics, through which the gradient flows.
 * @param x [..., C] @param moments [3, C], of this x @param gamma, beta [C]
 */
export function batchNorm(tape: Tape, x: Tensor, moments: Tensor, gamma: Tensor, beta: Tensor): Tensor {
  const C = gamma.size;
  const y = tape.temporary("batch norm", x.shape);
  batch.batchNorm(tape.stream, x, moments, gamma, beta, y);
  const saved = [moments];
  let shared: { dy: Tensor; dx: Tensor; sums: Tensor } | null = null;
  // One kernel pass gives all three gradients; whichever is asked for first computes it.
  const all = (dy: Tensor) => {
    if (shared?.dy !== dy) {
      const sums = tape.temporary("batch norm sums", [2, C]);
      const dx = tape.temporary("batch norm gradient", x.shape);
      batch.batchNormGradient(tape.stream, dy, x, moments, gamma, sums, dx);
      saved.push(sums);
      shared = { dy, dx, sums };
    }
    return shared;
  };
  const parameter = (row: number, label: string) => (dy: Tensor, sink?: Sink) => {
    const { tensor, accumulate } = destination(tape, label, [C], sink);
    reduce.addRow(tape.stream, all(dy).sums, row, tensor, accumulate);
    return tape.record(label, [dy], tensor, [once("batchNormGradient")]);
  };
  const input = (dy: Tensor) => {
    const { dx } = all(dy);
    return tape.record(
      "batchNormGradient",
      [dy, x, gamma],
      dx,
      [1, 2, 3].map(() => once("batchNormGradient")),
    );
  };
  return tape.record("batchNorm", [x, gamma, beta], y, [input, parameter(0, "dgamma"), parameter(1, "dbeta")], saved);
}

/**
 * leakyRelu(gamma · x̂ + beta), normalised by x's own statistics, in one op whose kernels are fused.
 * @param x [..., C] @param gamma, beta [C] @param groups into which x's rows fall, each normalised by itself
 */
export function batchNormLeakyRelu(
  tape: Tape,
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  { groups = 1, ...options }: batch.BatchNormLeakyRelu & { readonly groups?: number },
): Tensor {
  const C = gamma.size;
  const { slope } = options;
  const y = tape.temporary("batch norm, leaky relu", x.shape);
  const applied = tape.temporary("batch norm applied", [groups, 4, C]);
  batch.batchNormLeakyRelu(tape.stream, x, gamma, beta, y, applied, options);
  const backward: JointBackward = (dy, [, askedGamma, askedBeta]) => {
    const dx = tape.temporary("batch norm, leaky relu gradient", x.shape);
    const dgamma = askedGamma && destination(tape, "dgamma", [C], askedGamma.sink);
    const dbeta = askedBeta && destination(tape, "dbeta", [C], askedBeta.sink);
    batch.batchNormLeakyReluGradient(tape.stream, dy, x, applied, dx, { slope, dgamma, dbeta });
    const results = [dx, dgamma?.tensor ?? null, dbeta?.tensor ?? null];
    const again = [1, 2, 3].map(() => once("batchNormLeakyReluGradient"));
    for (const result of results) if (result) tape.record("batchNormLeakyReluGradient", [dy, x, gamma], result, again);
    return results;
  };
  return tape.record("batchNormLeakyRelu", [x, gamma, beta], y, backward, [applied]);
}

// Minibatch standard deviation

/**
 * x and one channel more: how much the pictures of a group differ (Karras et al. 2018).
 * @param x [N,H,W,C] @param group pictures that are a group, N a multiple @returns [N,H,W,C+1]
 */
export function minibatchStddev(tape: Tape, x: Tensor, group: number): Tensor {
  const [N, H, W, C] = x.shape;
  const y = tape.temporary("minibatch stddev", [N, H, W, C + 1]);
  minibatch.minibatchStddev(tape.stream, x, y, group);
  return tape.record("minibatchStddev", [x], y, [(dy) => minibatchStddevGradient(tape, dy, x, group)]);
}

/** Linear in dy, but not in x: a penalty on the gradient goes back to both. @param dy [N,H,W,C+1] @param x [N,H,W,C] */
export function minibatchStddevGradient(tape: Tape, dy: Tensor, x: Tensor, group: number): Tensor {
  const dx = tape.temporary("minibatch stddev gradient", x.shape);
  minibatch.minibatchStddevGradient(tape.stream, dy, x, dx, group);
  const backward: JointBackward = (u) => {
    const ddy = tape.temporary("minibatch stddev curvature, dy", dy.shape);
    const ddx = tape.temporary("minibatch stddev curvature, x", x.shape);
    minibatch.minibatchStddevCurvature(tape.stream, u, dy, x, ddy, ddx, group);
    const again = [1, 2, 3].map(() => once("minibatchStddevGradient"));
    for (const result of [ddy, ddx]) tape.record("minibatchStddevCurvature", [u, dy, x], result, again);
    return [ddy, ddx];
  };
  return tape.record("minibatchStddevGradient", [dy, x], dx, backward);
}

// Losses

/** (mean cross-entropy, mean σ(x)). Only the first has a gradient. @param x [N,1] logits @returns [2] */
export function sigmoidCrossEntropy(tape: Tape, x: Tensor, target: number): Tensor {
  const y = tape.temporary("sigmoid cross-entropy", [2]);
  loss.sigmoidCrossEntropy(tape.stream, x, target, y);
  return tape.record("sigmoidCrossEntropy", [x], y, [
    (dy) => {
      const dx = tape.temporary("sigmoid cross-entropy gradient", x.shape);
      loss.sigmoidCrossEntropyGradient(tape.stream, x, target, dy, dx);
      return tape.record("sigmoidCrossEntropyGradient", [dy, x], dx, [
        once("sigmoidCrossEntropy"),
        once("sigmoidCrossEntropy"),
      ]);
    },
  ]);
}

/** factor · Σ x². @returns [1] */
export function sumOfSquares(tape: Tape, x: Tensor, factor: number): Tensor {
  const y = tape.temporary("sum of squares", [1]);
  reduce.sumOfSquares(tape.stream, x, y, factor);
  return tape.record("sumOfSquares", [x], y, [
    (dy) => {
      const dx = tape.temporary("sum of squares gradient", x.shape);
      map.scaleBy(tape.stream, x, dy, dx, 2 * factor);
      return tape.record("sumOfSquaresGradient", [x, dy], dx, [once("sumOfSquares"), once("sumOfSquares")]);
    },
  ]);
}

// Augmentation: affine, so that its gradient is linear, and the gradient's gradient is its linear part.

/** x as D sees it, changed by chance. @param x [N,size,size,3] @returns the same shape */
export function augment(tape: Tape, x: Tensor, drawn: augmentation.Drawn, offset = 1): Tensor {
  const y = tape.temporary("augmented", x.shape);
  augmentation.augment(tape.stream, x, y, drawn, offset);
  return tape.record("augment", [x], y, [(dy) => augmentGradient(tape, dy, drawn)]);
}

function augmentGradient(tape: Tape, dy: Tensor, drawn: augmentation.Drawn): Tensor {
  const dx = tape.temporary("augment gradient", dy.shape);
  augmentation.augmentGradient(tape.stream, dy, dx, drawn);
  return tape.record("augmentGradient", [dy], dx, [(ddx) => augment(tape, ddx, drawn, 0)]);
}

/** All but the first axis as one: NHWC pictures to the rows of a dense layer. */
export function flatten(tape: Tape, x: Tensor): Tensor {
  return reshape(tape, x, [x.shape[0], elements(x.shape) / x.shape[0]]);
}
