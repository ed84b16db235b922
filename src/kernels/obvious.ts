/**
 * The first rung of the ladder: convolutions and dense layers with one thread an output, as their formulas read.
 * For learning, for testing the fast rungs against, for measuring what those gain. Of a dense layer with very few columns
 * (the logit's one) both gradients stay here for good; its forward pass is `denseRows`, a reduction.
 */
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { convFlops, convGeometry, convSizes, denseGeometry } from "./geometry.ts";
import { zeros } from "./zeros.ts";

/** As `conv2d` of conv2d.ts. */
export function conv2dObvious(
  stream: Stream,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  y: Tensor,
  stride: number,
) {
  const g = convGeometry("conv2dObvious", x, weight, y, stride);
  stream.append({
    program: program(stream.gpu, ["conv2d_obvious"]),
    sizes: convSizes(g),
    bindings: { x, weight, bias: bias ?? zeros(stream, g.K), y },
    tiles: Math.ceil(y.size / 64),
    flops: convFlops(g),
  });
}

/** As `conv2dInputGradient` of conv2d.ts. */
export function conv2dInputGradientObvious(
  stream: Stream,
  dy: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  dx: Tensor,
  stride: number,
) {
  const g = convGeometry("conv2dInputGradientObvious", dx, weight, dy, stride);
  stream.append({
    program: program(stream.gpu, ["conv2d_input_gradient_obvious"]),
    sizes: convSizes(g),
    bindings: { dy, weight, bias: bias ?? zeros(stream, g.C), dx },
    tiles: Math.ceil(dx.size / 64),
    flops: convFlops(g),
  });
}

/** As `conv2dFilterGradient` of conv2d.ts. */
export function conv2dFilterGradientObvious(stream: Stream, x: Tensor, dy: Tensor, dweight: Tensor, stride: number) {
  const g = convGeometry("conv2dFilterGradientObvious", x, dweight, dy, stride);
  stream.append({
    program: program(stream.gpu, ["conv2d_filter_gradient_obvious"]),
    sizes: convSizes(g),
    bindings: { x, dy, dweight },
    tiles: Math.ceil(dweight.size / 64),
    flops: convFlops(g),
  });
}

/** As `dense` of conv2d.ts. */
export function denseObvious(stream: Stream, x: Tensor, weight: Tensor, bias: Tensor | null, y: Tensor) {
  const g = denseGeometry("denseObvious", x, weight, y);
  stream.append({
    program: program(stream.gpu, ["dense_obvious"]),
    sizes: { N: g.N, C: g.C, K: g.K },
    bindings: { x, weight, bias: bias ?? zeros(stream, g.K), y },
    tiles: Math.ceil(y.size / 64),
    flops: convFlops(g),
  });
}

/** As `dense`, one workgroup an output: for very few columns. */
export function denseRows(stream: Stream, x: Tensor, weight: Tensor, bias: Tensor | null, y: Tensor) {
  const g = denseGeometry("denseRows", x, weight, y);
  stream.append({
    program: program(stream.gpu, ["dense_rows"]),
    sizes: { C: g.C, K: g.K },
    bindings: { x, weight, bias: bias ?? zeros(stream, g.K), y },
    tiles: y.size,
    flops: convFlops(g),
  });
}

/** As `denseInputGradient` of conv2d.ts. */
export function denseInputGradientObvious(stream: Stream, dy: Tensor, weight: Tensor, dx: Tensor) {
  const g = denseGeometry("denseInputGradientObvious", dx, weight, dy);
  stream.append({
    program: program(stream.gpu, ["dense_input_gradient_obvious"]),
    sizes: { N: g.N, C: g.C, K: g.K },
    bindings: { dy, weight, dx },
    tiles: Math.ceil(dx.size / 64),
    flops: convFlops(g),
  });
}

/** As `denseWeightGradient` of conv2d.ts. */
export function denseWeightGradientObvious(stream: Stream, x: Tensor, dy: Tensor, dweight: Tensor, accumulate = false) {
  const g = denseGeometry("denseWeightGradientObvious", x, dweight, dy);
  stream.append({
    program: program(stream.gpu, ["dense_weight_gradient_obvious"]),
    sizes: { N: g.N, C: g.C, K: g.K, accumulate: Number(accumulate) },
    bindings: { x, dy, dweight },
    tiles: Math.ceil(dweight.size / 64),
    flops: convFlops(g),
  });
}
