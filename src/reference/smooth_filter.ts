/**
 * A filter that leaves no checkerboard: the full convolution of w with a 2×2 box, times 1/4.
 *
 *     y[r,s] = (w[r,s] + w[r−1,s] + w[r,s−1] + w[r−1,s−1]) / 4, where w is 0 outside
 *
 * At stride 2 the taps of a transposed convolution form four phases by the parity of r and s. Each w contributes to every
 * phase exactly once, so their sums are all equal, and a flat input gives a flat output. For why that matters, see Odena,
 * Dumoulin and Olah 2016, distill.pub/2016/deconv-checkerboard.
 *
 * @param w [R,S,C,K]
 * @returns [R+1,S+1,C,K]
 */
export function smoothFilter(w: ArrayLike<number>, R: number, S: number, C: number, K: number): Float64Array {
  const y = new Float64Array((R + 1) * (S + 1) * C * K);
  for (let r = 0; r < R; r++) {
    for (let s = 0; s < S; s++) {
      for (let i = 0; i < C * K; i++) {
        const value = w[(r * S + s) * C * K + i] / 4;
        for (const [dr, ds] of BOX) y[((r + dr) * (S + 1) + s + ds) * C * K + i] += value;
      }
    }
  }
  return y;
}

/**
 * The gradient of `smoothFilter`: dw[r,s] = (dy[r,s] + dy[r+1,s] + dy[r,s+1] + dy[r+1,s+1]) / 4.
 *
 * @param dy [R+1,S+1,C,K]; R and S are those of w
 * @returns dw [R,S,C,K]
 */
export function smoothFilterGradient(dy: ArrayLike<number>, R: number, S: number, C: number, K: number): Float64Array {
  const dw = new Float64Array(R * S * C * K);
  for (let r = 0; r < R; r++) {
    for (let s = 0; s < S; s++) {
      for (let i = 0; i < C * K; i++) {
        for (const [dr, ds] of BOX) dw[(r * S + s) * C * K + i] += dy[((r + dr) * (S + 1) + s + ds) * C * K + i] / 4;
      }
    }
  }
  return dw;
}

const BOX = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
