/** Curves for charts: smoothed, and no denser than a screen can show. */

/**
 * Exponential moving average, bias-corrected, so that the first values are not pulled towards 0.
 * @param weight of the earlier values, from 0 (no smoothing) to below 1
 */
export function smoothed(values: ArrayLike<number>, weight: number): Float64Array {
  const result = new Float64Array(values.length);
  let mean = 0;
  let share = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) {
      mean = weight * mean + (1 - weight) * values[i];
      share = weight * share + (1 - weight);
    }
    result[i] = share > 0 ? mean / share : Number.NaN;
  }
  return result;
}

/** At most about `max` of the indices from 0 to length − 1, evenly spaced, including the last. */
export function spread(length: number, max: number): Uint32Array {
  const stride = Math.max(1, Math.ceil(length / max));
  const kept = Math.ceil(length / stride);
  return Uint32Array.from({ length: kept }, (_, i) => length - 1 - (kept - 1 - i) * stride);
}
