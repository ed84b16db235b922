/** How much slower a convolution is than a matrix product of the same M×N×K: the cost of its indices and padding. */

import type { Choices } from "../src/gpu/choices.ts";
import type { Gpu } from "../src/gpu/gpu.ts";
import { choiceKey } from "../src/kernels/choices.ts";
import * as conv from "../src/kernels/conv2d.ts";
import { type ConvGeometry, convFlops, samePadding } from "../src/kernels/geometry.ts";
import { type Pass, passes } from "../src/kernels/variants.ts";
import { autotune, choicesOf } from "../src/train/autotune.ts";
import { type Spread, spreadOf } from "./arithmetic.ts";
import { timeInTurns } from "./timing.ts";
import { Workbench } from "./workbench.ts";

export interface DenseResult {
  readonly pass: Pass;
  /** M×N×K. */
  readonly shape: string;
  readonly variant: string;
  readonly denseVariant: string;
  /** Nominal rate of the convolution and of the matrix product. */
  readonly gflops: number;
  readonly denseGflops: number;
  /** The convolution's rate in percent of the matrix product's, pairs of neighbouring batches compared. */
  readonly percent: Spread;
}

/** The convolution that is compared: x [16,16,16,64], 5×5 at stride 2, to 128 channels. */
const [size, kernel, stride] = [16, 5, 2];
const { out, before } = samePadding(size, kernel, stride);
export const geometry: ConvGeometry = {
  ...{ N: 16, H: size, W: size, C: 64, R: kernel, S: kernel, K: 128, stride },
  ...{ P: out, Q: out, padTop: before, padLeft: before },
};

/**
 * The matrix product with the rows, columns and depth of a convolution's pass, as a dense layer: at a stride a pixel of
 * the input gradient sums the taps of its phase only, on average R·S ÷ stride² of them.
 */
export function denseAs(pass: Pass, { N, H, W, C, R, S, K, stride, P, Q }: ConvGeometry): ConvGeometry {
  const one = { H: 1, W: 1, R: 1, S: 1, stride: 1, P: 1, Q: 1, padTop: 0, padLeft: 0 };
  return pass === "input gradient"
    ? { ...one, N: N * H * W, C, K: (R * S * K) / stride ** 2 }
    : { ...one, N: N * P * Q, C: R * S * C, K };
}

/** M×N×K of the matrix product that a dense layer's pass is. */
function productShape(pass: Pass, { N, C, K }: ConvGeometry): string {
  const shapes = { forward: [N, K, C], "input gradient": [N, C, K], "filter gradient": [C, K, N] };
  return shapes[pass].join("×");
}

/** All three passes. @param tuned measures which variants are the best; otherwise, the table of defaults decides */
export async function benchDense(
  gpu: Gpu,
  { rounds, tuned, onProgress }: { rounds: number; tuned: boolean; onProgress(done: number, of: number): void },
): Promise<DenseResult[]> {
  const results: DenseResult[] = [];
  for (const [i, pass] of passes.entries()) {
    onProgress(i, passes.length);
    const product = denseAs(pass, geometry);
    const both = [geometry, product].map((geometry) => ({ pass, geometry }));
    const choices = tuned ? choicesOf(await autotune(gpu, both)) : new Map<string, string>();
    results.push(await comparePass(gpu, pass, product, choices, rounds));
  }
  onProgress(passes.length, passes.length);
  return results;
}

async function comparePass(gpu: Gpu, pass: Pass, product: ConvGeometry, choices: Choices, rounds: number) {
  const bench = new Workbench(gpu, choices);
  try {
    const { stream } = bench;
    const { N, H, W, C, R, S, K, P, Q } = geometry;
    const [x, weight, y] = [bench.random([N, H, W, C]), bench.random([R, S, C, K]), bench.random([N, P, Q, K])];
    const [a, b, c] = [
      [product.N, product.C],
      [product.C, product.K],
      [product.N, product.K],
    ].map((shape) => bench.random(shape));
    const convolution = {
      forward: () => conv.conv2d(stream, x, weight, null, y, stride),
      "input gradient": () => conv.conv2dInputGradient(stream, y, weight, null, x, stride),
      "filter gradient": () => conv.conv2dFilterGradient(stream, x, y, weight, stride),
    };
    const dense = {
      forward: () => conv.dense(stream, a, b, null, c),
      "input gradient": () => conv.denseInputGradient(stream, c, b, a),
      "filter gradient": () => conv.denseWeightGradient(stream, a, c, b),
    };
    const [ms, denseMs] = await timeInTurns(stream, [
      { label: pass, append: convolution[pass], rounds },
      { label: `dense ${pass}`, append: dense[pass], rounds },
    ]);
    const used = stream.choices.used;
    const flops = convFlops(geometry);
    return {
      pass,
      shape: productShape(pass, product),
      variant: used.get(choiceKey(pass, geometry))!,
      denseVariant: used.get(choiceKey(pass, product))!,
      gflops: flops / spreadOf(ms).median / 1e6,
      denseGflops: flops / spreadOf(denseMs).median / 1e6,
      percent: spreadOf(ms.map((time, i) => (100 * denseMs[i]) / time)),
    };
  } finally {
    await bench.dispose();
  }
}
