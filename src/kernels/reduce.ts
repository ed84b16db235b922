/** Sums over long axes, in two dispatches: partial sums, then their sum in a fixed order. With few rows, one dispatch. */
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { batchPieces } from "./geometry.ts";

/** How a column reduction divides its rows. */
export interface Chunks {
  /** Rows of every chunk except the last. */
  readonly rows: number;
  readonly count: number;
}

/** Chunks long enough to be worth a thread, few enough that one thread can add them up. */
export function chunksOf(rows: number): Chunks {
  const each = Math.max(32, Math.ceil(rows / 256));
  return { rows: each, count: Math.ceil(rows / each) };
}

/** Up to this many rows, one thread is faster than a second dispatch: a dense layer has only one row per picture. */
const fewRows = 128;

/** y (+)= Σ_s partial[s, …]. @param partial [splits, …y's shape] @param y any shape */
export function reduceSplits(stream: Stream, partial: Tensor, y: Tensor, accumulate = false) {
  const splits = partial.shape[0];
  if (partial.size !== splits * y.size) {
    throw new Error(`reduceSplits: partial needs [splits, ${y.shape}] for y ${y}, got ${partial}`);
  }
  appendReduction(stream, partial, y, { splits, stride: y.size, at: 0, accumulate });
}

/** y (+)= matrix[row]. @param matrix [rows, y's size] */
export function addRow(stream: Stream, matrix: Tensor, row: number, y: Tensor, accumulate = false) {
  if (matrix.size !== matrix.shape[0] * y.size || !(row >= 0 && row < matrix.shape[0])) {
    throw new Error(`addRow: ${matrix} has no row ${row} of the size of y ${y}`);
  }
  appendReduction(stream, matrix, y, { splits: 1, stride: y.size, at: row * y.size, accumulate });
}

function appendReduction(
  stream: Stream,
  partial: Tensor,
  y: Tensor,
  { splits, stride, at, accumulate }: { splits: number; stride: number; at: number; accumulate: boolean },
) {
  stream.append({
    program: program(stream.gpu, ["reduce_splits"]),
    sizes: { splits, size: y.size, accumulate: Number(accumulate), stride, at },
    bindings: { partial, y },
    workgroups: Math.ceil(y.size / 64),
    cost: splits * y.size,
  });
}

/** y (+)= the sum over all axes of x but the last: a bias gradient. @param x [..., columns] @param y [columns] */
export function columnSum(stream: Stream, x: Tensor, y: Tensor, accumulate = false) {
  const columns = x.shape[x.shape.length - 1];
  if (y.size !== columns) throw new Error(`columnSum: y needs [${columns}] for x ${x}, got ${y}`);
  const matrix = x.reshape([x.size / columns, columns]);
  const pieces = batchPieces(stream.gpu.limits, [matrix]).map(([first, end]) => matrix.slice(first, end));
  for (const [i, piece] of pieces.entries()) {
    const add = accumulate || i > 0;
    const [rows] = piece.shape;
    const few = rows <= fewRows;
    const chunks = few ? { rows, count: 1 } : chunksOf(rows);
    const partial = few ? y : stream.temporary("column sum partial", [chunks.count, columns]);
    stream.append({
      program: program(stream.gpu, ["column_sum"]),
      sizes: { rows, columns, chunk: chunks.rows, chunks: chunks.count, accumulate: Number(few && add) },
      bindings: { x: piece, partial },
      workgroups: Math.ceil(partial.size / 64),
      cost: piece.size,
    });
    if (few) continue;
    reduceSplits(stream, partial, y, add);
    stream.release(partial);
  }
}

/** Elements per workgroup when everything is summed to one number. */
const chunkOf = (size: number) => Math.max(1024, Math.ceil(size / 256));

/** y = Σ a·b. @param a, b of the same size @param y [1] */
export function dot(stream: Stream, a: Tensor, b: Tensor, y: Tensor) {
  if (a.size !== b.size || y.size !== 1) {
    throw new Error(`dot: needs a and b of one size, y [1]; got ${a}, ${b}, ${y}`);
  }
  const chunk = chunkOf(a.size);
  const chunks = Math.ceil(a.size / chunk);
  const partial = chunks === 1 ? y : stream.temporary("dot partial", [chunks, 1]);
  stream.append({
    program: program(stream.gpu, ["dot_product"]),
    sizes: { size: a.size, chunk },
    bindings: { a, b, partial },
    workgroups: chunks,
    cost: 4 * a.size,
  });
  if (chunks === 1) return;
  reduceSplits(stream, partial, y);
  stream.release(partial);
}

/** y = factor · Σ x². @param x any shape @param y [1] */
export function sumOfSquares(stream: Stream, x: Tensor, y: Tensor, factor: number) {
  if (y.size !== 1) throw new Error(`sumOfSquares: y needs [1], got ${y}`);
  const chunk = chunkOf(x.size);
  const partial = stream.temporary("sum of squares partial", [Math.ceil(x.size / chunk), 1]);
  stream.append({
    program: program(stream.gpu, ["sum_of_squares"]),
    sizes: { size: x.size, chunk, factor },
    bindings: { x, partial },
    workgroups: partial.size,
    cost: 2 * x.size,
  });
  reduceSplits(stream, partial, y);
  stream.release(partial);
}
