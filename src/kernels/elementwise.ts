/** Kernels that compute every element from the inputs' elements at the same index. */
import type { Bindings, Sizes } from "../gpu/interface.ts";
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { batchPieces } from "./geometry.ts";

/**
 * Appends an elementwise shader over whole vec4, in pieces where a tensor is larger than a binding.
 * @param tensors all of the same size, the output last @param sizes words other than `quads`
 * @param scalars tensors that are not cut into pieces
 */
function elementwise(stream: Stream, shader: string, tensors: Bindings, sizes: Sizes = {}, scalars: Bindings = {}) {
  const all = Object.values(tensors);
  const y = all[all.length - 1];
  const wrong = all.find((tensor) => tensor.size !== y.size);
  if (wrong) throw new Error(`${shader}: ${wrong} and ${y} need the same number of elements`);
  // Cutting the flattened tensor keeps pieces aligned for any shape.
  for (const [first, end] of batchPieces(stream.gpu.limits, [y.reshape([y.size])])) {
    const quads = Math.ceil((end - first) / 4);
    const pieces = Object.entries(tensors).map(([name, tensor]) => [name, tensor.reshape([y.size]).slice(first, end)]);
    stream.append({
      program: program(stream.gpu, [shader]),
      sizes: { quads, ...sizes },
      bindings: { ...Object.fromEntries(pieces), ...scalars },
      workgroups: Math.ceil(quads / 64),
      // Memory-bound: an element takes about as long as 16 flops of a matrix product.
      cost: 16 * (end - first),
    });
  }
}

/** y = x where x > 0, slope · x elsewhere. @param x, y of the same size */
export function leakyRelu(stream: Stream, x: Tensor, y: Tensor, slope: number) {
  elementwise(stream, "leaky_relu", { x, y }, { slope });
}

/** dx = dy where y > 0, slope · dy elsewhere. @param y the forward pass's output or input; only the sign matters */
export function leakyReluGradient(stream: Stream, dy: Tensor, y: Tensor, dx: Tensor, slope: number) {
  elementwise(stream, "leaky_relu_gradient", { dy, y, dx }, { slope });
}

/** y = tanh(x). */
export function tanh(stream: Stream, x: Tensor, y: Tensor) {
  elementwise(stream, "tanh_forward", { x, y });
}

/** dx = dy · (1 − y²). @param y tanh's output */
export function tanhGradient(stream: Stream, dy: Tensor, y: Tensor, dx: Tensor) {
  elementwise(stream, "tanh_gradient", { dy, y, dx });
}

/** y = 1 / (1 + exp(−x)). */
export function sigmoid(stream: Stream, x: Tensor, y: Tensor) {
  elementwise(stream, "sigmoid", { x, y });
}

/** dx = dy · y · (1 − y). @param y sigmoid's output */
export function sigmoidGradient(stream: Stream, dy: Tensor, y: Tensor, dx: Tensor) {
  elementwise(stream, "sigmoid_gradient", { dy, y, dx });
}

/** y = a + b. */
export function add(stream: Stream, a: Tensor, b: Tensor, y: Tensor) {
  elementwise(stream, "add", { a, b, y });
}

/** y += a. */
export function accumulate(stream: Stream, a: Tensor, y: Tensor) {
  elementwise(stream, "accumulate", { a, y });
}

/** y = factor · scalar · x. @param scalar [1], on the GPU */
export function scaleBy(stream: Stream, x: Tensor, scalar: Tensor, y: Tensor, factor: number) {
  elementwise(stream, "scale_by", { x, y }, { factor }, { scalar });
}

/** y = x / scalar. @param scalar [1], on the GPU */
export function divideBy(stream: Stream, x: Tensor, scalar: Tensor, y: Tensor) {
  elementwise(stream, "divide_by", { x, y }, {}, { scalar });
}

/** y = decay · y + (1 − decay) · x: one step of an exponential moving average. */
export function lerp(stream: Stream, x: Tensor, y: Tensor, decay: number) {
  elementwise(stream, "lerp", { x, y }, { decay });
}

/** y = value everywhere, including the padding to whole vec4. */
export function fill(stream: Stream, y: Tensor, value: number) {
  const [bits] = new Uint32Array(Float32Array.of(value).buffer);
  elementwise(stream, "fill", { y }, { bits });
}
