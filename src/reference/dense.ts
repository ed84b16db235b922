/** The sizes of a dense layer: x [N,C], weight [C,K], y [N,K]. */
export interface DenseShape {
  N: number;
  C: number;
  K: number;
}

/**
 * Dense layer: y[n,k] = bias[k] + Σ_c x[n,c] · weight[c,k].
 *
 * @param x [N,C]
 * @param weight [C,K]
 * @param bias [K], or null for none
 * @returns y [N,K]
 */
export function dense(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | null,
  { N, C, K }: DenseShape,
): Float64Array {
  const y = new Float64Array(N * K);
  for (let n = 0; n < N; n++) {
    for (let k = 0; k < K; k++) {
      let sum = bias === null ? 0 : bias[k];
      for (let c = 0; c < C; c++) sum += x[n * C + c] * weight[c * K + k];
      y[n * K + k] = sum;
    }
  }
  return y;
}

/**
 * The gradient of `dense` with respect to x: dx[n,c] = Σ_k dy[n,k] · weight[c,k].
 *
 * @param dy [N,K]
 * @param weight [C,K]
 * @returns dx [N,C]
 */
export function denseInputGradient(
  dy: ArrayLike<number>,
  weight: ArrayLike<number>,
  { N, C, K }: DenseShape,
): Float64Array {
  const dx = new Float64Array(N * C);
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      let sum = 0;
      for (let k = 0; k < K; k++) sum += dy[n * K + k] * weight[c * K + k];
      dx[n * C + c] = sum;
    }
  }
  return dx;
}

/**
 * The gradient of `dense` with respect to the weight: dweight[c,k] = Σ_n x[n,c] · dy[n,k]. The bias gradient is
 * `columnSum(dy, N, K)`.
 *
 * @param x [N,C]
 * @param dy [N,K]
 * @returns dweight [C,K]
 */
export function denseWeightGradient(
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  { N, C, K }: DenseShape,
): Float64Array {
  const dweight = new Float64Array(C * K);
  for (let c = 0; c < C; c++) {
    for (let k = 0; k < K; k++) {
      let sum = 0;
      for (let n = 0; n < N; n++) sum += x[n * C + c] * dy[n * K + k];
      dweight[c * K + k] = sum;
    }
  }
  return dweight;
}
