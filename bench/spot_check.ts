/** Compares a convolution's pass with f64 sums at a few places of its output: all of it would take JavaScript minutes. */
import type { ConvGeometry } from "../src/kernels/geometry.ts";
import type { Pass } from "../src/kernels/variants.ts";
import { sumBound } from "../src/verify/lab.ts";

/** Which output of which pass of which shape. */
export interface Place {
  readonly pass: Pass;
  readonly geometry: ConvGeometry;
  readonly index: number;
}

/**
 * Calls `visit` with the places of both factors of every product that output `index` sums: of x and weight (forward),
 * dy and weight (input gradient), x and dy (filter gradient).
 */
function products({ pass, geometry: g, index }: Place, visit: (a: number, b: number) => void): void {
  const { N, H, W, C, R, S, K, stride, P, Q, padTop, padLeft } = g;
  const inX = (n: number, h: number, w: number, c: number) => ((n * H + h) * W + w) * C + c;
  const inY = (n: number, p: number, q: number, k: number) => ((n * P + p) * Q + q) * K + k;
  const inWeight = (r: number, s: number, c: number, k: number) => ((r * S + s) * C + c) * K + k;
  /** Digits of the index in a shape, the last first. */
  let rest = index;
  const next = (length: number) => {
    const digit = rest % length;
    rest = Math.floor(rest / length);
    return digit;
  };
  if (pass === "forward") {
    const [k, q, p, n] = [next(K), next(Q), next(P), rest];
    for (let r = 0; r < R; r++) {
      const h = p * stride + r - padTop;
      if (h < 0 || h >= H) continue;
      for (let s = 0; s < S; s++) {
        const w = q * stride + s - padLeft;
        if (w < 0 || w >= W) continue;
        for (let c = 0; c < C; c++) visit(inX(n, h, w, c), inWeight(r, s, c, k));
      }
    }
  } else if (pass === "input gradient") {
    const [c, w, h, n] = [next(C), next(W), next(H), rest];
    for (let r = 0; r < R; r++) {
      const p = (h + padTop - r) / stride;
      if (!Number.isInteger(p) || p < 0 || p >= P) continue;
      for (let s = 0; s < S; s++) {
        const q = (w + padLeft - s) / stride;
        if (!Number.isInteger(q) || q < 0 || q >= Q) continue;
        for (let k = 0; k < K; k++) visit(inY(n, p, q, k), inWeight(r, s, c, k));
      }
    }
  } else {
    const [k, c, s, r] = [next(K), next(C), next(S), rest];
    for (let n = 0; n < N; n++) {
      for (let p = 0; p < P; p++) {
        const h = p * stride + r - padTop;
        if (h < 0 || h >= H) continue;
        for (let q = 0; q < Q; q++) {
          const w = q * stride + s - padLeft;
          if (w >= 0 && w < W) visit(inX(n, h, w, c), inY(n, p, q, k));
        }
      }
    }
  }
}

/** The f64 value of one output, and the error that f32 sums may have. */
export function expectedAt(
  place: Place,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  bias: ArrayLike<number> | null,
): { value: number; allowed: number } {
  const added = bias === null ? 0 : bias[place.index % bias.length];
  let value = added;
  let squares = added ** 2;
  let depth = 1;
  products(place, (i, j) => {
    const product = a[i] * b[j];
    value += product;
    squares += product ** 2;
    depth++;
  });
  return { value, allowed: sumBound(depth, squares) };
}

/** Up to `count` places of an output: both ends, and others spread evenly but on no regular grid. */
export function placesOf(size: number, count: number): number[] {
  const places = new Set([0, size - 1]);
  // Steps of the golden ratio.
  for (let i = 1; places.size < Math.min(count, size); i++)
    places.add(Math.floor(((i * 0.6180339887498949) % 1) * size));
  return [...places];
}
