/** A parameter with its running first and second moments, all of the same length. */
export interface AdamState {
  parameter: Float64Array;
  m: Float64Array;
  v: Float64Array;
}

/** Adam's parameters for one step; t counts from 1. */
export interface AdamOptions {
  t: number;
  lr: number;
  beta1: number;
  beta2: number;
  epsilon: number;
}

/**
 * One step of Adam (Kingma and Ba 2014, arxiv.org/abs/1412.6980) in TensorFlow 1's form, the paper's "epsilon hat":
 *
 *     m ← beta1·m + (1 − beta1)·g
 *     v ← beta2·v + (1 − beta2)·g²
 *     lr_t = lr · sqrt(1 − beta2^t) / (1 − beta1^t)
 *     parameter ← parameter − lr_t · m / (sqrt(v) + epsilon)
 *
 * PyTorch and TensorFlow.js add epsilon to sqrt(v / (1 − beta2^t)) instead: at t = 1 and beta2 = 0.999 theirs has 32
 * times less effect.
 *
 * @returns the new state; the given one is not modified
 */
export function adam(state: AdamState, gradient: ArrayLike<number>, options: AdamOptions): AdamState {
  const { t, lr, beta1, beta2, epsilon } = options;
  const lrT = (lr * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
  const m = state.m.map((value, i) => beta1 * value + (1 - beta1) * gradient[i]);
  const v = state.v.map((value, i) => beta2 * value + (1 - beta2) * gradient[i] * gradient[i]);
  const parameter = state.parameter.map((value, i) => value - (lrT * m[i]) / (Math.sqrt(v[i]) + epsilon));
  return { parameter, m, v };
}
