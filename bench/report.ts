/** The bench's results: as data, as tables of 80 columns, as the README's block. */
import { type Ceilings, compareTimes, percentile, type Spread } from "./arithmetic.ts";
import type { DenseResult } from "./dense.ts";
import type { CaseResult } from "./kernels.ts";
import type { StepResult } from "./steps.ts";

/** One run of `catgan bench`, as it is written to files. Times are milliseconds, rates are billions per second. */
export interface Report {
  readonly catgan: string;
  /** `Node 20.20.2`. */
  readonly runtime: string;
  readonly date: string;
  readonly adapter: string;
  /** Whether the adapter is a software one. */
  readonly software: boolean;
  readonly quick: boolean;
  readonly filter: string | null;
  /** A sentence about shapes that are smaller than the article's. */
  readonly scale: string | null;
  readonly ceilings: Ceilings;
  readonly cases: readonly CaseResult[];
  readonly steps: readonly StepResult[];
  readonly dense: readonly DenseResult[];
  /** From the start of the process to the end of the first step of `tiny`. */
  readonly firstStep: Spread | null;
}

/** Reads a report from a file's text. @throws a one-line Error when it is not a report */
export function parseReport(text: string): Report {
  let json: Partial<Report>;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error("not JSON, expected a file that --json FILE wrote");
  }
  const isSpread = (value: unknown) =>
    ["median", "p10", "p90"].every((key) => Number.isFinite((value as Spread)?.[key as "median"]));
  const isCase = ({ name, shape, ms }: Partial<CaseResult>) =>
    typeof name === "string" && typeof shape === "string" && (ms === null || isSpread(ms));
  const isStep = ({ preset, ms }: Partial<StepResult>) => typeof preset === "string" && (ms === null || isSpread(ms));
  const known =
    typeof json?.adapter === "string" &&
    Array.isArray(json.cases) &&
    json.cases.every((one) => isCase(one ?? {})) &&
    Array.isArray(json.steps) &&
    json.steps.every((one) => isStep(one ?? {}));
  if (!known) throw new Error("not a result of catgan bench, expected a file that --json FILE wrote");
  return json as Report;
}

/** A file name for an adapter: `swiftshader-driver-5-0-0-google`. */
export function slugOf(adapter: string): string {
  return adapter
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}

// Numbers

/** Three significant digits, at most three decimals: 0.012, 1.23, 12.3, 123, 1235. */
export function digits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3);
}

/** `12.3–14.5`. */
function range({ p10, p90 }: Spread): string {
  return `${digits(p10)}–${digits(p90)}`;
}

const missing = "–";
const orMissing = (value: number | null | undefined, show: (value: number) => string = digits) =>
  value == null ? missing : show(value);
const mebibytes = (bytes: number) => digits(bytes / 2 ** 20);

/** The first cell is left-aligned, the others right; its columns are named after their widths. */
function cells(first: [text: string, width: number], ...rest: [text: string, width: number][]): string {
  return (first[0].padEnd(first[1]) + rest.map(([text, width]) => text.padStart(width)).join("")).trimEnd();
}

// Kernels

/** Whether a group's rows have flops. */
const isProduct = ({ gflops, variant }: CaseResult) => gflops !== null || variant !== null;

/** The heading of a group, by its first row. */
export function groupHeading(result: CaseResult): string {
  const title = `  ${result.group}`;
  return isProduct(result)
    ? cells([title, 32], ["ms", 7], ["p10–p90", 12], ["GFLOP/s", 8], ["inside", 7], ["GB/s", 6], ["%", 4], ["×", 4])
    : cells([title, 45], ["ms", 7], ["p10–p90", 12], ["GB/s", 8], ["%", 6]);
}

/** One row; a wrong kernel's says what is wrong. */
export function caseLine(result: CaseResult): string {
  const { name, shape, ms, gflops, gflopsInside, gbps, percent, timesNaive, wrong } = result;
  const [kernel, place = ""] = name.split(" ");
  const label = isProduct(result) ? `  ${place.padEnd(9)}${shape}` : `  ${kernel.padEnd(28)}${shape}`;
  if (wrong !== null || ms === null) return `${label}  WRONG`;
  const whole = (value: number) => String(Math.round(value));
  return isProduct(result)
    ? cells(
        [label, 32],
        [digits(ms.median), 7],
        [range(ms), 12],
        [orMissing(gflops), 8],
        [orMissing(gflopsInside), 7],
        [orMissing(gbps), 6],
        [orMissing(percent, whole), 4],
        [timesNaive === null ? "" : timesNaive < 9.95 ? timesNaive.toFixed(1) : whole(timesNaive), 4],
      )
    : cells([label, 45], [digits(ms.median), 7], [range(ms), 12], [orMissing(gbps), 8], [orMissing(percent, whole), 6]);
}

