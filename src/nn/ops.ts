/**
 * Differentiable ops. Each allocates its output on the tape, appends its kernels to the stream, and records its
 * backward function. Which of them can be differentiated twice is in second_derivatives.ts.
 */
export * from "./ops/linear.ts";
export * from "./ops/nonlinear.ts";
export * from "./ops/plain.ts";
export { powerIteration, spectralNorm } from "./spectral_norm.ts";
export { addRecorded as add } from "./tape.ts";
