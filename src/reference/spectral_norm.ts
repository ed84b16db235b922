import { dot, sumOfSquares } from "./reduce.ts";

// Spectral normalisation (Miyato, Kataoka, Koyama and Yoshida 2018, arxiv.org/abs/1802.05957) of a matrix x [rows, K]; a
// filter [R,S,C,K] has R·S·C rows. The paper's matrix is the transpose, so its u and v are swapped.

/** x · u @param x [rows, K] @param u [K] @returns [rows] */
export function matrixVector(x: ArrayLike<number>, u: ArrayLike<number>, rows: number): Float64Array {
  const y = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < u.length; k++) y[row] += x[row * u.length + k] * u[k];
  }
  return y;
}

/** vᵀ · x @param v [rows] @param x [rows, K] @returns [K] */
export function vectorMatrix(v: ArrayLike<number>, x: ArrayLike<number>, K: number): Float64Array {
  const y = new Float64Array(K);
  for (let row = 0; row < v.length; row++) {
    for (let k = 0; k < K; k++) y[k] += v[row] * x[row * K + k];
  }
  return y;
}

/** x / max(‖x‖, 1e-12) */
export function normalise(x: ArrayLike<number>): Float64Array {
  const length = Math.max(Math.sqrt(sumOfSquares(x)), 1e-12);
  return Float64Array.from(x, (value) => value / length);
}

/**
 * One step of the power iteration towards x's first pair of singular vectors: v = normalise(x·u), u = normalise(vᵀ·x).
 *
 * @param x [rows, K]
 * @param u [K], from the previous step
 * @returns v [rows] and the new u [K]
 */
export function powerIteration(x: ArrayLike<number>, u: ArrayLike<number>): { v: Float64Array; u: Float64Array } {
  const v = normalise(matrixVector(x, u, x.length / u.length));
  return { v, u: normalise(vectorMatrix(v, x, u.length)) };
}

/**
 * y = x / σ with σ = vᵀ x u.
 *
 * @param x [rows, K]
 * @param u [K]
 * @param v [rows]
 */
export function spectralNorm(
  x: ArrayLike<number>,
  u: ArrayLike<number>,
  v: ArrayLike<number>,
): { y: Float64Array; sigma: number } {
  const sigma = dot(matrixVector(x, u, v.length), v);
  return { y: Float64Array.from(x, (value) => value / sigma), sigma };
}

/**
 * The gradient of `spectralNorm` with u and v constant: dx = (dy − ⟨dy, y⟩ · v uᵀ) / σ.
 *
 * @param dy [rows, K]
 * @returns dx [rows, K]
 */
export function spectralNormGradient(
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  u: ArrayLike<number>,
  v: ArrayLike<number>,
): Float64Array {
  const { y, sigma } = spectralNorm(x, u, v);
  const inner = dot(dy, y);
  const K = u.length;
  return Float64Array.from(dy, (value, i) => (value - inner * v[Math.floor(i / K)] * u[i % K]) / sigma);
}
