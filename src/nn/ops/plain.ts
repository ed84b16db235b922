/**
 * Ops for reading and for tests. Training uses fused ones instead: `batchNormLeakyRelu` (nonlinear.ts), and the loss kernels
 * that compute the logits' gradients together with the losses (train/losses.ts).
 */
import type { Tensor } from "../../gpu/tensor.ts";
import * as batch from "../../kernels/batch_norm.ts";
import * as map from "../../kernels/elementwise.ts";
import * as loss from "../../kernels/loss.ts";
import { addRow } from "../../kernels/reduce.ts";

import type { Tape } from "../tape.ts";
import { type Asked, destination, type JointBackward } from "./backward.ts";

/** 1 / (1 + exp(−x)), whose derivative is y · (1 − y). @param x any shape */
export function sigmoid(tape: Tape, x: Tensor): Tensor {
  const y = tape.temporary("sigmoid", x.shape);
  map.sigmoid(tape.stream, x, y);
  const backward = (dy: Tensor) => {
    const dx = tape.temporary("sigmoid gradient", x.shape);
    map.sigmoidGradient(tape.stream, dy, y, dx);
    return dx;
  };
  return tape.record("sigmoid", [x], y, [backward]);
}

/** The mean cross-entropy with one target, and the mean σ(x), which has no gradient. @param x [N,1] logits @returns [2] */
export function sigmoidCrossEntropy(tape: Tape, x: Tensor, target: number): Tensor {
  const y = tape.temporary("sigmoid cross-entropy", [2]);
  loss.sigmoidCrossEntropy(tape.stream, x, target, y);
  const backward = (dy: Tensor) => {
    const dx = tape.temporary("sigmoid cross-entropy gradient", x.shape);
    loss.sigmoidCrossEntropyGradient(tape.stream, x, target, dy, dx);
    return dx;
  };
  return tape.record("sigmoidCrossEntropy", [x], y, [backward]);
}

/**
 * gamma · x̂ + beta, where x̂ is x normalised by its own moments, through which the gradient flows too.
 * @param x [..., C] @param moments [3, C], from `batchNormStatistics` of x @param gamma, beta [C]
 */
export function batchNorm(tape: Tape, x: Tensor, moments: Tensor, gamma: Tensor, beta: Tensor): Tensor {
  const C = gamma.size;
  const y = tape.temporary("batch norm", x.shape);
  batch.batchNorm(tape.stream, x, moments, gamma, beta, y);
  const backward: JointBackward = (dy, [, askedGamma, askedBeta]) => {
    const dx = tape.temporary("batch norm gradient", x.shape);
    const sums = tape.temporary("batch norm sums", [2, C]);
    batch.batchNormGradient(tape.stream, dy, x, moments, gamma, sums, dx);
    const row = (label: string, index: number, asked: Asked | null) => {
      if (!asked) return null;
      const { tensor, accumulate } = destination(tape, label, [C], asked.sink);
      addRow(tape.stream, sums, index, tensor, accumulate);
      return tensor;
    };
    const gradients = [dx, row("dgamma", 0, askedGamma), row("dbeta", 1, askedBeta)];
    tape.release(sums);
    return gradients;
  };
  return tape.record("batchNorm", [x, gamma, beta], y, backward, [moments]);
}
