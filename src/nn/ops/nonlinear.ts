/** Nonlinear ops. Most of their gradients are plain kernels without a second derivative: see second_derivatives.ts. */
import type { Tensor } from "../../gpu/tensor.ts";
import * as batch from "../../kernels/batch_norm.ts";
import * as map from "../../kernels/elementwise.ts";
import * as minibatch from "../../kernels/minibatch_stddev.ts";
import * as reduce from "../../kernels/reduce.ts";
import type { Tape } from "../tape.ts";
import { destination, type JointBackward } from "./backward.ts";

/** x where x > 0, slope · x elsewhere. @param x any shape */
export function leakyRelu(tape: Tape, x: Tensor, slope: number): Tensor {
  const y = tape.temporary("leaky relu", x.shape);
  map.leakyRelu(tape.stream, x, y, slope);
  return tape.record("leakyRelu", [x], y, [(dy) => leakyReluGradient(tape, dy, y, slope)]);
}

/**
 * dy where y > 0, slope · dy elsewhere. Linear in dy. As a function of y it is a step, whose derivative is 0 wherever it
 * exists, so y is not an input of the recorded op.
 */
export function leakyReluGradient(tape: Tape, dy: Tensor, y: Tensor, slope: number): Tensor {
  const dx = tape.temporary("leaky relu gradient", dy.shape);
  map.leakyReluGradient(tape.stream, dy, y, dx, slope);
  return tape.record("leakyReluGradient", [dy], dx, [(ddx) => leakyReluGradient(tape, ddx, y, slope)]);
}

/** tanh(x), whose derivative is 1 − y². @param x any shape @param y the output tensor; default: a new temporary */
export function tanh(tape: Tape, x: Tensor, y = tape.temporary("tanh", x.shape)): Tensor {
  map.tanh(tape.stream, x, y);
  const backward = (dy: Tensor) => {
    const dx = tape.temporary("tanh gradient", x.shape);
    map.tanhGradient(tape.stream, dy, y, dx);
    return dx;
  };
  return tape.record("tanh", [x], y, [backward]);
}

/** factor · Σ x². @param x any shape @returns [1] */
export function sumOfSquares(tape: Tape, x: Tensor, factor: number): Tensor {
  const y = tape.temporary("sum of squares", [1]);
  reduce.sumOfSquares(tape.stream, x, y, factor);
  const backward = (dy: Tensor) => {
    const dx = tape.temporary("sum of squares gradient", x.shape);
    map.scaleBy(tape.stream, x, dy, dx, 2 * factor);
    return dx;
  };
  return tape.record("sumOfSquares", [x], y, [backward]);
}

/**
 * Per-channel moments of x, not recorded: for drawing pictures and for `batchNorm`.
 * @param x [..., C] @returns [3, C], as in kernels/batch_norm.ts
 */
export function batchNormStatistics(tape: Tape, x: Tensor, epsilon: number): Tensor {
  const moments = tape.temporary("batch norm moments", [3, x.shape[x.shape.length - 1]]);
  batch.batchNormStatistics(tape.stream, x, moments, epsilon);
  return moments;
}

/**
 * leakyRelu(gamma · x̂ + beta) in fused kernels, where x̂ is x normalised by its own mean and variance per channel. The
 * gradient flows through these too.
 * @param x [..., C] @param gamma, beta [C]
 * @param groups number of equal groups of x's rows, each normalised by its own statistics
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
    return [dx, dgamma?.tensor ?? null, dbeta?.tensor ?? null];
  };
  return tape.record("batchNormLeakyRelu", [x, gamma, beta], y, backward, [applied]);
}

/**
 * x with one more channel: how much the pictures of a group differ (Karras et al. 2018).
 * @param x [N,H,W,C] @param group number of pictures in a group; divides N @returns [N,H,W,C+1]
 */
export function minibatchStddev(tape: Tape, x: Tensor, group: number): Tensor {
  const [N, H, W, C] = x.shape;
  const y = tape.temporary("minibatch stddev", [N, H, W, C + 1]);
  minibatch.minibatchStddev(tape.stream, x, y, group);
  return tape.record("minibatchStddev", [x], y, [(dy) => minibatchStddevGradient(tape, dy, x, group)]);
}

/** Linear in dy, but not in x, so a gradient penalty flows to both. @param dy [N,H,W,C+1] @param x, @returns [N,H,W,C] */
export function minibatchStddevGradient(tape: Tape, dy: Tensor, x: Tensor, group: number): Tensor {
  const dx = tape.temporary("minibatch stddev gradient", x.shape);
  minibatch.minibatchStddevGradient(tape.stream, dy, x, dx, group);
  const backward: JointBackward = (u) => {
    const ddy = tape.temporary("minibatch stddev curvature, dy", dy.shape);
    const ddx = tape.temporary("minibatch stddev curvature, x", x.shape);
    minibatch.minibatchStddevCurvature(tape.stream, u, dy, x, ddy, ddx, group);
    return [ddy, ddx];
  };
  return tape.record("minibatchStddevGradient", [dy, x], dx, backward);
}
