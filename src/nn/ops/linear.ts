/**
 * Linear ops: each is linear (or affine) in each of its inputs, so its gradients are linear ops too and can be
 * differentiated again without a new kernel. Only the bias gradient, a sum over rows, has no derivative here.
 */
import { elements, type Tensor } from "../../gpu/tensor.ts";
import * as augmentation from "../../kernels/augment.ts";
import * as conv from "../../kernels/conv2d.ts";
import { samePadding } from "../../kernels/geometry.ts";
import * as naive from "../../kernels/naive.ts";
import { columnSum } from "../../kernels/reduce.ts";
import * as smooth from "../../kernels/smooth_filter.ts";

import type { Tape } from "../tape.ts";
import { destination, type Sink } from "./backward.ts";

/** A view of the same buffer with another shape. @param shape must have as many elements as x */
export function reshape(tape: Tape, x: Tensor, shape: readonly number[]): Tensor {
  return tape.record("reshape", [x], x.reshape(shape), [(dy) => reshape(tape, dy, x.shape)]);
}

/** Merges all axes except the first. @param x [N, ...] @returns [N, the product of the others] */
export function flatten(tape: Tape, x: Tensor): Tensor {
  return reshape(tape, x, [x.shape[0], elements(x.shape) / x.shape[0]]);
}

// Convolutions. Output, input gradient and filter gradient: the derivatives of each are the other two.

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

/** The sum over all axes except the last. @param dy [..., K] @returns [K] */
function biasGradient(tape: Tape, dy: Tensor, sink?: Sink): Tensor {
  const { tensor, accumulate } = destination(tape, "bias gradient", [dy.shape[dy.shape.length - 1]], sink);
  columnSum(tape.stream, dy, tensor, accumulate);
  return tensor;
}

// Dense layers. With fewer columns than this, a tile of the matrix product would be mostly empty.

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

/** A filter smoothed against checkerboards: weight ∗ 2×2 box / 4. @param weight [R,S,C,K] @returns [R+1,S+1,C,K] */
export function smoothFilter(tape: Tape, weight: Tensor): Tensor {
  const [R, S, C, K] = weight.shape;
  const y = tape.temporary("smooth filter", [R + 1, S + 1, C, K]);
  smooth.smoothFilter(tape.stream, weight, y);
  return tape.record("smoothFilter", [weight], y, [(dy, sink) => smoothFilterGradient(tape, dy, sink)]);
}

/** The transpose of smoothFilter. @param dy [R+1,S+1,C,K] @returns [R,S,C,K] */
export function smoothFilterGradient(tape: Tape, dy: Tensor, sink?: Sink): Tensor {
  const [height, width, C, K] = dy.shape;
  const { tensor, accumulate } = destination(tape, "smooth filter gradient", [height - 1, width - 1, C, K], sink);
  smooth.smoothFilterGradient(tape.stream, dy, tensor, accumulate);
  return tape.record("smoothFilterGradient", [dy], tensor, [(ddweight) => smoothFilter(tape, ddweight)]);
}

// Augmentation is affine: its gradient is linear, and the gradient's gradient is the augmentation without its offset.

/**
 * Pictures as D sees them: each with its own random changes of colour and position.
 * @param x [N,size,size,3] @param drawn the random changes @param offset 0 leaves out brightness, the only constant term
 * @returns like x
 */
export function augment(tape: Tape, x: Tensor, drawn: augmentation.Drawn, offset = 1): Tensor {
  const y = tape.temporary("augmented", x.shape);
  augmentation.augment(tape.stream, x, y, drawn, offset);
  return tape.record("augment", [x], y, [(dy) => augmentGradient(tape, dy, drawn)]);
}

/** The transpose of augment's linear part. @param dy, @returns [N,size,size,3] */
export function augmentGradient(tape: Tape, dy: Tensor, drawn: augmentation.Drawn): Tensor {
  const dx = tape.temporary("augment gradient", dy.shape);
  augmentation.augmentGradient(tape.stream, dy, dx, drawn);
  return tape.record("augmentGradient", [dy], dx, [(ddx) => augment(tape, ddx, drawn, 0)]);
}
