/**
 * The variant for a shape on an adapter where nothing has been measured: a table, and a rule that picks from it. Also which
 * variants can run at all, and which are worth measuring.
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { ConvGeometry } from "./geometry.ts";
import { type Pass, type Variant, variants } from "./variants.ts";

/** How one pass of one shape is computed. */
export interface Choice {
  readonly variant: Variant;
  /** For a filter gradient, the maximum number of partial sums that its depth is split into; otherwise 1. */
  readonly splits: number;
}

/**
 * The variants that each kind of adapter is assumed to run best, smallest tile first. On a GPU these are tiles in shared
 * memory with a block of outputs in each thread's registers, except for pictures, whose 3 channels are too few. A CPU
 * adapter has neither: there the most multiply-adds per load win, in small workgroups that spread over few cores (measured
 * in docs/performance.md).
 */
const table: Readonly<Record<"hardware" | "software", Readonly<Record<Pass, readonly string[]>>>> = {
  hardware: {
    forward: ["8x8", "shared 32x32", "shared 64x64", "shared 128x64", "shared 128x128"],
    "input gradient": ["8x4", "8x8", "shared 32x32", "shared 64x64", "shared 128x64", "shared 128x128"],
    "filter gradient": ["8x8", "shared 32x32", "shared 64x64", "shared 64x128", "shared 128x128"],
  },
  software: {
    forward: ["16x8", "16x16"],
    "input gradient": ["16x4", "16x8", "16x16"],
    "filter gradient": ["16x8", "16x16"],
  },
};

/** Enough workgroups to fill a GPU: below this, smaller tiles are faster because there are more of them. */
const busyWorkgroups = 128;

/** Enough threads to keep an adapter busy: filter gradients split their sums until they have this many. */
const busyThreads = { hardware: 65_536, software: 256 };

const kindOf = ({ software }: Gpu) => (software ? "software" : "hardware");

/**
 * The default choice. It limits the width to the narrowest tile that covers all columns and is less than half idle, or else
 * to the widest tile that has no idle columns. Among shared tiles up to that width it picks the largest that still gives
 * enough workgroups.
 */
export function defaultChoice(gpu: Gpu, pass: Pass, g: ConvGeometry): Choice {
  const fitting = variantsFor(gpu, pass, g);
  const names = table[kindOf(gpu)][pass];
  const listed = names.flatMap((name) => fitting.filter((variant) => variant.name === name));
  const columns = columnsOf(pass, g);
  const widest =
    listed.find((tile) => tile.columns >= columns && tile.columns < 2 * columns) ??
    listed.findLast((tile) => tile.columns <= columns) ??
    listed[0];
  const narrower = listed.filter((tile) => tile.columns <= widest.columns);
  const together = narrower.filter((tile) => tile.sharedBytes > 0);
  const variant =
    together.findLast((tile) => tilesOf(pass, g, tile) >= busyWorkgroups) ??
    together[0] ??
    narrower[narrower.length - 1];
  return { variant, splits: pass === "filter gradient" ? splitsFor(gpu, g, variant) : 1 };
}

/** The variants that can compute the shape on this GPU. */
export function variantsFor(gpu: Gpu, pass: Pass, g: ConvGeometry): Variant[] {
  return variants[pass].filter((variant) => fits(gpu, pass, g, variant));
}

/** With more sums per thread, RDNA GPUs keep some in memory (docs/performance.md, "Machine code without a GPU"). */
const maxGpuSums = 64;

/** Filter gradients are also measured with half and with twice the default number of splits. */
const splitFactors = [0.5, 1, 2];

/** The choices worth measuring for a shape, the default choice first. */
export function candidatesFor(gpu: Gpu, pass: Pass, g: ConvGeometry): Choice[] {
  const first = defaultChoice(gpu, pass, g);
  // Not worth measuring: tiles that are half idle; on a CPU, shared memory, which it only emulates; on a GPU, sums that do
  // not fit into registers.
  const columns = Math.max(columnsOf(pass, g), Math.min(...variants[pass].map((variant) => variant.columns)));
  const likely = variantsFor(gpu, pass, g).filter(
    (variant) =>
      variant.columns < 2 * columns &&
      2 * variant.columns >= Math.min(columns, 16) &&
      (gpu.software ? variant.sharedBytes === 0 : sumsPerThread(variant) <= maxGpuSums),
  );
  const choices = [first.variant, ...likely].flatMap((variant) =>
    pass === "filter gradient"
      ? splitFactors.map((factor) => ({ variant, splits: splitsFor(gpu, g, variant, factor) }))
      : [{ variant, splits: 1 }],
  );
  return [
    ...new Map([first, ...choices].map((choice) => [`${choice.variant.name} ${choice.splits}`, choice])).values(),
  ];
}

/** Whether a filter is read line by line: vec4 operands need both channel counts to be multiples of 4. */
export function inLines({ C, K }: ConvGeometry): boolean {
  return C % 4 !== 0 || K % 4 !== 0;
}

/** Whether a filter gradient's rows are (s,c) of one filter line instead of c of one tap. */
export function linesOf(g: ConvGeometry, rows: number): boolean {
  return inLines(g) || g.C < rows;
}

/** How many tiles a filter gradient has before its depth is split. */
export function filterGradientTiles(g: ConvGeometry, { rows, columns }: Variant): number {
  const { R, S, C, K } = g;
  const rowTiles = linesOf(g, rows) ? R * Math.ceil((S * C) / rows) : R * S * Math.ceil(C / rows);
  return rowTiles * Math.ceil(K / columns);
}

/** The number of splits that gives `times` as many threads as keep the adapter busy. */
function splitsFor(gpu: Gpu, g: ConvGeometry, variant: Variant, times = 1): number {
  const threads = times * busyThreads[kindOf(gpu)];
  const each = variant.sharedBytes > 0 ? variant.threads : 1;
  return Math.max(1, Math.ceil(threads / (filterGradientTiles(g, variant) * each)));
}

/** The approximate maximum number of tiles of a pass; a filter gradient's depth can be split down to single output lines. */
function tilesOf(pass: Pass, g: ConvGeometry, variant: Variant): number {
  if (pass === "filter gradient") return filterGradientTiles(g, variant) * g.N * g.P;
  const rows = pass === "forward" ? g.N * g.P * g.Q : g.N * g.H * g.W;
  return Math.ceil(rows / variant.rows) * Math.ceil(columnsOf(pass, g) / variant.columns);
}

/** Columns of the pass's matrix product. */
function columnsOf(pass: Pass, g: ConvGeometry): number {
  return pass === "input gradient" ? g.C : g.K;
}

function sumsPerThread({ rows, columns, threads, sharedBytes }: Variant): number {
  return (rows * columns) / (sharedBytes > 0 ? threads : 1);
}

/** Whether the GPU can run a variant and its tile fits the shape. */
function fits({ limits }: Gpu, pass: Pass, g: ConvGeometry, variant: Variant): boolean {
  if (variant.sharedBytes === 0) return true;
  const enough = variant.sharedBytes <= limits.workgroupBytes && variant.threads <= limits.workgroupThreads;
  // Shared memory is filled by loading vec4, and a filter gradient's tile must lie within one tap.
  if (pass === "input gradient") return enough && g.K % 4 === 0;
  return enough && !inLines(g) && (pass === "forward" || g.C >= variant.rows);
}
