import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Check } from "../../src/verify/check.ts";
import { checks } from "../../src/verify/checks.ts";
import { Lab, worst } from "../../src/verify/lab.ts";
import { verify } from "../../src/verify/verify.ts";
import { testStream } from "./gpu.ts";

test("every host function of src/kernels has a check, and a test file runs it", () => {
  const folder = new URL("../../src/kernels/", import.meta.url);
  const kernels = readdirSync(folder).filter((file) => file !== "zeros.ts");
  const hosts = kernels.flatMap((file) =>
    [...readFileSync(new URL(file, folder), "utf8").matchAll(/^export function (\w+)\(\s*stream: Stream/gm)].map(
      ([, name]) => name,
    ),
  );
  expect(hosts.length).toBeGreaterThan(30);
  const checked = checks.map(({ kernel }) => kernel);
  expect(new Set(checked).size).toBe(checked.length);
  expect(hosts.filter((host) => !checked.includes(host))).toEqual([]);
  const here = new URL("./", import.meta.url);
  const tested = readdirSync(here)
    .map((file) => readFileSync(new URL(file, here), "utf8"))
    .filter((text) => text.includes("testKernels("))
    .join();
  expect(checked.filter((kernel) => !tested.includes(`"${kernel}"`))).toEqual([]);
});

describe("misses", () => {
  const comparison = (actual: number[], expected: number[], allowed = 1) => ({
    output: "y",
    actual,
    expected,
    allowed: () => allowed,
  });

  test("NaN, another length, a difference where none is allowed", () => {
    expect(worst(comparison([1, Number.NaN], [1, 2]))).toBe(Number.POSITIVE_INFINITY);
    expect(worst(comparison([1], [1, 2]))).toBe(Number.POSITIVE_INFINITY);
    expect(worst(comparison([1, 2.5], [1, 2], 0))).toBe(Number.POSITIVE_INFINITY);
    expect(worst(comparison([1, 2.5], [1, 2], Number.NaN))).toBe(Number.POSITIVE_INFINITY);
  });

  test("the largest error ÷ allowed error counts", () => {
    expect(worst(comparison([1, 2.5, 3.25], [1, 2, 3], 0.25))).toBe(2);
    expect(worst(comparison([1, 2], [1, 2], 0))).toBe(0);
  });

  test("elements that a kernel does not write are NaN", async () => {
    const stream = await testStream();
    const lab = new Lab(stream, "integers", Math.random);
    const result = await lab.compare(lab.poisoned([5]), [0, 0, 0, 0, 0], () => 1);
    await lab.close();
    expect([...(result.actual as Float32Array)]).toEqual(new Array(5).fill(Number.NaN));
  });
});

test("verify counts shapes, distinguishes misses from errors and continues after both", async () => {
  const stream = await testStream();
  const wrong: Check = {
    kernel: "wrong",
    kinds: ["integers"],
    shapes: [{ size: 2 }],
    random: () => ({ size: 1 }),
    run: async (lab, { size }) => [await lab.compare(lab.poisoned([size]), new Float32Array(size), () => 1)],
  };
  const broken: Check = {
    ...wrong,
    kernel: "broken",
    run: async () => {
      throw new Error("does not compile");
    },
  };
  const right: Check = {
    ...wrong,
    kernel: "right",
    run: async () => [{ output: "y", actual: [1], expected: [1], allowed: () => 0 }],
  };
  const idle: Check = { ...wrong, kernel: "idle", run: async () => [] };
  const empty: Check = {
    ...wrong,
    kernel: "empty",
    run: async () => [{ output: "y", actual: [], expected: [], allowed: () => 0 }],
  };
  const reported: string[] = [];
  const results = await verify(
    stream,
    { seed: 1, rounds: 2, checks: [wrong, broken, right, idle, empty] },
    ({ kernel }) => reported.push(kernel),
  );
  expect(reported).toEqual(["wrong", "broken", "right", "idle", "empty"]);
  expect(results.map(({ shapes, worst }) => [shapes, worst])).toEqual([
    [3, Number.POSITIVE_INFINITY],
    [3, Number.POSITIVE_INFINITY],
    [3, 0],
    [3, Number.POSITIVE_INFINITY],
    [3, Number.POSITIVE_INFINITY],
  ]);
  expect(results[0].failures).toHaveLength(3);
  expect(results[0].failures[0]).toBe("size=2, integers: y is off by Infinity × the allowed error");
  expect(results[1].failures[0]).toBe("size=2, integers: does not compile");
  expect(results[2].failures).toEqual([]);
  expect(results[3].failures[0]).toBe("size=2, integers: nothing was compared");
  expect(results[4].failures[0]).toBe("size=2, integers: y: no number was compared");
});

test("a filter leaves kernels out and their shapes as they are", async () => {
  const stream = await testStream();
  const shapes: Record<string, number[]> = {};
  const named = (kernel: string): Check => ({
    kernel,
    kinds: ["integers"],
    shapes: [],
    random: (int) => ({ size: int(1, 1000) }),
    run: async (_, { size }) => {
      (shapes[kernel] ??= []).push(size);
      return [{ output: "y", actual: [1], expected: [1], allowed: () => 0 }];
    },
  });
  const checks = [named("add"), named("batchNorm"), named("batchNormGradient")];
  await verify(stream, { seed: 5, rounds: 4, checks });
  const whole = structuredClone(shapes);
  for (const kernel of Object.keys(shapes)) delete shapes[kernel];
  const results = await verify(stream, { seed: 5, rounds: 4, checks, filter: "BATCHnorm" });
  expect(results.map(({ kernel }) => kernel)).toEqual(["batchNorm", "batchNormGradient"]);
  const { add: _, ...rest } = whole;
  expect(shapes).toEqual(rest);
});
