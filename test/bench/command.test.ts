import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseReport } from "../../bench/report.ts";
import { run, temporaryFolder } from "../cli/program.ts";

const folder = temporaryFolder();

test("bench --quick --filter conv2d: tables of 80 columns, a result in a file, and that compared with itself", async () => {
  const file = join(folder, "first.json");
  const args = ["bench", "--adapter", "software", "--quick", "--filter", "conv2dInputGradient d.conv3", "--json"];
  const first = await run(...args, file);
  expect(first.stderr).toBe("");
  expect(first.code).toBe(0);
  for (const line of first.stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  expect(first.stdout).toMatch(/multiply-adds {2}[\d.]+ GFLOP\/s/);
  expect(first.stdout).toContain("a quarter of the channels");
  const report = parseReport(readFileSync(file, "utf8"));
  expect(report).toMatchObject({
    adapter: expect.stringContaining("SwiftShader"),
    software: true,
    quick: true,
    filter: "conv2dInputGradient d.conv3",
    runtime: expect.stringMatching(/^Node \d/),
    steps: [],
    dense: [],
    firstStep: null,
  });
  expect(report.cases).toHaveLength(1);
  const [{ wrong, ms, gflops, gflopsInside, gbps, percent, timesNaive, variant }] = report.cases;
  expect(wrong).toBeNull();
  expect(variant).toMatch(/^\d+x\d+$/);
  for (const number of [ms!.median, gflops, gflopsInside, gbps, percent, timesNaive]) {
    expect(number).toBeGreaterThan(0);
  }
  expect(gflopsInside).toBeLessThan(gflops!);
  expect(ms!.p10).toBeLessThanOrEqual(ms!.median);
  expect(ms!.median).toBeLessThanOrEqual(ms!.p90);

  const second = await run(...args, join(folder, "second.json"), "--compare", file);
  expect(second.code).toBe(0);
  expect(second.stdout).toMatch(/old against new/);
  expect(second.stdout).toMatch(/\d faster \(\+\), \d slower \(−\), \d the same/);
});

test("mistakes are reported before anything is measured", async () => {
  const none = await run("bench", "--compare", join(folder, "none.json"), "--adapter", "software");
  expect(none.code).toBe(2);
  expect(none.stderr).toMatch(/none\.json: cannot be read/);
  const wrong = join(folder, "wrong.json");
  writeFileSync(wrong, "{}");
  const other = await run("bench", "--compare", wrong, "--adapter", "software");
  expect(other.code).toBe(2);
  expect(other.stderr).toMatch(/wrong\.json: not a result of catgan bench/);
  const nothing = await run("bench", "--filter", "nonsense", "--adapter", "software");
  expect(nothing.code).toBe(2);
  expect(nothing.stderr).toMatch(/--filter nonsense: no case has this in its name/);
});
