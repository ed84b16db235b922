/**
 * Batch normalisation of columns (the last axis): statistics, normalisation, running averages, gradient. Each exists as a
 * step of its own, and fused with leaky ReLU as training uses it.
 * Moments are [3, C]: mean, rstd = 1/√(variance + epsilon), biased variance.
 */
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { type Chunking, chunked, mergeSizes, partSizes, partsOf } from "./batch_norm_chunks.ts";
import { chunksOf, reduceSplits } from "./reduce.ts";

function checkChannels(operation: string, C: number, tensors: readonly (readonly [Tensor, rows: number])[]) {
  for (const [tensor, rows] of tensors) {
    if (tensor.size !== rows * C) throw new Error(`${operation}: ${tensor} needs ${rows} × C=${C} elements`);
  }
}

/** Appends the chunks' statistics. @returns partial [groups · chunks, 2, C], which the caller must release */
function chunkStatistics(stream: Stream, { parts, chunk }: Chunking, C: number): Tensor {
  const { groups, chunks, firstChunk } = parts[parts.length - 1];
  const partial = stream.temporary("batch norm partial", [firstChunk + groups * chunks, 2, C]);
  for (const { views, rows, groups, chunks, firstChunk } of parts) {
    stream.append({
      program: program(stream.gpu, ["batch_norm_statistics"]),
      sizes: { rows, C, chunk, chunks, groups, first_chunk: firstChunk },
      bindings: { x: views[0], partial },
      workgroups: Math.ceil((groups * chunks * C) / 64),
      cost: 8 * views[0].size,
    });
  }
  return partial;
}

