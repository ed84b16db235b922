/**
 * The baselines: convolutions and dense layers written as their formulas, one thread per output. They are for learning, for
 * testing the fast kernels, and for measuring their speedup. For a dense layer with very few columns (the logit layer has
 * one), training uses the two gradients here.
 */
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { convFlops, convGeometry, convSizes, denseGeometry } from "./geometry.ts";
import { zeros } from "./zeros.ts";

/** Like `conv2d` in conv2d.ts. */
export function conv2dNaive(stream: Stream, x: Tensor, weight: Tensor, bias: Tensor | null, y: Tensor, stride: number) {
  const g = convGeometry("conv2dNaive", x, weight, y, stride);
  stream.append({
    program: program(stream.gpu, ["conv2d_naive"]),
    sizes: convSizes(g),
    bindings: { x, weight, bias: bias ?? zeros(stream, g.K), y },
    workgroups: Math.ceil(y.size / 64),
    flops: convFlops(g),
  });
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
  stream.append({
    program: program(stream.gpu, ["conv2d_input_gradient_naive"]),
    sizes: convSizes(g),
    bindings: { dy, weight, bias: bias ?? zeros(stream, g.C), dx },
    workgroups: Math.ceil(dx.size / 64),
    flops: convFlops(g),
  });
}

/** Like `conv2dFilterGradient` in conv2d.ts. */
export function conv2dFilterGradientNaive(stream: Stream, x: Tensor, dy: Tensor, dweight: Tensor, stride: number) {
  const g = convGeometry("conv2dFilterGradientNaive", x, dweight, dy, stride);
  stream.append({
    program: program(stream.gpu, ["conv2d_filter_gradient_naive"]),
    sizes: convSizes(g),
    bindings: { x, dy, dweight },
    workgroups: Math.ceil(dweight.size / 64),
    flops: convFlops(g),
  });
}

/** Like `dense` in conv2d.ts. */
export function denseNaive(stream: Stream, x: Tensor, weight: Tensor, bias: Tensor | null, y: Tensor) {
  const g = denseGeometry("denseNaive", x, weight, y);
  stream.append({
    program: program(stream.gpu, ["dense_naive"]),
    sizes: { N: g.N, C: g.C, K: g.K },
    bindings: { x, weight, bias: bias ?? zeros(stream, g.K), y },
    workgroups: Math.ceil(y.size / 64),
    flops: convFlops(g),
  });
}

/** Like `denseInputGradient` in conv2d.ts. */
export function denseInputGradientNaive(stream: Stream, dy: Tensor, weight: Tensor, dx: Tensor) {
  const g = denseGeometry("denseInputGradientNaive", dx, weight, dy);
  stream.append({
    program: program(stream.gpu, ["dense_input_gradient_naive"]),
    sizes: { N: g.N, C: g.C, K: g.K },
    bindings: { dy, weight, dx },
    workgroups: Math.ceil(dx.size / 64),
    flops: convFlops(g),
  });
}

/** Like `denseWeightGradient` in conv2d.ts. */
export function denseWeightGradientNaive(stream: Stream, x: Tensor, dy: Tensor, dweight: Tensor, accumulate = false) {
  const g = denseGeometry("denseWeightGradientNaive", x, dweight, dy);
  stream.append({
    program: program(stream.gpu, ["dense_weight_gradient_naive"]),
    sizes: { N: g.N, C: g.C, K: g.K, accumulate: Number(accumulate) },
    bindings: { x, dy, dweight },
    workgroups: Math.ceil(dweight.size / 64),
    flops: convFlops(g),
  });
}
