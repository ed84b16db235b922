/**
 * The ways there are to compute a convolution's pass, and which one is used for which shape. All give the same sums, in
 * another order: so a choice changes the last bits, and a run keeps the choices that it began with.
 */
import type { Stream } from "../gpu/stream.ts";
import type { ConvGeometry } from "./geometry.ts";

export const passes = ["forward", "input gradient", "filter gradient"] as const;
export type Pass = (typeof passes)[number];

/** A micro-kernel: how a tile of the pass's matrix product is computed. */
export interface Variant {
  /** Rows × columns of a tile, and how it is computed: `16x8`, `shared 64x64`. */
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Threads of a workgroup. */
  readonly threads: number;
  /** Bytes of shared memory: the workgroup computes one tile together. 0: every thread computes a tile of its own. */
  readonly sharedBytes: number;
  /** Files joined after the reader and its storage. */
  readonly shaders: readonly string[];
  /** Values of their overrides. */
  readonly constants?: Readonly<Record<string, number>>;
}

/** What was decided for one pass of one shape. */
export interface Choice {
  readonly variant: Variant;
  /** Of a filter gradient: into how many partial sums its depth is split, at most. */
  readonly splits: number;
}

/** A tile that a thread computes by itself. */
function direct(pass: "nn" | "nt", rows: number, columns: number, threads: number): Variant {
  const constants = { ROWS: rows, QUADS: columns / 4, THREADS: threads };
  return { name: `${rows}x${columns}`, rows, columns, threads, sharedBytes: 0, shaders: [`gemm_${pass}`], constants };
}

/** The same of a filter gradient. @param pixels how many of the depth's pixels are taken at a time */
function directFilter(rows: number, columns: number, threads: number, pixels: 2 | 4): Variant {
  const constants = { ROW_QUADS: rows / 4, QUADS: columns / 4, THREADS: threads };
  const shaders = [`pixels_${pixels}`, "gemm_tn"];
  return { name: `${rows}x${columns}`, rows, columns, threads, sharedBytes: 0, shaders, constants };
}

/** A tile that a workgroup computes together: `side` × `side` outputs a thread, `slab` steps of the depth at a time. */
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

function sharedTiles(pass: "nn" | "nt" | "tn"): Variant[] {
  return [
    shared(pass, 4, 32, 32, 16),
    shared(pass, 8, 64, 64, 8),
    // Pixels are what there are many of: rows, but of a filter gradient.
    pass === "tn" ? shared(pass, 8, 64, 128, 8) : shared(pass, 8, 128, 64, 8),
    shared(pass, 8, 128, 128, 16),
  ];
}

/** Every variant of each pass. */
export const variants: Readonly<Record<Pass, readonly Variant[]>> = {
  forward: [direct("nn", 8, 8, 64), direct("nn", 16, 8, 16), direct("nn", 16, 16, 16), ...sharedTiles("nn")],
  "input gradient": [
    direct("nt", 8, 4, 64),
    direct("nt", 8, 8, 64),
    direct("nt", 16, 4, 16),
    direct("nt", 16, 8, 16),
    direct("nt", 16, 16, 16),
    ...sharedTiles("nt"),
  ],
  "filter gradient": [
    directFilter(8, 8, 64, 2),
    directFilter(16, 8, 16, 4),
    directFilter(16, 16, 16, 4),
    ...sharedTiles("tn"),
  ],
};

/**
 * Which variants an adapter of a kind is taken to like best, smallest tile first, until something was measured. A GPU
 * wants tiles in shared memory, and registers that hold a thread's part; pictures' 3 channels are too few for those. A CPU
 * adapter has neither: it wants the most multiply-adds a load, in small workgroups that spread over few cores (measured in
 * docs/performance.md).
 */
