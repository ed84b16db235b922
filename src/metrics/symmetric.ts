/**
 * Eigenvalues and eigenvectors of a small symmetric matrix by Jacobi's rotations (1846): each makes one pair of
 * off-diagonal numbers 0; after a few sweeps over all pairs, all of them are 0.
 * @param matrix [n, n]
 * @returns values [n], and vectors [n, n], one a column
 */
export function eigenSymmetric(matrix: ArrayLike<number>, n: number): { values: number[]; vectors: Float64Array } {
  const a = Float64Array.from(matrix);
  const vectors = new Float64Array(n * n).map((_, i) => (i % (n + 1) === 0 ? 1 : 0));
  for (let sweep = 0; sweep < 30; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (a[p * n + q] === 0) continue;
        const theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const cosine = 1 / Math.hypot(t, 1);
        const sine = t * cosine;
        const rotate = (m: Float64Array, i: number, j: number) => {
          const [x, y] = [m[i], m[j]];
          m[i] = cosine * x - sine * y;
          m[j] = sine * x + cosine * y;
        };
        for (let k = 0; k < n; k++) rotate(a, k * n + p, k * n + q);
        for (let k = 0; k < n; k++) rotate(a, p * n + k, q * n + k);
        for (let k = 0; k < n; k++) rotate(vectors, k * n + p, k * n + q);
        a[p * n + q] = a[q * n + p] = 0;
      }
    }
  }
  return { values: Array.from({ length: n }, (_, i) => a[i * (n + 1)]), vectors };
}
