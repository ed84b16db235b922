import { expect, test } from "vitest";
import type { CaseResult } from "../../bench/kernels.ts";
import {
  caseLine,
  changeLines,
  changes,
  denseHeading,
  denseLine,
  digits,
  groupHeading,
  heapLine,
  legend,
  parseReport,
  type Report,
  readmeBlock,
  slugOf,
  stepHeading,
  stepLine,
  withBlock,
} from "../../bench/report.ts";
import type { StepResult } from "../../bench/steps.ts";

const spread = (median: number) => ({ median, p10: 0.9 * median, p90: 1.1 * median });

const product: CaseResult = {
  group: "forward pass",
  name: "conv2d d.conv2",
  shape: "64×128×128×64→128 /2",
  scaled: false,
  variant: "16x16",
  wrong: null,
  ms: spread(1234.5),
  gflops: 61234.5,
  gflopsInside: 59876.5,
  gbps: 3210.4,
  percent: 99.6,
  timesNaive: 123.4,
};
const plain: CaseResult = {
  ...product,
  group: "learning",
  name: "sigmoidCrossEntropyGradient d.logit",
  shape: "8×5×5×512×1024",
  variant: null,
  ms: spread(0.0123),
  gflops: null,
  gflopsInside: null,
  timesNaive: null,
};
const step: StepResult = {
  preset: "tiny",
  leftOut: null,
  ms: spread(352.1),
  gflops: 2.28,
  picturesPerSecond: 45.4,
  flops: 8e8,
  dispatches: 143,
  gpuBytes: 18 * 2 ** 20,
  hostMs: spread(0.61),
  ownMs: spread(0.012),
  ownAllocated: 4096,
  ownKept: -3,
};
const leftOut: StepResult = {
  ...step,
  preset: "article",
  leftOut: "would take some 1200 s a step here; --all times it",
  ms: null,
  gflops: null,
  picturesPerSecond: null,
  hostMs: null,
};
const dense = {
  pass: "input gradient",
  shape: "4096×64×800",
  variant: "16x16",
  denseVariant: "16x8",
  gflops: 12345.6,
  denseGflops: 23456.7,
  percent: spread(62.3),
} as const;
const report: Report = {
  catgan: "0.1.0",
  runtime: "Node 20.20.0",
  date: "2026-11-23T12:00:00.000Z",
  adapter: "SwiftShader driver 5.0.0 (google)",
  software: true,
  quick: false,
  filter: null,
  scale: "Smaller.",
  ceilings: { gflops: spread(20), gbps: spread(4) },
  cases: [product, plain],
  steps: [step, leftOut],
  dense: [dense],
  firstStep: spread(6000),
};

test("three significant digits", () => {
  const shown = [0, 0.0004, 0.0123, 0.99949, 0.9996, 9.994, 9.996, 99.94, 99.96, 1234.5, 61234.4];
  expect(shown.map(digits)).toEqual("0.000 0.000 0.012 0.999 1.00 9.99 10.0 99.9 100 1235 61234".split(" "));
});

test("tables keep to 80 columns, with the widest numbers, and cells do not touch", () => {
  const lines = [
    groupHeading(product),
    caseLine(product),
    groupHeading(plain),
    caseLine(plain),
    stepHeading,
    stepLine({ ...step, ms: spread(1234), gflops: 23456, picturesPerSecond: 12345, gpuBytes: 3500 * 2 ** 20 }),
    stepLine(leftOut),
    heapLine([step, leftOut, { ...step, ownAllocated: 123_456 }])!,
    denseHeading,
    denseLine(dense),
    ...changeLines(changes(report, { ...report, cases: [{ ...product, ms: spread(600) }, plain] })),
    ...legend.map((line) => line && `  ${line}`),
  ];
  for (const line of lines) {
    expect(line.length, line).toBeLessThanOrEqual(80);
    expect(line).toBe(line.trimEnd());
  }
  expect(caseLine(product).split(/ +/).slice(1)).toEqual(
    "d.conv2 64×128×128×64→128 /2 1235 1111–1358 61235 59877 3210 100 123".split(" "),
  );
  expect(stepLine(leftOut).split(/ +/).slice(1)).toEqual("article – – – – 143 18.0 – 0.012".split(" "));
});

