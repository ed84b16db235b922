/**
 * How batch-norm's kernels share a tensor's rows: parts that fit a binding, and chunks whose statistics are computed
 * separately and then merged (Chan et al., see docs/batch-norm.md).
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { batchPieces } from "./geometry.ts";
import type { Chunks } from "./reduce.ts";

/** The rows of all groups, or of a piece of one group, as [rows, C] views that fit a binding. */
export interface Part {
  readonly views: readonly Tensor[];
  /** The number of groups, and the first one's index. */
  readonly groups: number;
  readonly firstGroup: number;
  /** Whether the first rows of a group are included. */
  readonly firstPiece: boolean;
}

/** The tensors as one part if they fit a binding, otherwise as pieces of each group. */
export function partsOf({ limits }: Gpu, operation: string, tensors: readonly Tensor[], groups = 1): Part[] {
  const { shape, size } = tensors[0];
  const C = shape[shape.length - 1];
  const wrong = tensors.find((tensor) => tensor.shape.join() !== shape.join());
  if (wrong) throw new Error(`${operation}: ${wrong} and ${tensors[0]} need one shape [..., C]`);
  const rows = size / C / groups;
  if (!Number.isInteger(rows)) throw new Error(`${operation}: ${tensors[0]} does not have ${groups} groups of rows`);
  const whole = tensors.map((tensor) => tensor.reshape([size / C, C]));
  if (batchPieces(limits, whole).length === 1) return [{ views: whole, groups, firstGroup: 0, firstPiece: true }];
  return Array.from({ length: groups }, (_, group) => {
    const views = whole.map((tensor) => tensor.slice(group * rows, (group + 1) * rows));
    return batchPieces(limits, views).map(([first, end]) => ({
      views: views.map((tensor) => tensor.slice(first, end)),
      groups: 1,
      firstGroup: group,
      firstPiece: first === 0,
    }));
  }).flat();
}

/**
 * How statistics cut a group's rows into chunks: a chunk has about four times as many rows as there are chunks, so that a
 * thread working on one chunk of a column can afford to merge all of them.
 */
export function statisticsChunks(rows: number): Chunks {
  const each = Math.max(32, Math.ceil(2 * Math.sqrt(rows)));
  return { rows: each, count: Math.ceil(rows / each) };
}

/** A part with its chunks. */
export interface ChunkedPart extends Part {
  /** Rows of each of its groups. */
  readonly rows: number;
  /** Chunks of each of its groups. */
  readonly chunks: number;
  readonly firstChunk: number;
}

export interface Chunking {
  readonly parts: readonly ChunkedPart[];
  /** Rows of every chunk except a piece's last: the same for all, so that merging knows how many rows each chunk has. */
  readonly chunk: number;
  /** Chunks of one group. */
  readonly chunks: number;
}

export function chunked(parts: readonly Part[]): Chunking {
  const rowsOf = ({ views, groups }: Part) => views[0].shape[0] / groups;
  const chunk = statisticsChunks(rowsOf(parts[0])).rows;
  let firstChunk = 0;
  const chunkedParts = parts.map((part) => {
    const rows = rowsOf(part);
    const chunks = Math.ceil(rows / chunk);
    const at = firstChunk;
    firstChunk += part.groups * chunks;
    return { ...part, rows, chunks, firstChunk: at };
  });
  const groups = parts[parts.length - 1].firstGroup + parts[parts.length - 1].groups;
  return { parts: chunkedParts, chunk, chunks: firstChunk / groups };
}

/** The words of `Sizes` by which a fused kernel finds the rows of one part. */
export function partSizes({ rows, chunks, groups, firstGroup }: ChunkedPart, C: number) {
  return { rows, C, chunks_here: chunks, groups, first_group: firstGroup };
}

/** The words of `Sizes` by which batch_norm_chan.wgsl knows how many rows each chunk has. */
export function mergeSizes({ parts, chunk, chunks }: Chunking) {
  const lastRows = ({ rows, chunks }: ChunkedPart) => rows - (chunks - 1) * chunk;
  return {
    chunk,
    chunks,
    last: lastRows(parts[0]),
    chunks_a_piece: parts[0].chunks,
    last_of_all: lastRows(parts[parts.length - 1]),
  };
}
