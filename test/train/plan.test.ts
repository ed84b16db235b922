import { expect, test } from "vitest";
import { discriminatorLayers, generatorLayers, type Layer } from "../../src/nn/layers.ts";
import { type Config, presets } from "../../src/train/config.ts";
import { planTraining } from "../../src/train/plan.ts";
import { saveState } from "../../src/train/save_restore.ts";
import { testStream } from "../kernels/gpu.ts";
import { smallConfig, smallTrainer, source } from "./small_run.ts";

const endless = { bufferBytes: 2 ** 40, bindingBytes: 2 ** 40, software: false };

/** Nominal flops of one pass over one picture. */
function flops({ kind, kernel, input, output }: Layer): number {
  const area = ([h, w]: readonly number[]) => h * w;
  if (kind === "dense") return 2 * area(input) * input[2] * area(output) * output[2];
  return 2 * Math.min(area(input), area(output)) * input[2] * output[2] * kernel ** 2;
}

/** A step's convolutions and dense layers, counted by hand. */
function nominalFlops(config: Config): number {
  const g = generatorLayers(config).map(flops);
  const d = discriminatorLayers(config).map(flops);
  const sum = (list: number[]) => list.reduce((a, b) => a + b, 0);
  // G once forward; its filter gradients, and input gradients down to the first layer.
  const ofG = 3 * sum(g) - g[0];
  // D three times forward; for its own step two filter gradients, and two input gradients down to the second layer; for
  // G's one input gradient down to the picture. Pairs: once more forward, on the reals beside G's pictures.
  const ofD = (config.loss === "relativistic" ? 9 : 8) * sum(d) - 2 * d[0];
  // R1, R2: the input gradient, its own gradient (none for the logit's input), and the filters' share.
  const penalties = [config.r1, config.r2].filter((weight) => weight > 0).length;
  const ofPenalties = (penalties * (3 * sum(d) - d[d.length - 1])) / config.r1Every;
  return config.batch * (ofG + ofD + ofPenalties);
}

test("the article's networks have their known costs", async () => {
  expect(nominalFlops(presets.article) / 64).toBeCloseTo(54.4e9, -8);
  const plan = await planTraining(presets.article, endless);
  expect(plan.parameters).toEqual({ g: 24_034_819, d: 17_484_161 });
});

test.each(["tiny", "steady", "steady128", "article"] as const)(
  "%s: the plan counts the products of a step",
  async (name) => {
    const { flopsPerStep } = await planTraining(presets[name], endless);
    expect(flopsPerStep / nominalFlops(presets[name])).toBeCloseTo(1, 9);
  },
);

test("a step takes few dispatches", async () => {
  const maxDispatches = { tiny: 90, steady: 123, steady128: 137, article: 123 };
  for (const [name, bound] of Object.entries(maxDispatches)) {
    for (const software of [true, false]) {
      const { dispatchesPerStep } = await planTraining(presets[name as keyof typeof maxDispatches], {
        ...endless,
        software,
      });
      expect(dispatchesPerStep, name).toBeLessThanOrEqual(bound);
      // Two networks forward and back are no less.
      expect(dispatchesPerStep, name).toBeGreaterThan(60);
    }
  }
});

test.each([{}, { normD: "batch", r1: 0, ema: 0 }, { spectralNormD: true }] as Partial<Config>[])(
  "the plan is what training takes: %j",
  async (c) => {
    const { gpu } = await testStream();
    const before = gpu.counts.bytes;
    const trainer = await smallTrainer(c);
    await trainer.previewSampler.draw();
    await saveState(trainer, source);
    const taken = gpu.counts.bytes - before - trainer.batches.pixels.buffer.size;
    const plan = await planTraining({ ...smallConfig, ...c }, { ...gpu.limits, software: gpu.software });
    expect(plan.parameters).toEqual({ g: trainer.model.g.count, d: trainer.model.d.count });
    expect(plan.flopsPerStep).toBeCloseTo(trainer.flopsPerStep, 0);
    expect(Math.abs(plan.bytes / taken - 1)).toBeLessThan(0.1);
    trainer.destroy();
  },
);

test("says what does not fit", async () => {
  const within = (bufferBytes: number, bindingBytes: number) =>
    planTraining(presets.tiny, { bufferBytes, bindingBytes, software: true });
  await expect(within(2 ** 30, 2 ** 27)).resolves.toBeDefined();
  await expect(within(2 ** 18, 2 ** 27)).rejects.toThrow(/this GPU allows 0\.\d MiB/);
  await expect(within(2 ** 30, 2 ** 18)).rejects.toThrow(/this GPU/);
});
