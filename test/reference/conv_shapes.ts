import { type ConvShape, samePadding } from "../../src/reference/conv2d.ts";

/** Small shapes on which convolutions go wrong: odd sizes, every phase, filters below the stride and above the picture. */
export const CONV_SHAPES: ConvShape[] = [
  ...[1, 2, 3].flatMap((stride) =>
    [1, 2, 3, 4, 5, 6, 7].map((kernel) => ({ N: 1, H: 9, W: 7, C: 3, R: kernel, S: kernel, K: 5, stride })),
  ),
  { N: 2, H: 8, W: 6, C: 2, R: 5, S: 5, K: 3, stride: 2 }, // even: padding 1 before, 2 after
  { N: 2, H: 6, W: 5, C: 2, R: 3, S: 4, K: 1, stride: 2 }, // a filter that is not square
  { N: 3, H: 1, W: 1, C: 2, R: 5, S: 5, K: 2, stride: 1 }, // one pixel
  { N: 1, H: 1, W: 1, C: 3, R: 5, S: 5, K: 5, stride: 2 },
  { N: 1, H: 1, W: 1, C: 1, R: 1, S: 1, K: 1, stride: 1 },
  { N: 1, H: 3, W: 4, C: 2, R: 2, S: 1, K: 3, stride: 5 }, // one output, most pixels untouched
];

export function describeConvShape({ N, H, W, C, R, S, K, stride }: ConvShape): string {
  return `x [${N},${H},${W},${C}] weight [${R},${S},${C},${K}] stride ${stride}`;
}

/** How many numbers x, weight and y of a convolution hold. */
export function convSizes({ N, H, W, C, R, S, K, stride }: ConvShape): { x: number; weight: number; y: number } {
  const P = samePadding(H, R, stride).out;
  const Q = samePadding(W, S, stride).out;
  return { x: N * H * W * C, weight: R * S * C * K, y: N * P * Q * K };
}
