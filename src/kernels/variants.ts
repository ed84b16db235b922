/**
 * The catalogue: every way to compute a convolution's pass as a matrix product. The variants of a pass compute the same sums
 * in different orders. To add a tile, add a row to `variants`; default_choice.ts decides when it is used.
 */

export const passes = ["forward", "input gradient", "filter gradient"] as const;
export type Pass = (typeof passes)[number];

/** A micro-kernel: how a tile of the pass's matrix product is computed. */
export interface Variant {
  /** Rows × columns of the tile, and how it is computed: `16x8`, `shared 64x64`. */
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Threads of a workgroup. */
  readonly threads: number;
  /** Bytes of shared memory, if a workgroup computes one tile together. 0 if every thread computes its own tile. */
  readonly sharedBytes: number;
  /** Names of the shaders joined after the reader and its storage. */
  readonly shaders: readonly string[];
  /** Values of their overrides. */
  readonly constants?: Readonly<Record<string, number>>;
}

/** A tile that one thread computes in its registers. */
function direct(pass: "nn" | "nt", rows: number, columns: number, threads: number): Variant {
  const constants = { ROWS: rows, QUADS: columns / 4, THREADS: threads };
  return { name: `${rows}x${columns}`, rows, columns, threads, sharedBytes: 0, shaders: [`gemm_${pass}`], constants };
}

/** Like `direct`, for a filter gradient. @param pixels number of the depth's pixels multiplied at a time */
function directFilter(rows: number, columns: number, threads: number, pixels: 2 | 4): Variant {
  const constants = { ROW_QUADS: rows / 4, QUADS: columns / 4, THREADS: threads };
  const shaders = [`pixels_${pixels}`, "gemm_tn"];
  return { name: `${rows}x${columns}`, rows, columns, threads, sharedBytes: 0, shaders, constants };
}

/**
 * A tile that a workgroup computes together from shared memory.
 * @param side side of a thread's block of outputs @param slab steps of the depth that are staged at a time
 */
function shared(pass: "nn" | "nt" | "tn", side: 4 | 8, rows: number, columns: number, slab: number): Variant {
  const walk = pass === "tn" ? ["stage_tn"] : [`stage_${pass}`, "stage_taps"];
  return {
    name: `shared ${rows}x${columns}`,
    rows,
    columns,
    threads: (rows * columns) / side ** 2,
    // A vec4 for every four rows and every four columns, and one of padding for both, at each step.
    sharedBytes: 16 * slab * (rows / 4 + 1 + columns / 4 + 1),
    shaders: [...walk, "gemm_shared", "slab"],
    constants: { TILE_ROWS: rows, TILE_COLUMNS: columns, QUADS: side / 4, SLAB: slab },
  };
}

/** Every variant of each pass: first the direct ones, then the shared ones, smallest tile first. */
export const variants: Readonly<Record<Pass, readonly Variant[]>> = {
  forward: [
    direct("nn", 8, 8, 64),
    direct("nn", 16, 8, 16),
    direct("nn", 16, 16, 16),
    shared("nn", 4, 32, 32, 16),
    shared("nn", 8, 64, 64, 8),
    shared("nn", 8, 128, 64, 8),
    shared("nn", 8, 128, 128, 16),
  ],
  "input gradient": [
    direct("nt", 8, 4, 64),
    direct("nt", 8, 8, 64),
    direct("nt", 16, 4, 16),
    direct("nt", 16, 8, 16),
    direct("nt", 16, 16, 16),
    shared("nt", 4, 32, 32, 16),
    shared("nt", 8, 64, 64, 8),
    shared("nt", 8, 128, 64, 8),
    shared("nt", 8, 128, 128, 16),
  ],
  "filter gradient": [
    directFilter(8, 8, 64, 2),
    directFilter(16, 8, 16, 4),
    directFilter(16, 16, 16, 4),
    shared("tn", 4, 32, 32, 16),
    shared("tn", 8, 64, 64, 8),
    // Pixels are rows in the other passes but depth here, so the tile is wide instead of high.
    shared("tn", 8, 64, 128, 8),
    shared("tn", 8, 128, 128, 16),
  ],
};
