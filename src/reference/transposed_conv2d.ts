import { type ConvShape, samePadding } from "./conv2d.ts";

// The shape is that of the convolution being transposed: its input [N,H,W,C] is the output here, and its output [N,P,Q,K]
// is the input. The loops below follow the scatter definition and do not use conv2d, so that the adjoint identities between
// the two files test both.

/**
 * Calls `visit` for every product inside the picture, with its indices in the
 * picture [N,H,W,C], the map [N,P,Q,K] and the filter [R,S,C,K].
 */
function everyProduct(
  { N, H, W, C, R, S, K, stride }: ConvShape,
  visit: (image: number, map: number, filter: number) => void,
): void {
  const { out: P, before: top } = samePadding(H, R, stride);
  const { out: Q, before: left } = samePadding(W, S, stride);
  for (let n = 0; n < N; n++) {
    for (let p = 0; p < P; p++) {
      for (let q = 0; q < Q; q++) {
        for (let r = 0; r < R; r++) {
          const h = p * stride + r - top;
          if (h < 0 || h >= H) continue;
          for (let s = 0; s < S; s++) {
            const w = q * stride + s - left;
            if (w < 0 || w >= W) continue;
            for (let c = 0; c < C; c++) {
              for (let k = 0; k < K; k++) {
                visit(((n * H + h) * W + w) * C + c, ((n * P + p) * Q + q) * K + k, ((r * S + s) * C + c) * K + k);
              }
            }
          }
        }
      }
    }
  }
}

/**
 * Transposed two-dimensional convolution: every input pixel adds its scaled copy of the filter to the output.
 *
 *     y[n, p·stride + r − before, q·stride + s − before, c] += x[n,p,q,k] · weight[r,s,c,k]
 *
 * starting from y = bias; terms outside the picture are dropped. Several H give the same P (at stride 2, both 7 and 8
 * give 4), so the shape must specify H and W.
 *
 * @param x [N,P,Q,K]
 * @param weight [R,S,C,K]: TensorFlow's HWOI, since C is the number of output channels
 * @param bias [C], or null for none
 * @returns y [N,H,W,C]
 */
export function transposedConv2d(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | null,
  shape: ConvShape,
): Float64Array {
  const { N, H, W, C } = shape;
  const y = Float64Array.from({ length: N * H * W * C }, (_, i) => (bias === null ? 0 : bias[i % C]));
  everyProduct(shape, (image, map, filter) => {
    y[image] += x[map] * weight[filter];
  });
  return y;
}

/**
 * The gradient of `transposedConv2d` with respect to x: each input pixel collects from the pixels it was scattered to.
 *
 *     dx[n,p,q,k] = Σ_r,s,c dy[n, p·stride + r − before, q·stride + s − before, c] · weight[r,s,c,k]
 *
 * @param dy [N,H,W,C]
 * @param weight [R,S,C,K]
 * @returns dx [N,P,Q,K]
 */
export function transposedConv2dInputGradient(
  dy: ArrayLike<number>,
  weight: ArrayLike<number>,
  shape: ConvShape,
): Float64Array {
  const { N, H, W, R, S, K, stride } = shape;
  const dx = new Float64Array(N * samePadding(H, R, stride).out * samePadding(W, S, stride).out * K);
  everyProduct(shape, (image, map, filter) => {
    dx[map] += dy[image] * weight[filter];
  });
  return dx;
}

/**
 * The gradient of `transposedConv2d` with respect to the weight:
 *
 *     dweight[r,s,c,k] = Σ_n,p,q dy[n, p·stride + r − before, q·stride + s − before, c] · x[n,p,q,k]
 *
 * The bias gradient is `columnSum(dy, N·H·W, C)`.
 *
 * @param x [N,P,Q,K]
 * @param dy [N,H,W,C]
 * @returns dweight [R,S,C,K]
 */
export function transposedConv2dFilterGradient(
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  shape: ConvShape,
): Float64Array {
  const dweight = new Float64Array(shape.R * shape.S * shape.C * shape.K);
  everyProduct(shape, (image, map, filter) => {
    dweight[filter] += dy[image] * x[map];
  });
  return dweight;
}
