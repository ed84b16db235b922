/**
 * Batch normalisation by column (the last axis): statistics, normalising, running averages, backward.
 * Moments are [3, C]: mean, rstd = 1/√(variance + epsilon), biased variance.
 */
import { program } from "../gpu/program.ts";
import { f32Bits } from "../gpu/sizes.ts";
import type { Stream } from "../gpu/stream.ts";
import { elements, type Tensor } from "../gpu/tensor.ts";
import { batchPieces } from "./geometry.ts";
import { chunksOf, reduceSplits } from "./reduce.ts";

/** [rows, C] views of these tensors, in pieces that fit a binding. */
function rowPieces(stream: Stream, operation: string, tensors: readonly Tensor[]): Tensor[][] {
  const { shape } = tensors[0];
  const C = shape[shape.length - 1];
  const wrong = tensors.find((tensor) => tensor.shape.join() !== shape.join());
  if (wrong) throw new Error(`${operation}: ${wrong} and ${tensors[0]} need one shape [..., C]`);
  const rows = tensors.map((tensor) => tensor.reshape([elements(shape) / C, C]));
  return batchPieces(stream.gpu.limits, rows).map(([first, end]) => rows.map((tensor) => tensor.slice(first, end)));
}

function checkChannels(operation: string, C: number, tensors: readonly (readonly [Tensor, rows: number])[]) {
  for (const [tensor, rows] of tensors) {
    if (tensor.size !== rows * C) throw new Error(`${operation}: ${tensor} needs ${rows} × C=${C} elements`);
  }
}

/** moments = the statistics of x's columns. @param x [..., C] @param moments [3, C] */
export function batchNormStatistics(stream: Stream, x: Tensor, moments: Tensor, epsilon: number) {
  const C = x.shape[x.shape.length - 1];
  checkChannels("batchNormStatistics", C, [[moments, 3]]);
  const pieces = rowPieces(stream, "batchNormStatistics", [x]).map(([piece]) => piece);
  const chunks = pieces.map((piece) => chunksOf(piece.shape[0]));
  // One chunk length for all, so that merging knows how many rows each stands for.
  const rows = chunks[0].rows;
  const counts = pieces.map((piece) => Math.ceil(piece.shape[0] / rows));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const partial = stream.temporary("batch norm partial", [total, 2, C]);
  let first = 0;
  for (const [i, piece] of pieces.entries()) {
    stream.append({
      program: program(stream.gpu, ["batch_norm_statistics"]),
      sizes: [piece.shape[0], C, rows, counts[i], first],
      bindings: [piece, partial],
      tiles: Math.ceil((counts[i] * C) / 64),
      cost: 8 * piece.size,
    });
    first += counts[i];
  }
  const lastRows = (piece: Tensor, count: number) => piece.shape[0] - (count - 1) * rows;
  const last = pieces.length - 1;
  stream.append({
    program: program(stream.gpu, ["batch_norm_merge"]),
    sizes: [
      C,
      total,
      rows,
      lastRows(pieces[0], counts[0]),
      counts[0],
      lastRows(pieces[last], counts[last]),
      f32Bits(epsilon),
    ],
    bindings: [partial, moments],
    tiles: Math.ceil(C / 64),
    cost: 10 * total * C,
  });
  stream.release(partial);
}

/** y = gamma · (x − mean) · rstd + beta. @param x, y [..., C] @param moments [3, C] @param gamma, beta [C] */
export function batchNorm(stream: Stream, x: Tensor, moments: Tensor, gamma: Tensor, beta: Tensor, y: Tensor) {
  const C = x.shape[x.shape.length - 1];
  checkChannels("batchNorm", C, [
    [moments, 3],
    [gamma, 1],
    [beta, 1],
  ]);
  for (const [xPiece, yPiece] of rowPieces(stream, "batchNorm", [x, y])) {
    stream.append({
      program: program(stream.gpu, ["batch_norm"]),
      sizes: [xPiece.size, C],
      bindings: [xPiece, moments, gamma, beta, yPiece],
      tiles: Math.ceil(xPiece.size / 64),
      cost: 16 * xPiece.size,
    });
  }
}

/** Moves running averages towards this batch's. @param moments [3, C] @param running [3, C]: mean, variance, weight */
export function batchNormRunning(stream: Stream, moments: Tensor, running: Tensor, momentum: number) {
  const C = running.size / 3;
  checkChannels("batchNormRunning", C, [[moments, 3]]);
  stream.append({
    program: program(stream.gpu, ["batch_norm_running"]),
    sizes: [C, f32Bits(momentum)],
    bindings: [moments, running],
    tiles: Math.ceil((3 * C) / 64),
    cost: 9 * C,
  });
}

/**
 * Moments to normalise by from running averages, corrected for their start at zero.
 * @param running [3, C]: mean, variance, weight @param moments [3, C]
 */
export function batchNormInference(stream: Stream, running: Tensor, moments: Tensor, epsilon: number) {
  const C = running.size / 3;
  checkChannels("batchNormInference", C, [[moments, 3]]);
  stream.append({
    program: program(stream.gpu, ["batch_norm_inference"]),
    sizes: [C, f32Bits(epsilon)],
    bindings: [running, moments],
    tiles: Math.ceil(C / 64),
    cost: 8 * C,
  });
}

/**
 * The gradient through the batch's own statistics.
 * @param dy, x, dx [..., C] @param sums [2, C], out: dgamma, dbeta
 */
export function batchNormGradient(
  stream: Stream,
  dy: Tensor,
  x: Tensor,
  moments: Tensor,
  gamma: Tensor,
  sums: Tensor,
  dx: Tensor,
) {
  const C = x.shape[x.shape.length - 1];
  checkChannels("batchNormGradient", C, [
    [moments, 3],
    [gamma, 1],
    [sums, 2],
  ]);
  const rows = x.size / C;
  const pieces = rowPieces(stream, "batchNormGradient", [dy, x, dx]);
  const chunks = pieces.map(([piece]) => chunksOf(piece.shape[0]));
  const total = chunks.reduce((sum, { count }) => sum + count, 0);
  const partial = stream.temporary("batch norm gradient partial", [total, 2, C]);
  let first = 0;
  for (const [i, [dyPiece, xPiece]] of pieces.entries()) {
    stream.append({
      program: program(stream.gpu, ["batch_norm_gradient_sums"]),
      sizes: [dyPiece.shape[0], C, chunks[i].rows, chunks[i].count, first],
      bindings: [dyPiece, xPiece, moments, partial],
      tiles: Math.ceil((chunks[i].count * C) / 64),
      cost: 8 * dyPiece.size,
    });
    first += chunks[i].count;
  }
  reduceSplits(stream, partial, sums);
  stream.release(partial);
  for (const [dyPiece, xPiece, dxPiece] of pieces) {
    stream.append({
      program: program(stream.gpu, ["batch_norm_gradient"]),
      sizes: [dyPiece.size, C, rows],
      bindings: [dyPiece, xPiece, moments, gamma, sums, dxPiece],
      tiles: Math.ceil(dyPiece.size / 64),
      cost: 16 * dyPiece.size,
    });
  }
}
