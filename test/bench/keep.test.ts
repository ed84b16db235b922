// What `catgan bench` makes of a result: what it prints, writes and returns. Measuring is tested elsewhere.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { type BenchResult, runBench, select } from "../../bench/bench.ts";
import { parseReport } from "../../bench/report.ts";
import { benchCommand } from "../../src/cli/bench.ts";
import type { BenchCommand } from "../../src/cli/commands/bench.ts";
import { temporaryFolder } from "../cli/program.ts";

vi.mock("../../bench/bench.ts");

const spread = { median: 2, p10: 1, p90: 3 };
const right: BenchResult["cases"][number] = {
  group: "forward pass",
  name: "conv2d d.conv1",
  shape: "1×2×2×3→4 /2",
  scaled: true,
  variant: "8x8",
  wrong: null,
  ms: spread,
  gflops: 1,
  gflopsInside: 1,
  gbps: 1,
  percent: 10,
  timesNaive: 3,
};
const result: BenchResult = {
  scale: null,
  ceilings: { gflops: spread, gbps: spread },
  cases: [right],
  steps: [],
  dense: [],
};
const options: BenchCommand = {
  command: "bench",
  filter: null,
  quick: false,
  all: false,
  compare: null,
  variants: false,
  json: null,
  save: false,
  readme: false,
  adapter: "software",
};

const folder = temporaryFolder();
const before = process.cwd();
let printed = "";
beforeEach(() => {
  process.chdir(folder);
  printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += text;
    return true;
  });
  vi.mocked(select).mockReturnValue({ cases: [], presets: ["tiny"], dense: false, firstStep: false });
  vi.mocked(runBench).mockImplementation(async (_, __, hooks) => {
    hooks.onCeilings(result.ceilings, result.scale);
    hooks.onCase(right);
    return result;
  });
});
afterAll(() => process.chdir(before));

test("--readme outside the project is refused before anything runs", async () => {
  vi.mocked(runBench).mockClear();
  await expect(benchCommand({ ...options, readme: true })).rejects.toThrow("in the project's folder");
  writeFileSync("README.md", "no markers");
  await expect(benchCommand({ ...options, readme: true })).rejects.toThrow("<!-- bench -->");
  expect(runBench).not.toHaveBeenCalled();
});

test("--readme keeps the result and rewrites the block; --json writes a copy", async () => {
  writeFileSync("README.md", "a\n<!-- bench -->\nold\n<!-- /bench -->\nb\n");
  expect(await benchCommand({ ...options, readme: true, json: "copy.json" })).toBe(0);
  const [file, ...others] = readdirSync(join("bench", "results"));
  expect(others).toEqual([]);
  expect(file).toMatch(/^swiftshader.*\.json$/);
  const text = readFileSync(join("bench", "results", file), "utf8");
  expect(parseReport(text)).toMatchObject({ ...result, software: true, firstStep: null });
  expect(readFileSync("copy.json", "utf8")).toBe(text);
  const readme = readFileSync("README.md", "utf8");
  expect(readme).toMatch(/^a\n<!-- bench -->\n\*\*SwiftShader/);
  expect(readme).toMatch(/<!-- \/bench -->\nb\n$/);
  expect(readme).not.toContain("old");
});

test("a broken file among the results is named", async () => {
  mkdirSync(join("bench", "results"), { recursive: true });
  const broken = join("bench", "results", "zz.json");
  writeFileSync(broken, "{");
  await expect(benchCommand({ ...options, readme: true })).rejects.toThrow(`${broken}: not JSON`);
});

test("a wrong kernel: a message, exit code 1", async () => {
  const wrong = { ...right, wrong: "element 3 is 1, expected 2 within 1e-7", ms: null };
  vi.mocked(runBench).mockImplementation(async (_, __, hooks) => {
    hooks.onCase(wrong);
    return { ...result, cases: [wrong, right] };
  });
  expect(await benchCommand({ ...options })).toBe(1);
  expect(printed).toContain("1×2×2×3→4 /2  WRONG\n");
  expect(printed).toContain("conv2d d.conv1 1×2×2×3→4 /2: element 3 is 1, expected 2 within 1e-7\n");
  expect(printed).toContain("1 of 2 kernels are wrong.");
});
