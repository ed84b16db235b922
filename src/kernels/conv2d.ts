/**
 * conv2d's three passes, as one GEMM each. They serve the transposed convolution as well: its forward pass is conv2d's
 * input gradient, its input gradient is conv2d's forward pass, its filter gradient is conv2d's with the roles swapped.
 */
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import {
  batchPieces,
  type ConvGeometry,
  convFlops,
  convGeometry,
  denseGeometry,
  forImages,
  geometryWords,
} from "./geometry.ts";
import { reduceSplits } from "./reduce.ts";
import { tileFor, tilesOf } from "./tiles.ts";
import { zeros } from "./zeros.ts";

/** vec4 operands need both channel counts to be multiples of 4; any other filter is read line by line. */
function inLines({ C, K }: ConvGeometry): boolean {
  return C % 4 !== 0 || K % 4 !== 0;
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

function forward(stream: Stream, g: ConvGeometry, x: Tensor, weight: Tensor, bias: Tensor | null, y: Tensor) {
  for (const [first, end] of batchPieces(stream.gpu.limits, [x, y])) {
    const piece = forImages(g, end - first);
    const { shader, rows, columns, workgroup } = tileFor(tilesOf(stream).forward, g.K);
    const threads = Math.ceil((piece.N * g.P * g.Q) / rows) * Math.ceil(g.K / columns);
    stream.append({
      program: program(stream.gpu, [
        ...(inLines(g) ? ["conv2d_lines", "storage_f32"] : ["conv2d", "storage_vec4"]),
        shader,
      ]),
      sizes: geometryWords(piece),
      bindings: [x.slice(first, end), weight, bias ?? zeros(stream, g.K), y.slice(first, end)],
      tiles: Math.ceil(threads / workgroup),
      flops: convFlops(piece),
    });
  }
}

/**
 * dx = the gradient of conv2d's x, or a transposed convolution of dy with a bias.
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
  for (const [first, end] of batchPieces(stream.gpu.limits, [dy, dx])) {
    const piece = forImages(g, end - first);
    const { shader, rows, columns, workgroup } = tileFor(tilesOf(stream).inputGradient, g.C);
    const threads = (phaseRows(piece, rows) / rows) * Math.ceil(g.C / columns);
    stream.append({
      program: program(stream.gpu, [
        "conv2d_input_gradient",
        // Both operands run along K here, so C may be anything.
        ...(g.K % 4 === 0 ? ["storage_vec4"] : ["storage_f32", "offsets_f32"]),
        shader,
      ]),
      sizes: [...geometryWords(piece), rows],
      bindings: [dy.slice(first, end), weight, bias ?? zeros(stream, g.C), dx.slice(first, end)],
      tiles: Math.ceil(threads / workgroup),
      flops: convFlops(piece),
    });
  }
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
 * @param x [N,H,W,C] @param dy [N,P,Q,K] @param dweight [R,S,C,K] @param accumulate adds to what dweight holds
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
  const { P, R, S, C, K } = g;
  const { filterGradient: tile, threads } = tilesOf(stream);
  const lines = inLines(g) || C < tile.rows;
  const rowTiles = lines ? R * Math.ceil((S * C) / tile.rows) : R * S * Math.ceil(C / tile.rows);
  const threadsEach = rowTiles * Math.ceil(K / tile.columns);
  // As many splits as keep the GPU busy, if their partial sums fit a binding.
  const wanted = Math.min(
    Math.ceil(threads / threadsEach),
    Math.max(1, Math.floor(stream.gpu.limits.bindingBytes / dweight.bytes)),
  );
  for (const [i, [first, end]] of batchPieces(stream.gpu.limits, [x, dy]).entries()) {
    const piece = forImages(g, end - first);
    const outputLines = piece.N * P;
    const linesEach = Math.ceil(outputLines / Math.min(wanted, outputLines));
    const splits = Math.ceil(outputLines / linesEach);
    const add = accumulate || i > 0;
    // One split that is added to nothing is the result itself.
    const direct = splits === 1 && !add;
    const partial = direct ? dweight : stream.temporary("filter gradient partial", [splits, ...dweight.shape]);
    stream.append({
      program: program(stream.gpu, [
        ...(lines ? ["conv2d_filter_gradient_lines", "storage_f32"] : ["conv2d_filter_gradient", "storage_vec4"]),
        tile.shader,
      ]),
      sizes: [...geometryWords(piece), splits, linesEach],
      bindings: [x.slice(first, end), dy.slice(first, end), partial],
      tiles: Math.ceil((splits * threadsEach) / tile.workgroup),
      flops: convFlops(piece),
    });
    if (direct) continue;
    reduceSplits(stream, partial, dweight, add);
    stream.release(partial);
  }
}
