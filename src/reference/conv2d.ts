/**
 * The sizes of a convolution: x [N,H,W,C], weight [R,S,C,K], y [N,P,Q,K], where P and Q follow from
 * `samePadding(H, R, stride)` and `samePadding(W, S, stride)`.
 */
export interface ConvShape {
  N: number;
  H: number;
  W: number;
  C: number;
  R: number;
  S: number;
  K: number;
  stride: number;
}

/**
 * TensorFlow's SAME padding along one axis, in pixels:
 *
 *     out   = ceil(size / stride)
 *     total = max((out − 1)·stride + kernel − size, 0)
 *
 * of which floor(total / 2) go before the first pixel and the rest after the last one.
 * Source: tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
 */
export function samePadding(
  size: number,
  kernel: number,
  stride: number,
): { out: number; before: number; after: number } {
  const out = Math.ceil(size / stride);
  const total = Math.max((out - 1) * stride + kernel - size, 0);
  const before = Math.floor(total / 2);
  return { out, before, after: total - before };
}

/**
 * Two-dimensional convolution (a cross-correlation, as in every framework) with SAME padding:
 *
 *     y[n,p,q,k] = bias[k] + Σ_r,s,c x[n, p·stride + r − before, q·stride + s − before, c] · weight[r,s,c,k]
 *
 * Pixels outside the picture count as 0.
 *
 * @param x [N,H,W,C]
 * @param weight [R,S,C,K]
 * @param bias [K], or null for none
 * @returns y [N,P,Q,K]
 */
export function conv2d(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | null,
  shape: ConvShape,
): Float64Array {
  const { N, H, W, C, R, S, K, stride } = shape;
  const { out: P, before: top } = samePadding(H, R, stride);
  const { out: Q, before: left } = samePadding(W, S, stride);
  const y = new Float64Array(N * P * Q * K);
  for (let n = 0; n < N; n++) {
    for (let p = 0; p < P; p++) {
      for (let q = 0; q < Q; q++) {
        for (let k = 0; k < K; k++) {
          let sum = bias === null ? 0 : bias[k];
          for (let r = 0; r < R; r++) {
            const h = p * stride + r - top;
            if (h < 0 || h >= H) continue;
            for (let s = 0; s < S; s++) {
              const w = q * stride + s - left;
              if (w < 0 || w >= W) continue;
              for (let c = 0; c < C; c++) {
                sum += x[((n * H + h) * W + w) * C + c] * weight[((r * S + s) * C + c) * K + k];
              }
            }
          }
          y[((n * P + p) * Q + q) * K + k] = sum;
        }
      }
    }
  }
  return y;
}

/**
 * The gradient of `conv2d` with respect to x, gathered: tap r reaches row h from row p when p·stride + r − before = h,
 * so only taps with r ≡ h + before (mod stride) take part.
 *
 *     dx[n,h,w,c] = Σ_r,s,k dy[n, (h + before − r)/stride, (w + before − s)/stride, k] · weight[r,s,c,k]
 *
 * @param dy [N,P,Q,K]
 * @param weight [R,S,C,K]
 * @returns dx [N,H,W,C]; 0 where no tap reaches a pixel (stride > kernel)
 */
export function conv2dInputGradient(dy: ArrayLike<number>, weight: ArrayLike<number>, shape: ConvShape): Float64Array {
  const { N, H, W, C, R, S, K, stride } = shape;
  const { out: P, before: top } = samePadding(H, R, stride);
  const { out: Q, before: left } = samePadding(W, S, stride);
  const dx = new Float64Array(N * H * W * C);
  for (let n = 0; n < N; n++) {
    for (let h = 0; h < H; h++) {
      for (let w = 0; w < W; w++) {
        for (let c = 0; c < C; c++) {
          let sum = 0;
          for (let r = 0; r < R; r++) {
            const p = (h + top - r) / stride;
            if (!Number.isInteger(p) || p < 0 || p >= P) continue;
            for (let s = 0; s < S; s++) {
              const q = (w + left - s) / stride;
              if (!Number.isInteger(q) || q < 0 || q >= Q) continue;
              for (let k = 0; k < K; k++) {
                sum += dy[((n * P + p) * Q + q) * K + k] * weight[((r * S + s) * C + c) * K + k];
              }
            }
          }
          dx[((n * H + h) * W + w) * C + c] = sum;
        }
      }
    }
  }
  return dx;
}

/**
 * The gradient of `conv2d` with respect to the weight:
 *
 *     dweight[r,s,c,k] = Σ_n,p,q x[n, p·stride + r − before, q·stride + s − before, c] · dy[n,p,q,k]
 *
 * The bias gradient is `columnSum(dy, N·P·Q, K)`.
 *
 * @param x [N,H,W,C]
 * @param dy [N,P,Q,K]
 * @returns dweight [R,S,C,K]
 */
export function conv2dFilterGradient(x: ArrayLike<number>, dy: ArrayLike<number>, shape: ConvShape): Float64Array {
  const { N, H, W, C, R, S, K, stride } = shape;
  const { out: P, before: top } = samePadding(H, R, stride);
  const { out: Q, before: left } = samePadding(W, S, stride);
  const dweight = new Float64Array(R * S * C * K);
  for (let r = 0; r < R; r++) {
    for (let s = 0; s < S; s++) {
      for (let c = 0; c < C; c++) {
        for (let k = 0; k < K; k++) {
          let sum = 0;
          for (let n = 0; n < N; n++) {
            for (let p = 0; p < P; p++) {
              const h = p * stride + r - top;
              if (h < 0 || h >= H) continue;
              for (let q = 0; q < Q; q++) {
                const w = q * stride + s - left;
                if (w < 0 || w >= W) continue;
                sum += x[((n * H + h) * W + w) * C + c] * dy[((n * P + p) * Q + q) * K + k];
              }
            }
          }
          dweight[((r * S + s) * C + c) * K + k] = sum;
        }
      }
    }
  }
  return dweight;
}
