/** Which micro-kernel each GEMM pass uses: a choice by adapter. */
import type { Stream } from "../gpu/stream.ts";

/** A micro-kernel's shader and what it takes at once: each thread computes rows × columns. */
export interface Tile {
  readonly shader: string;
  readonly rows: number;
  readonly columns: number;
  readonly workgroup: number;
}

export interface Tiles {
  /** For each pass, from the narrowest to the widest. */
  readonly forward: readonly Tile[];
  readonly inputGradient: readonly Tile[];
  readonly filterGradient: Tile;
  /** Threads that keep the adapter busy: filter gradients split their sums until there are as many. */
  readonly threads: number;
}

function tile(pass: string, rows: number, columns: number, workgroup: number): Tile {
  return { shader: `gemm_${pass}_${rows}x${columns}`, rows, columns, workgroup };
}

/**
 * A GPU wants its registers to hold the tile and its warps full. A CPU adapter has neither: it wants the most
 * multiply-adds a load, in small workgroups that spread over few cores (measured in docs/performance.md).
 */
export const tileSets = {
  hardware: {
    forward: [tile("nn", 8, 8, 64)],
    inputGradient: [tile("nt", 8, 4, 64), tile("nt", 8, 8, 64)],
    filterGradient: tile("tn", 8, 8, 64),
    threads: 65_536,
  },
  software: {
    forward: [tile("nn", 16, 8, 16), tile("nn", 16, 16, 16)],
    inputGradient: [tile("nt", 16, 4, 16), tile("nt", 16, 8, 16), tile("nt", 16, 16, 16)],
    filterGradient: tile("tn", 8, 8, 64),
    threads: 256,
  },
} as const satisfies Record<string, Tiles>;

/** The narrowest tile that takes all columns at once, else the widest. */
export function tileFor(tiles: readonly Tile[], columns: number): Tile {
  return tiles.find((tile) => tile.columns >= columns) ?? tiles[tiles.length - 1];
}

const chosen = new WeakMap<Stream, Tiles>();

/** The stream's tiles: those of its adapter's kind, unless others were chosen. */
export function tilesOf(stream: Stream): Tiles {
  return chosen.get(stream) ?? (stream.gpu.software ? tileSets.software : tileSets.hardware);
}

/** Makes the stream use these tiles, whatever its adapter is. */
export function chooseTiles(stream: Stream, tiles: Tiles): void {
  chosen.set(stream, tiles);
}