test("a wrong kernel's row says so", () => {
  expect(caseLine({ ...product, wrong: "element 3 is 1", ms: null })).toBe("  d.conv2  64×128×128×64→128 /2  WRONG");
});

test("the heap's line leaves out what was not measured", () => {
  expect(heapLine([step])).toBe("  heap a step, our own code: 4.00 KiB used, 0 bytes kept");
  expect(heapLine([{ ...step, ownKept: null }])).toBeNull();
});

test("a comparison: the same name and shape only, what differs beyond the spread is marked", () => {
  const now: Report = {
    ...report,
    cases: [
      { ...product, ms: spread(600) },
      { ...plain, shape: "another" },
    ],
    steps: [{ ...step, ms: spread(360) }, leftOut],
    firstStep: spread(9000),
  };
  const all = changes(report, now);
  expect(all.map(({ name }) => name)).toEqual(["conv2d d.conv2", "step tiny", "first step"]);
  const lines = changeLines(all);
  expect(lines[1]).toMatch(/^ {2}conv2d d\.conv2 64×128×128×64→128 \/2 +1235 +600 +2\.06 +1\.7–2\.5 \+$/);
  expect(lines[2]).toMatch(/^ {2}step tiny +352 +360 +0\.98 +0\.8–1\.2$/);
  expect(lines[3]).toMatch(/^ {2}first step +6000 +9000 +0\.67 +0\.5–0\.8 −$/);
  expect(lines.at(-1)).toBe("  1 faster (+), 1 slower (−), 1 the same within their spreads.");
});

test("a report comes back from its file; any other file is refused in one line", () => {
  expect(parseReport(JSON.stringify(report))).toEqual(report);
  const refused = [
    "",
    "null",
    "[]",
    "{}",
    JSON.stringify({ ...report, cases: {} }),
    JSON.stringify({ ...report, cases: [null] }),
    JSON.stringify({ ...report, cases: [{ ...product, ms: { median: 1 } }] }),
    JSON.stringify({ ...report, steps: [{ ...step, ms: 3 }] }),
  ];
  for (const text of refused)
    expect(() => parseReport(text), text).toThrow(/^[^\n]*expected a file that --json FILE wrote$/);
});

test("the README's block: every adapter, the fastest first, between its markers", () => {
  const gpu = { ...report, adapter: "A GPU", scale: null, ceilings: { gflops: spread(6e4), gbps: spread(3e3) } };
  const block = readmeBlock([report, gpu]);
  expect(block.indexOf("A GPU")).toBeLessThan(block.indexOf("SwiftShader"));
  expect(block).toContain("| `conv2d` | 61235 (61235–61235) | 123 (123–123) |");
  expect(block).toContain("| `tiny` | 352 (317–387) | 45.4 | 143 | 18.0 MiB | 0.610 ms, 0.012 ms |");
  expect(block).toContain("| `article` | left out | – |");
  expect(block).toContain("input gradient 62 %");
  expect(block).toContain("6.00 s");
  expect(block).toContain("**A GPU**, Node 20.20.0, 2026-11-23.");
  const readme = "before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n";
  expect(withBlock(readme, "new")).toBe("before\n<!-- bench -->\nnew\n<!-- /bench -->\nafter\n");
  expect(withBlock(withBlock(readme, "new"), "new")).toBe(withBlock(readme, "new"));
  expect(() => withBlock("no markers", "new")).toThrow("<!-- bench -->");
});

test("a file name for an adapter", () => {
  expect(slugOf("SwiftShader driver 5.0.0 (google)")).toBe("swiftshader-driver-5-0-0-google");
});
