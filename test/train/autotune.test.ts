import { expect, test } from "vitest";
import { choiceKey } from "../../src/kernels/choices.ts";
import { autotune, choicesOf, rateOf } from "../../src/train/autotune.ts";
import { planTraining } from "../../src/train/plan.ts";
import { testStream } from "../kernels/gpu.ts";
import { smallConfig } from "./small_run.ts";

const limits = { bufferBytes: 2 ** 30, bindingBytes: 2 ** 30, software: true };

test("every pass of every shape gets a choice that fits, and leaves nothing on the GPU", async () => {
  const { gpu } = await testStream();
  const { convolutions } = await planTraining(smallConfig, limits);
  const keys = new Set(convolutions.map(({ pass, geometry }) => choiceKey(pass, geometry)));
  const { bytes, buffers } = gpu.counts;
  const progress: number[] = [];
  const measurements = await autotune(gpu, convolutions.slice(0, 4), { onProgress: (done) => progress.push(done) });
  expect({ bytes: gpu.counts.bytes, buffers: gpu.counts.buffers }).toEqual({ bytes, buffers });
  expect(progress[0]).toBe(0);
  expect(progress).toEqual([...progress.keys()]);
  for (const { key, candidates, best } of measurements) {
    expect(keys).toContain(key);
    expect(candidates.length).toBeGreaterThan(1);
    expect(candidates.map(({ text }) => text)).toContain(best);
    for (const { ms } of candidates) expect(ms).toBeGreaterThan(0);
  }
  const rate = rateOf(measurements);
  expect(rate).toBeGreaterThan(1e3);
  expect(await autotune(gpu, convolutions.slice(0, 4), { known: choicesOf(measurements) })).toEqual([]);
});
