/** One step of an exponential moving average: decay · average + (1 − decay) · value. */
export function ema(average: ArrayLike<number>, value: ArrayLike<number>, decay: number): Float64Array {
  return Float64Array.from(average, (old, i) => decay * old + (1 - decay) * value[i]);
}
