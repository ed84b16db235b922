/**
 * The baselines: convolutions and dense layers written as their formulas, one thread per output. They are for learning, for
 * testing the fast kernels, and for measuring their speedup. For a dense layer with very few columns (the logit layer has
 * one), training uses the two gradients here.
 */
import type { Work } from "../gpu/dispatch.ts";
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { type ConvGeometry, convFlops, convGeometry, convSizes, denseGeometry } from "./geometry.ts";
import { zeros } from "./zeros.ts";

/** Appends a kernel with one thread for each element of its output. */
function append(
  stream: Stream,
  shader: string,
  g: ConvGeometry,
  sizes: Work["sizes"],
  bindings: Work["bindings"],
  output: Tensor,
) {
  const workgroups = Math.ceil(output.size / 64);
  stream.append({ program: program(stream.gpu, [shader]), sizes, bindings, workgroups, flops: convFlops(g) });
}

/** Like `conv2d` in conv2d.ts. */
export function conv2dNaive(stream: Stream, x: Tensor, weight: Tensor, bias: Tensor | null, y: Tensor, stride: number) {
  const g = convGeometry("conv2dNaive", x, weight, y, stride);
  append(stream, "conv2d_naive", g, convSizes(g), { x, weight, bias: bias ?? zeros(stream, g.K), y }, y);
}

/** Like `conv2dInputGradient` in conv2d.ts. */
export function conv2dInputGradientNaive(
  stream: Stream,
  dy: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  dx: Tensor,
  stride: number,
) {
  const g = convGeometry("conv2dInputGradientNaive", dx, weight, dy, stride);
  append(
    stream,
    "conv2d_input_gradient_naive",
    g,
    convSizes(g),
    { dy, weight, bias: bias ?? zeros(stream, g.C), dx },
    dx,
  );
}

/** Like `conv2dFilterGradient` in conv2d.ts. */
export function conv2dFilterGradientNaive(stream: Stream, x: Tensor, dy: Tensor, dweight: Tensor, stride: number) {
  const g = convGeometry("conv2dFilterGradientNaive", x, dweight, dy, stride);
  append(stream, "conv2d_filter_gradient_naive", g, convSizes(g), { x, dy, dweight }, dweight);
}

/** Like `dense` in conv2d.ts. */
export function denseNaive(stream: Stream, x: Tensor, weight: Tensor, bias: Tensor | null, y: Tensor) {
  const g = denseGeometry("denseNaive", x, weight, y);
  append(stream, "dense_naive", g, { N: g.N, C: g.C, K: g.K }, { x, weight, bias: bias ?? zeros(stream, g.K), y }, y);
}

/** Like `denseInputGradient` in conv2d.ts. */
export function denseInputGradientNaive(stream: Stream, dy: Tensor, weight: Tensor, dx: Tensor) {
  const g = denseGeometry("denseInputGradientNaive", dx, weight, dy);
  append(stream, "dense_input_gradient_naive", g, { N: g.N, C: g.C, K: g.K }, { dy, weight, dx }, dx);
}

/** Like `denseWeightGradient` in conv2d.ts. */
export function denseWeightGradientNaive(stream: Stream, x: Tensor, dy: Tensor, dweight: Tensor, accumulate = false) {
  const g = denseGeometry("denseWeightGradientNaive", x, dweight, dy);
  append(
    stream,
    "dense_weight_gradient_naive",
    g,
    { N: g.N, C: g.C, K: g.K, accumulate: Number(accumulate) },
    { x, dy, dweight },
    dweight,
  );
}