// Steps, convolutions against matrix products

export const stepHeading = cells(
  ["  training steps", 17],
  ["ms", 7],
  ["p10–p90", 11],
  ["GFLOP/s", 8],
  ["pict./s", 8],
  ["dispatches", 11],
  ["MiB", 6],
  ["JS ms", 6],
  ["own", 6],
);

export function stepLine({ preset, ms, gflops, picturesPerSecond, dispatches, gpuBytes, hostMs, ownMs }: StepResult) {
  return cells(
    [`  ${preset}`, 17],
    [orMissing(ms?.median), 7],
    [ms === null ? missing : range(ms), 11],
    [orMissing(gflops), 8],
    [orMissing(picturesPerSecond), 8],
    [String(dispatches), 11],
    [mebibytes(gpuBytes), 6],
    [orMissing(hostMs?.median), 6],
    [digits(ownMs.median), 6],
  );
}

/** What our own code does to JavaScript's heap; null if the collector was not available. */
export function heapLine(steps: readonly StepResult[]): string | null {
  const known = steps.filter(({ ownAllocated, ownKept }) => ownAllocated !== null && ownKept !== null);
  if (known.length === 0) return null;
  const used = known.map(({ ownAllocated }) => digits(ownAllocated! / 1024)).join(", ");
  const kept = known.map(({ ownKept }) => Math.max(0, Math.round(ownKept!))).join(", ");
  return `  heap a step, our own code: ${used} KiB used, ${kept} bytes kept`;
}

export const denseHeading = cells(
  ["  convolution ÷ matrix product", 32],
  ["M×N×K", 16],
  ["GFLOP/s", 9],
  ["product", 9],
  ["%", 5],
  ["p10–p90", 9],
);

export function denseLine({ pass, shape, gflops, denseGflops, percent }: DenseResult): string {
  const whole = (value: number) => String(Math.round(value));
  return cells(
    [`  ${pass}`, 32],
    [shape, 16],
    [digits(gflops), 9],
    [digits(denseGflops), 9],
    [whole(percent.median), 5],
    [`${whole(percent.p10)}–${whole(percent.p90)}`, 9],
  );
}

/** How it was timed, and what the columns mean; a line each. */
export const legend = [
  "Timed in batches of at least 50 ms between completions of the queue,",
  "warmed up; compared kernels take turns. All numbers were checked before.",
  "",
  "ms         median of a run; p10–p90: of its batches",
  "GFLOP/s    nominal, taps on the padding included; inside: without them",
  "GB/s       all inputs read and all outputs written, once",
  "%          of the least time by the ceilings: max(inside ÷ FMA, bytes ÷ copy)",
  "×          over the naive shader, one thread per output, on the same shape",
  "–          too small: the launch dominates the time",
  "g.*        transposed layers go forward by the kernel that takes d.* back",
  "MiB        of GPU memory, without the pictures",
  "JS ms      a step's JavaScript; own: our code alone, without WebGPU's share",
];

// Comparison

/** One row of a comparison: something that both reports timed. */
export interface Change {
  readonly name: string;
  readonly shape: string;
  readonly before: Spread;
  readonly now: Spread;
}

/** The cases that both reports timed at the same shape. */
export function changes(before: Report, now: Report): Change[] {
  const timed = (report: Report) => {
    const cases = report.cases.map(({ name, shape, ms }) => ({ name, shape, ms }));
    const steps = report.steps.map(({ preset, ms }) => ({ name: `step ${preset}`, shape: "", ms }));
    const first = { name: "first step", shape: "", ms: report.firstStep ?? null };
    const all = [...cases, ...steps, first].flatMap(({ ms, ...key }) => (ms === null ? [] : [{ ...key, ms }]));
    return new Map(all.map((entry) => [`${entry.name} ${entry.shape}`, entry]));
  };
  const old = timed(before);
  return [...timed(now)].flatMap(([key, { name, shape, ms }]) => {
    const found = old.get(key);
    return found ? [{ name, shape, before: found.ms, now: ms }] : [];
  });
}