/** moments = the statistics of x's columns. @param x [..., C] @param moments [3, C] */
export function batchNormStatistics(stream: Stream, x: Tensor, moments: Tensor, epsilon: number) {
  const C = x.shape[x.shape.length - 1];
  checkChannels("batchNormStatistics", C, [[moments, 3]]);
  const chunking = chunked(partsOf(stream.gpu, "batchNormStatistics", [x]));
  const partial = chunkStatistics(stream, chunking, C);
  stream.append({
    program: program(stream.gpu, ["batch_norm_merge", "batch_norm_chan"]),
    sizes: { C, ...mergeSizes(chunking), epsilon },
    bindings: { partial, moments },
    workgroups: Math.ceil(C / 64),
    cost: 10 * partial.size,
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
  for (const {
    views: [xPiece, yPiece],
  } of partsOf(stream.gpu, "batchNorm", [x, y])) {
    stream.append({
      program: program(stream.gpu, ["batch_norm"]),
      sizes: { size: xPiece.size, C },
      bindings: { x: xPiece, moments, gamma, beta, y: yPiece },
      workgroups: Math.ceil(xPiece.size / 64),
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
    sizes: { C, momentum },
    bindings: { moments, running },
    workgroups: Math.ceil((3 * C) / 64),
    cost: 9 * C,
  });
}

/**
 * Moments to normalise with, from running averages, corrected for their start at zero.
 * @param running [3, C]: mean, variance, weight @param moments [3, C]
 */
export function batchNormInference(stream: Stream, running: Tensor, moments: Tensor, epsilon: number) {
  const C = running.size / 3;
  checkChannels("batchNormInference", C, [[moments, 3]]);
  stream.append({
    program: program(stream.gpu, ["batch_norm_inference"]),
    sizes: { C, epsilon },
    bindings: { running, moments },
    workgroups: Math.ceil(C / 64),
    cost: 8 * C,
  });
}

/**
 * The gradient through the batch's own statistics.
 * @param dy, x, dx [..., C] @param sums [2, C], output: dgamma, dbeta
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
  const pieces = partsOf(stream.gpu, "batchNormGradient", [dy, x, dx]).map(({ views }) => views);
  const chunks = pieces.map(([piece]) => chunksOf(piece.shape[0]));
  const total = chunks.reduce((sum, { count }) => sum + count, 0);
  const partial = stream.temporary("batch norm gradient partial", [total, 2, C]);
  let firstChunk = 0;
  for (const [i, [dyPiece, xPiece]] of pieces.entries()) {
    const { rows: chunk, count } = chunks[i];
    stream.append({
      program: program(stream.gpu, ["batch_norm_gradient_sums"]),
      sizes: { rows: dyPiece.shape[0], C, chunk, chunks: count, first_chunk: firstChunk },
      bindings: { dy: dyPiece, x: xPiece, moments, partial },
      workgroups: Math.ceil((count * C) / 64),
      cost: 8 * dyPiece.size,
    });
    firstChunk += count;
  }
  reduceSplits(stream, partial, sums);
  stream.release(partial);
  for (const [dyPiece, xPiece, dxPiece] of pieces) {
    stream.append({
      program: program(stream.gpu, ["batch_norm_gradient"]),
      sizes: { size: dyPiece.size, C, rows },
      bindings: { dy: dyPiece, x: xPiece, moments, gamma, sums, dx: dxPiece },
      workgroups: Math.ceil(dyPiece.size / 64),
      cost: 16 * dyPiece.size,
    });
  }
}

/** Options of the fused normalisation. */
export interface BatchNormLeakyRelu {
  readonly epsilon: number;
  /** Slope of the leaky ReLU below zero. */
  readonly slope: number;
  /** Running averages [3, C] that move towards the statistics of the first group. */
  readonly running?: { readonly averages: Tensor; readonly momentum: number };
}

/**
 * y = leakyRelu(gamma · x̂ + beta), where x̂ is x normalised by its own statistics: batchNormStatistics, batchNormRunning,
 * batchNorm and leakyRelu in two dispatches.
 * @param x, y [..., C], one or more groups of rows, each normalised separately @param gamma, beta [C]
 * @param applied [groups, 4, C], output: mean, rstd, gamma, beta, which `batchNormLeakyReluGradient` needs
 */
export function batchNormLeakyRelu(
  stream: Stream,
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  y: Tensor,
  applied: Tensor,
  { epsilon, slope, running }: BatchNormLeakyRelu,
) {
  const C = x.shape[x.shape.length - 1];
  const groups = applied.shape[0];
  checkChannels("batchNormLeakyRelu", C, [
    [applied, 4 * groups],
    [gamma, 1],
    [beta, 1],
    ...(running ? [[running.averages, 3] as const] : []),
  ]);
  const chunking = chunked(partsOf(stream.gpu, "batchNormLeakyRelu", [x, y], groups));
  const partial = chunkStatistics(stream, chunking, C);
  // The kernel always updates averages; without any to update, it gets a temporary that nothing reads.
  const unread = running ? null : stream.temporary("batch norm running, unread", [3, C]);
  for (const part of chunking.parts) {
    const [xPiece, yPiece] = part.views;
    stream.append({
      program: program(stream.gpu, ["batch_norm_leaky_relu", "batch_norm_chan"]),
      sizes: {
        ...partSizes(part, C),
        first_piece: Number(part.firstPiece),
        ...mergeSizes(chunking),
        epsilon,
        momentum: running?.momentum ?? 0,
        slope,
      },
      bindings: { x: xPiece, partial, gamma, beta, y: yPiece, applied, running: running?.averages ?? unread! },
      workgroups: Math.ceil((part.groups * part.chunks * C) / 64),
      cost: 20 * xPiece.size,
    });
  }
  if (unread) stream.release(unread);
  stream.release(partial);
}

/** A tensor to overwrite or to add to. */
interface Destination {
  readonly tensor: Tensor;
  readonly accumulate: boolean;
}

/**
 * The gradient of `batchNormLeakyRelu`, in two dispatches.
 * @param dy, x, dx [..., C] @param applied [groups, 4, C], from the forward pass
 * @param dgamma, dbeta [C], summed over the groups; null if not needed
 */
export function batchNormLeakyReluGradient(
  stream: Stream,
  dy: Tensor,
  x: Tensor,
  applied: Tensor,
  dx: Tensor,
  { slope, dgamma, dbeta }: { slope: number; dgamma: Destination | null; dbeta: Destination | null },
) {
  const C = x.shape[x.shape.length - 1];
  const allGroups = applied.shape[0];
  checkChannels("batchNormLeakyReluGradient", C, [
    [applied, 4 * allGroups],
    ...[dgamma, dbeta].flatMap((gradient) => (gradient ? [[gradient.tensor, 1] as const] : [])),
  ]);
  const { parts, chunk, chunks } = chunked(partsOf(stream.gpu, "batchNormLeakyReluGradient", [dy, x, dx], allGroups));
  const partial = stream.temporary("batch norm gradient partial", [allGroups * chunks, 2, C]);
  for (const part of parts) {
    const [dyPiece, xPiece] = part.views;
    stream.append({
      program: program(stream.gpu, ["batch_norm_leaky_relu_gradient_sums"]),
      sizes: { ...partSizes(part, C), chunk, first_chunk: part.firstChunk, slope },
      bindings: { dy: dyPiece, x: xPiece, applied, partial },
      workgroups: Math.ceil((part.groups * part.chunks * C) / 64),
      cost: 12 * xPiece.size,
    });
  }
  const unread = [dgamma, dbeta].map((gradient) =>
    gradient ? null : stream.temporary("batch norm parameter gradient, unread", [C]),
  );
  for (const part of parts) {
    const [dyPiece, xPiece, dxPiece] = part.views;
    stream.append({
      program: program(stream.gpu, ["batch_norm_leaky_relu_gradient"]),
      sizes: {
        ...partSizes(part, C),
        first_piece: Number(part.firstPiece),
        chunk,
        chunks,
        all_groups: allGroups,
        n: dx.size / C / allGroups,
        accumulate_dgamma: Number(dgamma?.accumulate ?? false),
        accumulate_dbeta: Number(dbeta?.accumulate ?? false),
        slope,
      },
      bindings: {
        dy: dyPiece,
        x: xPiece,
        applied,
        partial,
        dx: dxPiece,
        dgamma: dgamma?.tensor ?? unread[0]!,
        dbeta: dbeta?.tensor ?? unread[1]!,
      },
      workgroups: Math.ceil((part.groups * part.chunks * C) / 64),
      cost: 20 * xPiece.size,
    });
  }
  for (const tensor of [partial, ...unread]) if (tensor) stream.release(tensor);
}