const defaults: Readonly<Record<"hardware" | "software", Readonly<Record<Pass, readonly string[]>>>> = {
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

/** Workgroups that are enough to fill a GPU: fewer large tiles than these lose against more that are smaller. */
const busyWorkgroups = 128;

/** Threads that keep an adapter busy: filter gradients split their sums until there are as many. */
const busyThreads = { hardware: 65_536, software: 256 };

/** vec4 operands need both channel counts to be multiples of 4; any other filter is read line by line. */
export function inLines({ C, K }: ConvGeometry): boolean {
  return C % 4 !== 0 || K % 4 !== 0;
}

/** Columns of the pass's matrix product. */
function columnsOf(pass: Pass, g: ConvGeometry): number {
  return pass === "input gradient" ? g.C : g.K;
}

/** Whether the GPU can run a variant and its tile fits the shape. */
function fits({ gpu }: Stream, pass: Pass, g: ConvGeometry, variant: Variant): boolean {
  if (variant.sharedBytes === 0) return true;
  const enough = variant.sharedBytes <= gpu.limits.workgroupBytes && variant.threads <= gpu.limits.workgroupThreads;
  // What a workgroup stages in shared memory it loads as vec4; a tile of a filter gradient lies within one tap.
  if (pass === "input gradient") return enough && g.K % 4 === 0;
  return enough && !inLines(g) && (pass === "forward" || g.C >= variant.rows);
}

/** The variants that the shape can be computed by on this GPU. */
export function variantsFor(stream: Stream, pass: Pass, g: ConvGeometry): Variant[] {
  return variants[pass].filter((variant) => fits(stream, pass, g, variant));
}

/** How many tiles the pass takes before its depth is split, for filter gradients. */
export function filterGradientTiles(g: ConvGeometry, { rows, columns }: Variant): number {
  const { R, S, C, K } = g;
  const rowTiles = linesOf(g, rows) ? R * Math.ceil((S * C) / rows) : R * S * Math.ceil(C / rows);
  return rowTiles * Math.ceil(K / columns);
}

/** Whether a filter gradient's rows are (s,c) of one filter line, not c of one tap. */
export function linesOf(g: ConvGeometry, rows: number): boolean {
  return inLines(g) || g.C < rows;
}

/** Splits that give this many times the threads which keep the adapter busy. */
export function splitsFor({ gpu }: Stream, g: ConvGeometry, variant: Variant, times = 1): number {
  const threads = times * busyThreads[gpu.software ? "software" : "hardware"];
  const each = variant.sharedBytes > 0 ? variant.threads : 1;
  return Math.max(1, Math.ceil(threads / (filterGradientTiles(g, variant) * each)));
}

/** About how many tiles a pass takes at most; a filter gradient's depth can be split down to single output lines. */
function tilesOf(pass: Pass, g: ConvGeometry, variant: Variant): number {
  if (pass === "filter gradient") return filterGradientTiles(g, variant) * g.N * g.P;
  const rows = pass === "forward" ? g.N * g.P * g.Q : g.N * g.H * g.W;
  return Math.ceil(rows / variant.rows) * Math.ceil(columnsOf(pass, g) / variant.columns);
}

/**
 * The table's choice: the narrowest tile that takes all columns at once and is not idle by half, else the widest that has
 * no more columns; and of the tiles in shared memory up to that width the largest of which there are enough.
 */
function defaultChoice(stream: Stream, pass: Pass, g: ConvGeometry): Choice {
  const fitting = variantsFor(stream, pass, g);
  const names = defaults[stream.gpu.software ? "software" : "hardware"][pass];
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
  return { variant, splits: pass === "filter gradient" ? splitsFor(stream, g, variant) : 1 };
}

/** Filter gradients are also tried with half and with twice as many splits as the table has. */
const splitFactors = [0.5, 1, 2];

/** What is worth trying for a shape, the table's choice first. */
export function candidatesFor(stream: Stream, pass: Pass, g: ConvGeometry): Choice[] {
  const first = defaultChoice(stream, pass, g);
  // A tile that is idle by half is not worth it, nor is shared memory that a CPU only pretends to have.
  const columns = Math.max(columnsOf(pass, g), Math.min(...variants[pass].map((variant) => variant.columns)));
  const likely = variantsFor(stream, pass, g).filter(
    (variant) =>
      variant.columns < 2 * columns &&
      2 * variant.columns >= Math.min(columns, 16) &&
      !(stream.gpu.software && variant.sharedBytes > 0),
  );
  const choices = [first.variant, ...likely].flatMap((variant) =>
    pass === "filter gradient"
      ? splitFactors.map((factor) => ({ variant, splits: splitsFor(stream, g, variant, factor) }))
      : [{ variant, splits: 1 }],
  );
  const byText = new Map([first, ...choices].map((choice) => [choiceText(pass, choice), choice]));
  return [...byText.values()];
}

/** One pass of one shape, whatever the batch, as a text: `forward 32x32x64 5x5/2 to 128`. */
export function choiceKey(pass: Pass, { H, W, C, R, S, K, stride }: ConvGeometry): string {
  return `${pass} ${H}x${W}x${C} ${R}x${S}/${stride} to ${K}`;
}

/** A choice as a text: `16x8`, of a filter gradient `8x8 in 12`. */
export function choiceText(pass: Pass, { variant, splits }: Choice): string {
  return pass === "filter gradient" ? `${variant.name} in ${splits}` : variant.name;
}

/** One pass of one shape. */
export interface Convolution {
  readonly pass: Pass;
  readonly geometry: ConvGeometry;
}

/** Choices by their keys, as texts: what is measured, cached, and kept with a run. */
export type Choices = ReadonlyMap<string, string>;

const chosen = new WeakMap<Stream, Choices>();
const used = new WeakMap<Stream, Map<string, Convolution & { text: string }>>();

/** What a text of `choiceText` stands for; null when there is no such variant, or not for this shape on this GPU. */
function parseChoice(stream: Stream, pass: Pass, g: ConvGeometry, text: string): Choice | null {
  // The text may be a foreign file's: with `s`, line breaks match too.
  const [, name, splits] = /^(.*?)(?: in (\d+))?$/s.exec(text)!;
  const variant = variantsFor(stream, pass, g).find((variant) => variant.name === name);
  return variant ? { variant, splits: Math.max(1, Number(splits ?? 1)) } : null;
}

/** What the stream uses for one pass of one shape: what was chosen for it, else the table's choice for the adapter. */
export function choiceFor(stream: Stream, pass: Pass, g: ConvGeometry): Choice {
  const key = choiceKey(pass, g);
  const text = chosen.get(stream)?.get(key);
  const choice = (text === undefined ? null : parseChoice(stream, pass, g, text)) ?? defaultChoice(stream, pass, g);
  let usedHere = used.get(stream);
  if (!usedHere) used.set(stream, (usedHere = new Map()));
  usedHere.set(key, { pass, geometry: g, text: choiceText(pass, choice) });
  return choice;
}

/** Makes the stream use these choices from now on; shapes that they leave out keep the table's. */
export function choose(stream: Stream, choices: Choices): void {
  chosen.set(stream, choices);
}

/** Every choice that the stream has used so far. */
export function choicesUsed(stream: Stream): Choices {
  return new Map([...(used.get(stream) ?? [])].map(([key, { text }]) => [key, text]));
}

/** Every pass of every shape that the stream has appended so far. */
export function convolutionsUsed(stream: Stream): Convolution[] {
  return [...(used.get(stream)?.values() ?? [])].map(({ pass, geometry }) => ({ pass, geometry }));
}
