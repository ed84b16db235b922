import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { batchPieces } from "./geometry.ts";

export interface AdamConstants {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/**
 * One step of Adam, in place. @param step word `rateAt` is the rate (see `adamRate`)
 * @param gradient, parameter, m, v arenas of the same size
 * @param flag [1] word, set to 1 if a parameter or its v is no longer finite
 */
export function adam(
  stream: Stream,
  step: Tensor,
  rateAt: number,
  { gradient, parameter, m, v }: { gradient: Tensor; parameter: Tensor; m: Tensor; v: Tensor },
  { beta1, beta2, epsilon }: AdamConstants,
  flag: Tensor,
) {
  const { size } = parameter;
  if ([gradient, m, v].some((tensor) => tensor.size !== size)) {
    throw new Error(`adam: needs four arenas of one size; got ${gradient}, ${parameter}, ${m}, ${v}`);
  }
  for (const [first, end] of batchPieces(stream.gpu.limits, [parameter.reshape([size])])) {
    const piece = (arena: Tensor) => arena.reshape([size]).slice(first, end);
    const quads = Math.ceil((end - first) / 4);
    stream.append({
      program: program(stream.gpu, ["adam"]),
      sizes: { quads, rate_at: rateAt, beta1, beta2, epsilon },
      bindings: { step, gradient: piece(gradient), parameter: piece(parameter), m: piece(m), v: piece(v), flag },
      workgroups: Math.ceil(quads / 64),
      cost: 50 * (end - first),
    });
  }
}

/** lr · √(1 − beta2^t) / (1 − beta1^t): TensorFlow 1's rate at step t, which counts from 1. */
export function adamRate(lr: number, t: number, { beta1, beta2 }: AdamConstants): number {
  return (lr * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
}
