/**
 * conv2d's three passes, each as one GEMM. They also serve the transposed convolution: its forward pass is conv2d's input
 * gradient, its input gradient is conv2d's forward pass, and its filter gradient is conv2d's with the operands swapped.
 */
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { choiceFor } from "./choices.ts";
import { filterGradientTiles, inLines, linesOf } from "./default_choice.ts";
import {
  batchPieces,
  type ConvGeometry,
  convFlops,
  convGeometry,
  convSizes,
  denseGeometry,
  forImages,
} from "./geometry.ts";
import { reduceSplits } from "./reduce.ts";
import type { Variant } from "./variants.ts";
import { zeros } from "./zeros.ts";

/** The storage file of a pass read line by line: x one element at a time, weight or dy as vec4 if K allows. */
function numbersOfA({ K }: ConvGeometry): string {
  return K % 4 === 0 ? "storage_f32_vec4" : "storage_f32";
}

/** Workgroups for this many tiles: one per tile if it is shared, otherwise one thread per tile. */
function workgroups(tiles: number, { sharedBytes, threads }: Variant): number {
  return sharedBytes > 0 ? tiles : Math.ceil(tiles / threads);
}

/**
 * y = x ∗ weight + bias.
 * @param x [N,H,W,C] @param weight [R,S,C,K] @param bias [K] or null @param y [N,P,Q,K], SAME padding
 */
export function conv2d(stream: Stream, x: Tensor, weight: Tensor, bias: Tensor | null, y: Tensor, stride: number) {
  forward(stream, convGeometry("conv2d", x, weight, y, stride), x, weight, bias, y);
}

/** y = x · weight + bias. @param x [N,C] @param weight [C,K] @param bias [K] or null @param y [N,K] */
export function dense(stream: Stream, x: Tensor, weight: Tensor, bias: Tensor | null, y: Tensor) {
  forward(stream, denseGeometry("dense", x, weight, y), x, weight, bias, y);
}

/** Like `dense`, with one workgroup per output: for very few columns, where a GEMM would leave most of a tile idle. */
export function denseRows(stream: Stream, x: Tensor, weight: Tensor, bias: Tensor | null, y: Tensor) {
  const g = denseGeometry("denseRows", x, weight, y);
  stream.append({
    program: program(stream.gpu, ["dense_rows"]),
    sizes: { C: g.C, K: g.K },
    bindings: { x, weight, bias: bias ?? zeros(stream, g.K), y },
    workgroups: y.size,
    flops: convFlops(g),
  });
}

function forward(stream: Stream, g: ConvGeometry, x: Tensor, weight: Tensor, bias: Tensor | null, y: Tensor) {
  const { variant } = choiceFor(stream, "forward", g);
  const { rows, columns, shaders, constants } = variant;
  const reader = inLines(g) ? ["conv2d_lines", numbersOfA(g)] : ["conv2d", "storage_vec4"];
  for (const [first, end] of batchPieces(stream.gpu.limits, [x, y])) {
    const piece = forImages(g, end - first);
    const tiles = Math.ceil((piece.N * g.P * g.Q) / rows) * Math.ceil(g.K / columns);
    stream.append({
      program: program(stream.gpu, [...reader, ...shaders], constants),
      sizes: { ...convSizes(piece), images: imagesTogether(piece, variant) },
      bindings: { a: x.slice(first, end), b: weight, bias: bias ?? zeros(stream, g.K), y: y.slice(first, end) },
      workgroups: workgroups(tiles, variant),
      flops: convFlops(piece),
    });
  }
}

/**
 * dx = the gradient of conv2d's x; with a bias, a transposed convolution of dy.
 * @param dy [N,P,Q,K] @param weight [R,S,C,K] @param bias [C] or null @param dx [N,H,W,C]
 */
export function conv2dInputGradient(
  stream: Stream,
  dy: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  dx: Tensor,
  stride: number,
) {
  inputGradient(stream, convGeometry("conv2dInputGradient", dx, weight, dy, stride), dy, weight, bias, dx);
}

/** dx = dy · weightᵀ. @param dy [N,K] @param weight [C,K] @param dx [N,C] */
export function denseInputGradient(stream: Stream, dy: Tensor, weight: Tensor, dx: Tensor) {
  inputGradient(stream, denseGeometry("denseInputGradient", dx, weight, dy), dy, weight, null, dx);
}

