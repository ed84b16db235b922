/** Backward functions: what an op gives the tape to turn its output's gradient into its inputs' gradients. */
import type { Tensor } from "../../gpu/tensor.ts";

/** The tensor that receives a gradient, either overwritten or added to. */
export interface Sink {
  readonly tensor: Tensor;
  readonly accumulate: boolean;
}

/** dy → the gradient of one input. It may write to the sink and return `sink.tensor`; otherwise the tape adds it there. */
export type Backward = (dy: Tensor, sink?: Sink) => Tensor;

/** The request for the gradient of one input of a joint function. */
export interface Asked {
  readonly sink?: Sink;
}

/**
 * dy → the gradients of all inputs, for a kernel that computes them together. An input whose gradient is not needed has null
 * in `asked` and in the result. The inputs must be different tensors.
 */
export type JointBackward = (dy: Tensor, asked: readonly (Asked | null)[]) => readonly (Tensor | null)[];

/** Where an op writes a gradient: into the sink if it has one, otherwise over a new temporary. */
export function destination(
  tape: { temporary(label: string, shape: readonly number[]): Tensor },
  label: string,
  shape: readonly number[],
  sink: Sink | undefined,
): Sink {
  return sink ?? { tensor: tape.temporary(label, shape), accumulate: false };
}
