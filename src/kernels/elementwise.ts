/** Kernels that compute every element from the elements at the same place. */
import { program } from "../gpu/program.ts";
import { f32Bits } from "../gpu/sizes.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { batchPieces } from "./geometry.ts";

/**
 * Appends an elementwise shader over whole vec4, in pieces where a tensor is larger than a binding.
 * @param inputs of y's size @param scalars read whole by every piece @param constants words after `quads` in `Sizes`
 */
function elementwise(
  stream: Stream,
  shader: string,
  inputs: readonly Tensor[],
  y: Tensor,
  constants: readonly number[] = [],
  scalars: readonly Tensor[] = [],
) {
  const wrong = inputs.find((input) => input.size !== y.size);
  if (wrong) throw new Error(`${shader}: ${wrong} and ${y} need the same number of elements`);
  // The last axis as the unit keeps pieces aligned for any shape.
  const flat = [...inputs, y].map((tensor) => tensor.reshape([tensor.size]));
  for (const [first, end] of batchPieces(stream.gpu.limits, flat)) {
    const pieces = flat.map((tensor) => tensor.slice(first, end));
    const quads = Math.ceil((end - first) / 4);
    stream.append({
      program: program(stream.gpu, [shader]),
      sizes: [quads, ...constants],
      bindings: [...pieces.slice(0, -1), ...scalars, pieces[pieces.length - 1]],
      tiles: Math.ceil(quads / 64),
      // Memory-bound: 16 flops of a product take about as long as one element.
      cost: 16 * (end - first),
    });
  }
}

/** y = x where x > 0, slope · x elsewhere. All of one size. */
export function leakyRelu(stream: Stream, x: Tensor, y: Tensor, slope: number) {
  elementwise(stream, "leaky_relu", [x], y, [f32Bits(slope)]);
}

/** dx = dy where y > 0, slope · dy elsewhere. @param y the forward pass's output (or input: only the sign counts) */
export function leakyReluGradient(stream: Stream, dy: Tensor, y: Tensor, dx: Tensor, slope: number) {
  elementwise(stream, "leaky_relu_gradient", [dy, y], dx, [f32Bits(slope)]);
}

/** y = tanh(x). */
export function tanh(stream: Stream, x: Tensor, y: Tensor) {
  elementwise(stream, "tanh_forward", [x], y);
}

/** dx = dy · (1 − y²). @param y tanh's output */
export function tanhGradient(stream: Stream, dy: Tensor, y: Tensor, dx: Tensor) {
  elementwise(stream, "tanh_gradient", [dy, y], dx);
}

/** y = 1 / (1 + exp(−x)). */
export function sigmoid(stream: Stream, x: Tensor, y: Tensor) {
  elementwise(stream, "sigmoid", [x], y);
}

/** dx = dy · y · (1 − y). @param y sigmoid's output */
export function sigmoidGradient(stream: Stream, dy: Tensor, y: Tensor, dx: Tensor) {
  elementwise(stream, "sigmoid_gradient", [dy, y], dx);
}

/** y = a + b. */
export function add(stream: Stream, a: Tensor, b: Tensor, y: Tensor) {
  elementwise(stream, "add", [a, b], y);
}

/** y += a. */
export function accumulate(stream: Stream, a: Tensor, y: Tensor) {
  elementwise(stream, "accumulate", [a], y);
}

/** y = factor · scalar · x. @param scalar [1], on the GPU */
export function scaleBy(stream: Stream, x: Tensor, scalar: Tensor, y: Tensor, factor: number) {
  elementwise(stream, "scale_by", [x], y, [f32Bits(factor)], [scalar]);
}

/** y = x / scalar. @param scalar [1], on the GPU */
export function divideBy(stream: Stream, x: Tensor, scalar: Tensor, y: Tensor) {
  elementwise(stream, "divide_by", [x], y, [], [scalar]);
}

/** y = decay · y + (1 − decay) · x: one step of an exponential moving average. */
export function lerp(stream: Stream, x: Tensor, y: Tensor, decay: number) {
  elementwise(stream, "lerp", [x], y, [f32Bits(decay)]);
}

/** y = value everywhere, the padding to whole vec4 included. */
export function fill(stream: Stream, y: Tensor, value: number) {
  elementwise(stream, "fill", [], y, [f32Bits(value)]);
}