/** The comparison as a table, what differs beyond the spread marked. */
export function changeLines(all: readonly Change[]): string[] {
  const rows = all.map(({ name, shape, before, now }) => {
    const { ratio, verdict } = compareTimes(before, now);
    const label = `  ${name} ${shape}`;
    return cells(
      [label.length > 45 ? `${label.slice(0, 43)}…` : label, 45],
      [digits(before.median), 7],
      [digits(now.median), 7],
      [ratio.median.toFixed(2), 6],
      [`${ratio.p10.toFixed(1)}–${ratio.p90.toFixed(1)}`, 9],
      [verdict === "same" ? "" : verdict === "faster" ? "+" : "−", 2],
    );
  });
  const heading = cells(["  old against new", 45], ["old ms", 7], ["new ms", 7], ["÷", 6], ["p10–p90", 9]);
  const verdicts = all.map(({ before, now }) => compareTimes(before, now).verdict);
  const count = (verdict: string) => verdicts.filter((one) => one === verdict).length;
  return [
    heading,
    ...rows,
    "",
    `  ${count("faster")} faster (+), ${count("slower")} slower (−), ${count("same")} the same within their spreads.`,
  ];
}

// README

const markers = ["<!-- bench -->", "<!-- /bench -->"] as const;

/** The README with a new block between the markers. @throws Error when the markers are missing */
export function withBlock(readme: string, block: string): string {
  const [start, end] = markers.map((marker) => readme.indexOf(marker));
  if (start < 0 || end < start) throw new Error(`README.md: ${markers.join(" and ")} are not there, in this order`);
  return `${readme.slice(0, start + markers[0].length)}\n${block}\n${readme.slice(end)}`;
}

/** All adapters' results for the README, the fastest first. */
export function readmeBlock(reports: readonly Report[]): string {
  const sorted = [...reports].sort((a, b) => b.ceilings.gflops.median - a.ceilings.gflops.median);
  return sorted.map(adapterBlock).join("\n\n");
}

function adapterBlock({ adapter, runtime, date, ceilings, cases, steps, dense, firstStep, scale }: Report): string {
  const { gflops, gbps } = ceilings;
  const lines = [
    `**${adapter}**, ${runtime}, ${date.slice(0, 10)}. A loop of multiply-adds does ${digits(gflops.median)} GFLOP/s there, a copy moves ` +
      `${digits(gbps.median)} GB/s.`,
  ];
  const products = cases.filter((one) => one.name.startsWith("conv2d") && one.ms !== null);
  if (products.length > 0) {
    lines.push(
      "",
      "| convolutions of the article's ten layers | GFLOP/s, median (least–most) | × over the naive shader |",
      "| --- | --- | --- |",
    );
    const names = {
      conv2d: "`conv2d`",
      conv2dInputGradient: "input gradient",
      conv2dFilterGradient: "filter gradient",
    };
    for (const [kernel, title] of Object.entries(names)) {
      const rows = products.filter(({ name }) => name.split(" ")[0] === kernel);
      if (rows.length === 0) continue;
      const all = (pick: (row: CaseResult) => number | null) => rows.flatMap((row) => pick(row) ?? []);
      const show = (values: number[]) =>
        values.length === 0
          ? missing
          : `${digits(percentile(values, 0.5))} (${digits(Math.min(...values))}–${digits(Math.max(...values))})`;
      lines.push(`| ${title} | ${show(all(({ gflops }) => gflops))} | ${show(all((row) => row.timesNaive))} |`);
    }
    if (scale !== null) lines.push("", scale);
  }
  if (steps.length > 0) {
    lines.push(
      "",
      "| step of | ms, median (p10–p90) | pictures/s | dispatches | GPU memory | JavaScript, ours alone |",
      "| --- | --- | --- | --- | --- | --- |",
      ...steps.map(
        ({ preset, ms, picturesPerSecond, dispatches, gpuBytes, hostMs, ownMs }) =>
          `| \`${preset}\` | ${ms === null ? "left out" : `${digits(ms.median)} (${range(ms)})`} | ` +
          `${orMissing(picturesPerSecond)} | ${dispatches} | ${mebibytes(gpuBytes)} MiB | ` +
          `${hostMs === null ? missing : `${digits(hostMs.median)} ms`}, ${digits(ownMs.median)} ms |`,
      ),
    );
  }
  const sentences: string[] = [];
  if (dense.length > 0) {
    const shares = dense.map(({ pass, percent }) => `${pass} ${Math.round(percent.median)} %`);
    sentences.push(
      "A 5×5 convolution with stride 2, from [16,16,16,64] to 128 channels, reaches these shares of the GFLOP/s of a plain " +
        `matrix product with the same M×N×K: ${shares.join(", ")}.`,
    );
  }
  if (firstStep !== null) {
    sentences.push(`From process start to the end of the first \`tiny\` step: ${digits(firstStep.median / 1000)} s.`);
  }
  if (sentences.length > 0) lines.push("", sentences.join(" "));
  return lines.join("\n");
}
