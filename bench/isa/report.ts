/** The results as tables: for the terminal, and for docs/performance.md. */
import type { Analysis } from "./analysis.ts";
import type { Family } from "./families.ts";
import type { Model } from "./model.ts";
import type { Facts } from "./statistics.ts";

type Cell = string | number;
/** A column of a table about values T: its heading, and what it shows of one. */
type Column<T> = readonly [heading: string, show: (value: T) => Cell];
type Counts = NonNullable<Analysis["iteration"]>;

const percent = (share: number) => `${Math.round(100 * share)}%`;

const factColumns: readonly Column<Facts>[] = [
  ["VGPRs", ({ vgprs }) => vgprs],
  ["SGPRs", ({ sgprs }) => sgprs],
  ["spilled", ({ spilledVgprs, spilledSgprs }) => spilledVgprs + spilledSgprs],
  ["LDS bytes", ({ ldsBytes }) => ldsBytes],
  ["waves per SIMD", ({ wavesPerSimd }) => wavesPerSimd],
  ["instructions", ({ instructions }) => instructions],
];

const countColumns: readonly Column<Counts>[] = [
  ["steps", ({ steps }) => steps],
  ["instructions", ({ instructions }) => Math.round(instructions)],
  ["vector", ({ vector }) => Math.round(vector)],
  ["multiply-adds", ({ fma }) => Math.round(fma)],
  ["their share", ({ fmaShare }) => percent(fmaShare)],
  ["LDS reads", ({ ldsReads }) => Math.round(ldsReads)],
  ["LDS writes", ({ ldsWrites }) => Math.round(ldsWrites)],
  ["loads", ({ loads }) => Math.round(loads)],
  ["prefetch", ({ prefetches }) => (prefetches === null ? "" : prefetches ? "yes" : "no")],
];

const modelColumns: readonly Column<Model & { fmaClockShare: number }>[] = [
  ["workgroups", ({ groups }) => groups],
  ["share of vector clocks", ({ fmaClockShare }) => percent(fmaClockShare)],
  ["**rate**", ({ rate }) => percent(rate)],
  ["main loop", ({ loopRate }) => percent(loopRate)],
  ["vector busy", ({ vector }) => percent(vector)],
  ["LDS busy", ({ lds }) => percent(lds)],
  ["memory busy", ({ memory }) => percent(memory)],
];

/** What was compiled with what. */
export interface Source {
  /** The adapter's name, with Mesa's version. */
  readonly adapter: string;
  /** Version of the npm package that contains Dawn. */
  readonly webgpu: string;
  readonly families: readonly Family[];
}

/** All tables, as Markdown. Where families differ, a cell has a value for each. */
export function tables(results: readonly Analysis[], { adapter, webgpu, families }: Source): string {
  const titles = families.map(({ name, title }) => `${name}: ${title}`).join("; ");
  const order = `Where they differ, a cell reads ${families.map(({ name }) => name).join(" / ")}.`;
  const tiles = results.filter(({ tile }) => tile !== null);
  const others = results.filter(({ tile }) => tile === null);
  const factsOf = ({ facts }: Analysis) => facts;
  return [
    `Compiled by ${adapter} from what npm webgpu ${webgpu} makes of the WGSL, for ${titles}. ` +
      `${families.length > 1 ? `${order} ` : ""}● marks what a step of \`article\` runs.`,
    ...section("**Facts**, as the compiler states them:", "tile", tiles, factsOf, factColumns),
    ...section("**Facts**, the other programs of a step:", "program", others, factsOf, factColumns),
    ...section(
      "**Counted** in the machine code, for one iteration of the main loop, the mean of all waves:",
      "tile",
      tiles,
      ({ iteration }) => iteration,
      countColumns,
    ),
    ...section(
      "**Model**, for x [64,32,32,128] → 256, 5×5, stride 2: shares of the peak rate of multiply-adds, and of the time:",
      "shared tile",
      tiles,
      ({ model, iteration }) => model && { ...model, fmaClockShare: iteration!.fmaClockShare },
      modelColumns,
    ),
  ].join("\n");
}

/** A heading and a table with one row per program; nothing if no row has a value. */
function section<T>(
  title: string,
  what: string,
  rows: readonly Analysis[],
  pick: (row: Analysis) => T | null,
  columns: readonly Column<T>[],
): string[] {
  const values = new Map<string, T[]>();
  for (const row of rows) {
    const value = pick(row);
    const name = `${row.program}${row.tile && row.inStep ? " ●" : ""}`;
    if (value !== null) values.set(name, [...(values.get(name) ?? []), value]);
  }
  if (values.size === 0) return [];
  const body = [...values].map(([name, all]) => [name, ...columns.map(([, show]) => cell(all.map(show)))]);
  return ["", title, "", ...table([[what, ...columns.map(([heading]) => heading)], ...body])];
}

/** One value if all families have the same. */
function cell(values: readonly Cell[]): string {
  const texts = values.map((value) => (typeof value === "number" ? value.toLocaleString("en") : value));
  return new Set(texts).size === 1 ? texts[0] : texts.join(" / ");
}

/** A Markdown table whose columns are aligned, so that it can be read in a terminal too. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, i) => Math.max(3, ...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]) => `| ${cells.map((text, i) => text.padEnd(widths[i])).join(" | ")} |`;
  return [line(rows[0]), line(widths.map((width) => "-".repeat(width))), ...rows.slice(1).map(line)];
}

const markers = ["<!-- bench:isa -->", "<!-- /bench:isa -->"] as const;

/** The document with new tables between the markers. @throws Error when the markers are missing */
export function withTables(document: string, text: string): string {
  const [start, end] = markers.map((marker) => document.indexOf(marker));
  if (start < 0 || end < start) throw new Error(`${markers.join(" and ")} are not there, in this order`);
  return `${document.slice(0, start + markers[0].length)}\n\n${text}\n\n${document.slice(end)}`;
}
