import { sigmoid } from "./activations.ts";

/**
 * The mean binary cross-entropy between sigmoid(x) and a single target, computed from logits so that it cannot overflow:
 *
 *     loss = mean(max(x, 0) − x·target + log1p(exp(−|x|)))
 *
 * Source: tensorflow.org/api_docs/python/tf/nn/sigmoid_cross_entropy_with_logits
 *
 * @param x logits [N]
 * @param target the target probability, 0 … 1
 */
export function sigmoidCrossEntropy(x: ArrayLike<number>, target: number): number {
  let loss = 0;
  for (let i = 0; i < x.length; i++) {
    loss += Math.max(x[i], 0) - x[i] * target + Math.log1p(Math.exp(-Math.abs(x[i])));
  }
  return loss / x.length;
}

/**
 * The gradient of `sigmoidCrossEntropy`: dx = (sigmoid(x) − target) / N.
 *
 * @param x logits [N]
 * @returns dx [N]
 */
export function sigmoidCrossEntropyGradient(x: ArrayLike<number>, target: number): Float64Array {
  return sigmoid(x).map((score) => (score - target) / x.length);
}
