/** The shape of a convolution, including TensorFlow's SAME padding. */
import { LimitError } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";

/**
 * Letters of the convolution x [N,H,W,C] ∗ weight [R,S,C,K] → y [N,P,Q,K]. A transposed convolution has the letters of
 * the convolution that it transposes: [N,P,Q,K] in, [N,H,W,C] out. A dense layer is the case H = W = R = S = 1.
 */
export interface ConvGeometry {
  readonly N: number;
  readonly H: number;
  readonly W: number;
  readonly C: number;
  readonly R: number;
  readonly S: number;
  readonly K: number;
  readonly stride: number;
  readonly P: number;
  readonly Q: number;
  readonly padTop: number;
  readonly padLeft: number;
}

/** TensorFlow's SAME: out = ceil(size / stride); the smaller half of the necessary padding goes before. */
export function samePadding(size: number, kernel: number, stride: number): { out: number; before: number } {
  const out = Math.ceil(size / stride);
  const total = Math.max((out - 1) * stride + kernel - size, 0);
  return { out, before: Math.floor(total / 2) };
}

/**
 * Checks that the shapes of a convolution's three tensors match.
 * @throws Error naming the operation, the shapes given and the one expected
 */
export function convGeometry(operation: string, x: Tensor, weight: Tensor, y: Tensor, stride: number): ConvGeometry {
  const fail = (what: string): never => {
    throw new Error(`${operation}: ${what} (x ${x}, weight ${weight}, y ${y}, stride ${stride})`);
  };
  if (x.shape.length !== 4) fail("x needs four axes [N,H,W,C]");
  if (weight.shape.length !== 4) fail("weight needs four axes [R,S,C,K]");
  if (!Number.isInteger(stride) || stride < 1) fail("the stride needs to be a whole number of at least 1");
  const [N, H, W, C] = x.shape;
  const [R, S, weightC, K] = weight.shape;
  if (C !== weightC) fail(`x has C=${C}, weight [R,S,C,K] has C=${weightC}`);
  const rows = samePadding(H, R, stride);
  const columns = samePadding(W, S, stride);
  const [P, Q] = [rows.out, columns.out];
  const expected = [N, P, Q, K];
  if (y.shape.length !== 4 || expected.some((length, i) => y.shape[i] !== length)) fail(`y needs [${expected}]`);
  return { N, H, W, C, R, S, K, stride, P, Q, padTop: rows.before, padLeft: columns.before };
}

/** A dense layer x [N,C] · weight [C,K] → y [N,K] as a convolution over one pixel. */
export function denseGeometry(operation: string, x: Tensor, weight: Tensor, y: Tensor): ConvGeometry {
  const [N, C] = x.shape;
  const [weightC, K] = weight.shape;
  const fits = x.shape.length === 2 && weight.shape.length === 2 && y.shape.length === 2;
  if (!fits || C !== weightC || y.shape[0] !== N || y.shape[1] !== K) {
    throw new Error(`${operation}: needs x [N,C], weight [C,K], y [N,K]; got x ${x}, weight ${weight}, y ${y}`);
  }
  return { N, H: 1, W: 1, C, R: 1, S: 1, K, stride: 1, P: 1, Q: 1, padTop: 0, padLeft: 0 };
}

/** The words of `Sizes` that all convolution shaders share. */
export function convSizes({ padTop, padLeft, ...letters }: ConvGeometry) {
  return { ...letters, pad_top: padTop, pad_left: padLeft };
}

/** Nominal flops of any of the three passes: taps on the padding included. */
export function convFlops(g: ConvGeometry): number {
  return 2 * g.N * g.P * g.Q * g.K * g.R * g.S * g.C;
}

/** The same geometry for `images` of the batch. */
export function forImages(g: ConvGeometry, images: number): ConvGeometry {
  return { ...g, N: images };
}

/**
 * Ranges [first, end) of the first axis such that every tensor's piece fits one binding and starts at an aligned offset:
 * tensors larger than `maxStorageBufferBindingSize` are processed in pieces of the batch.
 */
export function batchPieces(
  limits: { bindingBytes: number; offsetAlignment: number },
  tensors: readonly Tensor[],
): [first: number, end: number][] {
  const count = tensors[0].shape[0];
  const bytesEach = tensors.map((tensor) => tensor.bytes / tensor.shape[0]);
  const largest = Math.max(...bytesEach);
  // Padding to whole vec4 may add 12 bytes.
  let maxCount = Math.floor((limits.bindingBytes - 12) / largest);
  if (maxCount >= count) return [[0, count]];
  // Pieces of a multiple of `step` entries start at aligned offsets in every tensor.
  let step = 1;
  while (step <= maxCount && bytesEach.some((bytes) => (bytes * step) % limits.offsetAlignment !== 0)) step *= 2;
  maxCount -= maxCount % step;
  if (maxCount < 1) {
    throw new LimitError(
      `one entry of ${tensors.map(String).join(", ")} does not fit this GPU's bindings of ${limits.bindingBytes} bytes`,
    );
  }
  const pieces: [number, number][] = [];
  for (let first = 0; first < count; first += maxCount) pieces.push([first, Math.min(first + maxCount, count)]);
  return pieces;
}