function inputGradient(stream: Stream, g: ConvGeometry, dy: Tensor, weight: Tensor, bias: Tensor | null, dx: Tensor) {
  const { variant } = choiceFor(stream, "input gradient", g);
  const { rows, columns, shaders, constants } = variant;
  // Both operands are contiguous along K here, so C can have any value.
  const storage = g.K % 4 === 0 ? ["storage_vec4"] : ["storage_f32", "offsets_f32"];
  for (const [first, end] of batchPieces(stream.gpu.limits, [dy, dx])) {
    const piece = forImages(g, end - first);
    const tiles = (phaseRows(piece, rows) / rows) * Math.ceil(g.C / columns);
    stream.append({
      program: program(stream.gpu, ["conv2d_input_gradient", ...storage, ...shaders], constants),
      sizes: { ...convSizes(piece), row_tile: rows, images: imagesTogether(piece, variant) },
      bindings: { a: dy.slice(first, end), b: weight, bias: bias ?? zeros(stream, g.C), dx: dx.slice(first, end) },
      workgroups: workgroups(tiles, variant),
      flops: convFlops(piece),
    });
  }
}

/**
 * How many consecutive GEMM rows are the same pixel of different images: the whole batch if it is a multiple of the tile's
 * rows, so that a tap on the padding is on it for all rows of a tile and can be skipped; otherwise 1, image after image. A
 * shared tile goes through all taps in any case.
 */
function imagesTogether({ N }: ConvGeometry, { rows, sharedBytes }: Variant): number {
  return sharedBytes === 0 && N % rows === 0 ? N : 1;
}

/** GEMM rows of the input gradient: the pixels of each phase, padded to whole row tiles. */
function phaseRows({ N, H, W, stride }: ConvGeometry, rowTile: number): number {
  const pixels = (size: number, phase: number) => Math.floor((size + stride - 1 - phase) / stride);
  let rows = 0;
  for (let a = 0; a < stride; a++) {
    for (let b = 0; b < stride; b++) rows += Math.ceil((N * pixels(H, a) * pixels(W, b)) / rowTile) * rowTile;
  }
  return rows;
}

/**
 * dweight (+)= the gradient of conv2d's weight.
 * @param x [N,H,W,C] @param dy [N,P,Q,K] @param dweight [R,S,C,K] @param accumulate adds to dweight
 */
export function conv2dFilterGradient(
  stream: Stream,
  x: Tensor,
  dy: Tensor,
  dweight: Tensor,
  stride: number,
  accumulate = false,
) {
  const g = convGeometry("conv2dFilterGradient", x, dweight, dy, stride);
  filterGradient(stream, g, x, dy, dweight, accumulate);
}

/** dweight (+)= xᵀ · dy. @param x [N,C] @param dy [N,K] @param dweight [C,K] */
export function denseWeightGradient(stream: Stream, x: Tensor, dy: Tensor, dweight: Tensor, accumulate = false) {
  const g = denseGeometry("denseWeightGradient", x, dweight, dy);
  filterGradient(stream, g, x, dy, dweight, accumulate);
}

function filterGradient(stream: Stream, g: ConvGeometry, x: Tensor, dy: Tensor, dweight: Tensor, accumulate: boolean) {
  const choice = choiceFor(stream, "filter gradient", g);
  const { variant } = choice;
  const operands = inLines(g) ? [numbersOfA(g), "line_rows_f32"] : ["storage_vec4", "line_rows_vec4"];
  const reader = linesOf(g, variant.rows)
    ? ["conv2d_filter_gradient_lines", ...operands]
    : ["conv2d_filter_gradient", "storage_vec4"];
  const tilesEach = filterGradientTiles(g, variant);
  // The chosen number of splits, if their partial sums fit a binding.
  const wanted = Math.min(choice.splits, Math.max(1, Math.floor(stream.gpu.limits.bindingBytes / dweight.bytes)));
  for (const [i, [first, end]] of batchPieces(stream.gpu.limits, [x, dy]).entries()) {
    const piece = forImages(g, end - first);
    const outputLines = piece.N * g.P;
    const lines = Math.ceil(outputLines / Math.min(wanted, outputLines));
    const splits = Math.ceil(outputLines / lines);
    const add = accumulate || i > 0;
    // A single split that is not accumulated is already the result.
    const alone = splits === 1 && !add;
    const partial = alone ? dweight : stream.temporary("filter gradient partial", [splits, ...dweight.shape]);
    stream.append({
      program: program(stream.gpu, [...reader, ...variant.shaders], variant.constants),
      sizes: { ...convSizes(piece), splits, lines },
      bindings: { a: x.slice(first, end), b: dy.slice(first, end), partial },
      workgroups: workgroups(splits * tilesEach, variant),
      flops: convFlops(piece),
    });
    if (alone) continue;
    reduceSplits(stream, partial, dweight, add);
    stream.release(partial);
  }
}
