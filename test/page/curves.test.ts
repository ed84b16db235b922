import { describe, expect, test } from "vitest";
import { extent, logTicks, ticks } from "../../src/page/chart.ts";
import { ago, bytes, duration } from "../../src/page/format.ts";
import { rowLength } from "../../src/page/protocol.ts";
import { Rows } from "../../src/page/rows.ts";
import { smoothed, spread } from "../../src/page/smooth.ts";

describe("smoothing", () => {
  test("weight 0 leaves the numbers as they are; a constant stays constant from its first value on", () => {
    expect([...smoothed([3, 1, 2], 0)]).toEqual([3, 1, 2]);
    for (const value of smoothed([2, 2, 2, 2], 0.9)) expect(value).toBeCloseTo(2, 12);
  });

  test("the corrected average by hand", () => {
    // Weights 0.5, 0.25 of 1 and 3: (0.25·1 + 0.5·3) / 0.75.
    expect(smoothed([1, 3], 0.5)[1]).toBeCloseTo(1.75 / 0.75, 12);
  });

  test("NaN is skipped", () => {
    expect([...smoothed([2, Number.NaN, 2], 0.5)]).toEqual([2, 2, 2]);
    expect(smoothed([Number.NaN], 0.5)[0]).toBeNaN();
  });
});

test("indices are spread evenly, the last among them", () => {
  expect([...spread(5, 10)]).toEqual([0, 1, 2, 3, 4]);
  expect([...spread(10, 4)]).toEqual([0, 3, 6, 9]);
  const many = spread(33_541, 1500);
  expect(many.length).toBeLessThanOrEqual(1500);
  expect(many.at(-1)).toBe(33_540);
  expect(many[0]).toBeGreaterThanOrEqual(0);
});

describe("ticks", () => {
  test("are round and within the range", () => {
    expect(ticks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6000000000000001, 0.8, 1]);
    expect(ticks(3, 97, 5)).toEqual([20, 40, 60, 80]);
    expect(logTicks(-1, 1)).toEqual([0.1, 0.2, 0.5, 1, 2, 5, 10]);
    expect(logTicks(Math.log10(0.65), Math.log10(1.45))).toEqual([0.8, 1, 1.2000000000000002, 1.4000000000000001]);
  });

  test("the extent leaves out what is not shown, and has room even for a constant", () => {
    expect(extent([[1, Number.NaN, 3]], Number.isFinite)).toEqual([0.88, 3.12]);
    const [low, high] = extent([[2, 2]], Number.isFinite);
    expect(low).toBeLessThan(2);
    expect(high).toBeGreaterThan(2);
    expect(extent([[Number.NaN]], Number.isFinite)).toEqual([0.1, 1]);
  });
});

test("numbers for display", () => {
  expect([0, 59.6, 61, 600, 7260, 86_400 * 3].map(duration)).toEqual([
    "0 s",
    "1 min",
    "1 min 1 s",
    "10 min",
    "2 h 1 min",
    "3 days",
  ]);
  expect([0, 45_000, 150_000, 86_400_000 * 3].map(ago)).toEqual(["just now", "45 s ago", "2 min ago", "3 days ago"]);
  expect([999, 1000, 2_496_000, 1.2e9].map(bytes)).toEqual(["999 B", "1 KB", "2.5 MB", "1.2 GB"]);
});

test("rows grow, and are cut by step", () => {
  const rows = new Rows();
  for (let step = 1; step <= 3000; step++) {
    rows.append(Rows.from([{ step, dLoss: step / 2, gLoss: 0, dReal: 0, dFake: 0, penalty: 0, ms: 1 }]));
  }
  expect(rows.length).toBe(3000);
  expect(rows.at(2999, "dLoss")).toBe(1500);
  rows.cut(1234);
  expect(rows.length).toBe(1234);
  expect(rows.all.length).toBe(1234 * rowLength);
});

test("quality is the newest row's", () => {
  const rows = new Rows();
  const row = (step: number) => ({ step, dLoss: 1, gLoss: 1, dReal: 0.5, dFake: 0.5, penalty: 0, ms: 1 });
  rows.append(Rows.from([row(1), row(2)]));
  rows.measured(36, 10);
  rows.append(Rows.from([row(3)]));
  const read = (field: "step" | "ms" | "swd" | "floor") => [0, 1, 2].map((i) => rows.at(i, field));
  expect(read("step")).toEqual([1, 2, 3]);
  expect(read("ms")).toEqual([1, 1, 1]);
  expect(read("swd")).toEqual([Number.NaN, 36, Number.NaN]);
  expect(read("floor")).toEqual([Number.NaN, 10, Number.NaN]);
});
