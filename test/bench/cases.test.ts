import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { select } from "../../bench/bench.ts";
import { allCases, type Case, scaledGeometry, scaleNote } from "../../bench/cases.ts";
import { benchCase } from "../../bench/kernels.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { convFlops } from "../../src/kernels/geometry.ts";
import { discriminator, generator } from "../../src/nn/dcgan.ts";
import { presets } from "../../src/train/config.ts";
import { checks } from "../../src/verify/checks.ts";
import { testStream } from "../kernels/gpu.ts";

const cpu = { software: true, bindingBytes: 2 ** 30 };
const big = { software: false, bindingBytes: 2 ** 31 };
let gpu: Gpu;
beforeAll(async () => {
  ({ gpu } = await testStream());
});

test("every kernel is timed, each case under its own name", () => {
  const folder = new URL("../../src/kernels/", import.meta.url);
  const hosts = readdirSync(folder)
    .filter((file) => file !== "zeros.ts")
    .flatMap((file) =>
      [...readFileSync(new URL(file, folder), "utf8").matchAll(/^export function (\w+)\(\s*stream: Stream/gm)].map(
        ([, name]) => name,
      ),
    );
  const cases = allCases(big);
  const timed = cases.map(({ kernel }) => kernel);
  // The naive kernels are timed beside the fast ones.
  const missing = hosts.filter((host) => !timed.includes(host) && !timed.includes(host.replace(/Naive$/, "")));
  expect(missing).toEqual([]);
  const checked = checks.map(({ kernel }) => kernel);
  expect(timed.filter((kernel) => !checked.includes(kernel))).toEqual([]);
  const names = cases.map(({ kernel, place, shape }) => `${kernel} ${place} ${shape}`);
  expect(new Set(names).size).toBe(names.length);
});

test("on a GPU the shapes are the article's", () => {
  const { batch } = presets.article;
  const geometry = (name: string) => {
    const layers = [...discriminator(presets.article).layers, ...generator(presets.article).layers];
    return scaledGeometry(layers.find((layer) => layer.name === name)!, big);
  };
  expect(geometry("d.conv2")).toMatchObject({ N: batch, H: 64, W: 64, C: 64, K: 128, P: 32, Q: 32, stride: 2 });
  expect(geometry("g.up4")).toMatchObject({ N: batch, H: 128, W: 128, C: 64, K: 128, P: 64, Q: 64, stride: 2 });
  expect(geometry("g.rgb")).toMatchObject({ N: batch, H: 128, W: 128, C: 3, K: 64, P: 128, Q: 128, stride: 1 });
  expect(geometry("g.dense")).toMatchObject({ N: batch, C: 100, K: 65536 });
  expect(geometry("d.logit")).toMatchObject({ N: batch, C: 65536, K: 1 });
  const cases = allCases(big);
  expect(cases.some(({ scaled }) => scaled)).toBe(false);
  expect(scaleNote(big, cases)).toBeNull();
});

test("a CPU adapter and small bindings get smaller shapes, and a note about it", () => {
  const onCpu = allCases(cpu);
  const products = onCpu.filter(({ convolution }) => convolution);
  expect(products.every(({ flops, inside }) => flops <= 1.1e8 && inside <= flops && inside > 0)).toBe(true);
  expect(products.every(({ convolution }) => convFlops(convolution!.geometry) > 0)).toBe(true);
  expect(scaleNote(cpu, onCpu)).toContain("a quarter of the channels");
  const small = { software: false, bindingBytes: 2 ** 27 };
  const shrunk = allCases(small).filter(({ scaled, convolution }) => scaled && convolution);
  expect(shrunk.length).toBeGreaterThan(0);
  expect(scaleNote(small, shrunk)).toContain("128 MiB");
});

test("a filter picks by kernel, layer or part; --quick leaves layers out", () => {
  const options = { filter: null, quick: false, all: false };
  const whole = select(cpu, options);
  expect(whole).toMatchObject({ presets: ["tiny", "steady", "article"], dense: true, firstStep: true });
  const quick = select(cpu, { ...options, quick: true });
  expect(quick.cases.length).toBeLessThan(0.75 * whole.cases.length);
  expect(quick.firstStep).toBe(false);
  const filtered = (filter: string) => select(cpu, { ...options, filter });
  expect(filtered("CONV2DI").cases.every(({ kernel }) => kernel === "conv2dInputGradient")).toBe(true);
  expect(filtered("conv2d")).toMatchObject({ presets: [], dense: false, firstStep: false });
  expect(filtered("step of tiny")).toMatchObject({ cases: [], presets: ["tiny"], dense: false });
  expect(filtered("first step").firstStep).toBe(true);
  expect(filtered("nonsense")).toEqual({ cases: [], presets: [], dense: false, firstStep: false });
});

const ceiling = { median: 1, p10: 1, p90: 1 };
const options = { ceilings: { gflops: ceiling, gbps: ceiling }, choices: new Map(), rate: null, rounds: 1 };

/** A case cut down to what the software adapter does in no time. */
function smallest(kernel: string): Case {
  return allCases(cpu).find((one) => one.kernel === kernel && (one.place === "d.logit" || !one.convolution))!;
}

test("a correct kernel is timed", async () => {
  const result = await benchCase(gpu, smallest("denseRows"), options);
  expect(result).toMatchObject({ name: "denseRows d.logit", shape: "64×16384→1", wrong: null, scaled: true });
  expect(result.ms!.median).toBeGreaterThan(0);
  expect(result.gflops).toBeCloseTo((2 * 64 * 16384) / result.ms!.median / 1e6, 9);
  expect(result.timesNaive).toBeGreaterThan(0);
});

test("a wrong one is found and not timed: a wrong sum, an element that is not written", async () => {
  const right = smallest("denseRows");
  const broken = (change: (prepared: ReturnType<Case["prepare"]>) => Partial<ReturnType<Case["prepare"]>>): Case => ({
    ...right,
    prepare: (bench) => {
      const prepared = right.prepare(bench);
      return { ...prepared, ...change(prepared) };
    },
  });
  // x and weight have other places in the product.
  const swapped = broken(({ reads: [x, weight, bias] }) => ({ reads: [weight, x, bias] }));
  expect((await benchCase(gpu, swapped, options)).wrong).toMatch(/^element \d+ is .*, expected .* within/);
  const idle = broken(() => ({ run: () => {} }));
  const result = await benchCase(gpu, idle, options);
  expect(result.wrong).toBe("element 0 of 64 was not written");
  expect(result.ms).toBeNull();
});

test("a kernel without sums is compared with its reference by its check", async () => {
  const result = await benchCase(gpu, smallest("recordLosses"), options);
  expect(result).toMatchObject({ wrong: null, gflops: null, variant: null, timesNaive: null });
});
