// Elementwise activations. Their gradients take the output y instead of the input, so that a network keeps only one of
// the two.

/** y = x where x > 0, slope · x elsewhere. */
export function leakyRelu(x: ArrayLike<number>, slope: number): Float64Array {
  return Float64Array.from(x, (value) => (value > 0 ? value : slope * value));
}

/**
 * dx = dy where y > 0, slope · dy elsewhere, including at exactly 0. The output has the input's sign if the slope is not
 * negative, so it serves as the mask.
 */
export function leakyReluGradient(dy: ArrayLike<number>, y: ArrayLike<number>, slope: number): Float64Array {
  return Float64Array.from(dy, (value, i) => (y[i] > 0 ? value : slope * value));
}

/** y = tanh(x) */
export function tanh(x: ArrayLike<number>): Float64Array {
  return Float64Array.from(x, Math.tanh);
}

/** dx = dy · (1 − y²) */
export function tanhGradient(dy: ArrayLike<number>, y: ArrayLike<number>): Float64Array {
  return Float64Array.from(dy, (value, i) => value * (1 - y[i] * y[i]));
}

/** y = 1 / (1 + exp(−x)), written so that exp never overflows. */
export function sigmoid(x: ArrayLike<number>): Float64Array {
  return Float64Array.from(x, (value) => {
    const e = Math.exp(-Math.abs(value));
    return value < 0 ? e / (1 + e) : 1 / (1 + e);
  });
}

/** dx = dy · y · (1 − y) */
export function sigmoidGradient(dy: ArrayLike<number>, y: ArrayLike<number>): Float64Array {
  return Float64Array.from(dy, (value, i) => value * y[i] * (1 - y[i]));
}
