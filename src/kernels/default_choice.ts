/**
 * Which variant suits a shape on an adapter as long as nothing was measured: a table, and a rule that picks from it. Also
 * which variants can run at all, and which are worth measuring.
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { ConvGeometry } from "./geometry.ts";
import { type Pass, type Variant, variants } from "./variants.ts";

/** What is used for one pass of one shape. */
export interface Choice {
  readonly variant: Variant;
  /** Of a filter gradient: into how many partial sums its depth is split, at most. Otherwise 1. */
  readonly splits: number;
}

/**
 * Variants that an adapter of a kind is assumed to run best, smallest tile first. A GPU wants tiles in shared memory, and
 * registers that hold a thread's block; the 3 channels of pictures are too few for those. A CPU adapter has neither: it
 * wants the most multiply-adds per load, in small workgroups that spread over few cores (measured in docs/performance.md).
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

/** Workgroups that are enough to fill a GPU: fewer large tiles than these lose to more that are smaller. */
const busyWorkgroups = 128;

/** Threads that keep an adapter busy: filter gradients split their sums until there are as many. */
const busyThreads = { hardware: 65_536, software: 256 };

const kindOf = ({ software }: Gpu) => (software ? "software" : "hardware");

/**
 * The default choice: the narrowest tile that takes all columns at once and is less than half idle, else the widest that
 * has no more columns; and of the shared tiles up to that width the largest of which there are enough.
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

/** Filter gradients are also measured with half and with twice the default number of splits. */
const splitFactors = [0.5, 1, 2];

/** What is worth measuring for a shape, the default choice first. */
export function candidatesFor(gpu: Gpu, pass: Pass, g: ConvGeometry): Choice[] {
  const first = defaultChoice(gpu, pass, g);
  // A tile that is half idle is not worth it, nor is shared memory that a CPU only emulates.
  const columns = Math.max(columnsOf(pass, g), Math.min(...variants[pass].map((variant) => variant.columns)));
  const likely = variantsFor(gpu, pass, g).filter(
    (variant) =>
      variant.columns < 2 * columns &&
      2 * variant.columns >= Math.min(columns, 16) &&
      !(gpu.software && variant.sharedBytes > 0),
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

/** vec4 operands need both channel counts to be multiples of 4; any other filter is read line by line. */
export function inLines({ C, K }: ConvGeometry): boolean {
  return C % 4 !== 0 || K % 4 !== 0;
}

/** Whether a filter gradient's rows are (s,c) of one filter line, not c of one tap. */
export function linesOf(g: ConvGeometry, rows: number): boolean {
  return inLines(g) || g.C < rows;
}

/** How many tiles a filter gradient has before its depth is split. */
export function filterGradientTiles(g: ConvGeometry, { rows, columns }: Variant): number {
  const { R, S, C, K } = g;
  const rowTiles = linesOf(g, rows) ? R * Math.ceil((S * C) / rows) : R * S * Math.ceil(C / rows);
  return rowTiles * Math.ceil(K / columns);
}

/** Splits that give this many times the threads which keep the adapter busy. */
function splitsFor(gpu: Gpu, g: ConvGeometry, variant: Variant, times = 1): number {
  const threads = times * busyThreads[kindOf(gpu)];
  const each = variant.sharedBytes > 0 ? variant.threads : 1;
  return Math.max(1, Math.ceil(threads / (filterGradientTiles(g, variant) * each)));
}

/** About how many tiles a pass has at most; a filter gradient's depth can be split down to single output lines. */
function tilesOf(pass: Pass, g: ConvGeometry, variant: Variant): number {
  if (pass === "filter gradient") return filterGradientTiles(g, variant) * g.N * g.P;
  const rows = pass === "forward" ? g.N * g.P * g.Q : g.N * g.H * g.W;
  return Math.ceil(rows / variant.rows) * Math.ceil(columnsOf(pass, g) / variant.columns);
}

/** Columns of the pass's matrix product. */
function columnsOf(pass: Pass, g: ConvGeometry): number {
  return pass === "input gradient" ? g.C : g.K;
}

/** Whether the GPU can run a variant and its tile fits the shape. */
function fits({ limits }: Gpu, pass: Pass, g: ConvGeometry, variant: Variant): boolean {
  if (variant.sharedBytes === 0) return true;
  const enough = variant.sharedBytes <= limits.workgroupBytes && variant.threads <= limits.workgroupThreads;
  // What a workgroup stages in shared memory it loads as vec4; a tile of a filter gradient lies within one tap.
  if (pass === "input gradient") return enough && g.K % 4 === 0;
  return enough && !inLines(g) && (pass === "forward" || g.C >= variant.rows);
}
