import { expect, test } from "vitest";
import type { Config } from "../../src/train/config.ts";
import type { StepRecord } from "../../src/train/loss_ring.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/train/safetensors.ts";
import { restore, saveState } from "../../src/train/save_restore.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { smallTrainer, source } from "./small_run.ts";

async function trainSteps(trainer: Trainer, steps: number): Promise<StepRecord[]> {
  for (let i = 0; i < steps; i++) await trainer.trainStep();
  return await trainer.readRecords();
}

const variants: [name: string, changes: Partial<Config>][] = [
  ["R1, EMA, no batch-norm in D", { r1: 1, r1Every: 4, ema: 0.9 }],
  ["batch-norm in D, no EMA, smoothing", { normD: "batch", normDFirst: true, r1: 0, ema: 0, smoothing: 0.1 }],
  ["hinge", { loss: "hinge", r1Every: 4 }],
  ["relativistic, R1 and R2", { loss: "relativistic", r2: 0.5, r1Every: 4 }],
  ["spectral norm, hinge", { spectralNormD: true, loss: "hinge", r1Every: 4 }],
  ["R1, augmentation", { r1: 1, r1Every: 4, augment: "color,translation,cutout" }],
  ["minibatch stddev", { minibatchStddev: true, r1Every: 4 }],
  ["a learning-rate decay that begins before and ends after", { lrDecayFrom: 3, lrDecaySteps: 3, lrDecayTo: 0.2 }],
  ["flips, smooth filters, Adam with momentum", { flips: true, smoothFilter: true, beta1: 0.5, r1: 0 }],
];

test.each(variants)("a continued run is bit for bit one that never stopped: %s", async (_, changes) => {
  const whole = await smallTrainer(changes);
  const wholeRecords = await trainSteps(whole, 7);
  const expected = await saveState(whole, source);
  whole.destroy();

  // 4 steps are an epoch and a batch, 7 are two epochs and a batch. With penalties every 4 steps, the next one has them.
  const before = await smallTrainer(changes);
  const records = await trainSteps(before, 4);
  const { tensors, metadata } = await saveState(before, source);
  const file = encodeSafetensors(tensors, metadata);
  before.destroy();

  const after = await smallTrainer(changes);
  restore(after, decodeSafetensors(file));
  expect(after.step).toBe(4);
  records.push(...(await trainSteps(after, 3)));
  expect(records).toEqual(wholeRecords);
  const got = await saveState(after, source);
  after.destroy();

  expect(got.metadata).toEqual(expected.metadata);
  expect([...got.tensors.keys()]).toEqual([...expected.tensors.keys()]);
  for (const [name, { data }] of expected.tensors) {
    const bits = (numbers: Float32Array) => new Uint32Array(numbers.slice().buffer);
    expect(bits(got.tensors.get(name)!.data), name).toEqual(bits(data));
  }
  // Control: four steps alone lead elsewhere.
  expect(tensors.get("g.rgb.weight")!.data).not.toEqual(expected.tensors.get("g.rgb.weight")!.data);
});

test("a decay may be changed until it begins", async () => {
  const decay = { lrDecayFrom: 4, lrDecaySteps: 2, lrDecayTo: 0.5 };
  const run = await smallTrainer();
  await trainSteps(run, 4);
  const before = await saveState(run, source);
  await trainSteps(run, 1);
  const after = await saveState(run, source);
  run.destroy();
  const decaying = await smallTrainer(decay);
  expect(() => restore(decaying, after)).toThrow(
    "it was trained with another configuration: it has lrDecayFrom 0, this run has 4",
  );
  restore(decaying, before);
  const [record] = await trainSteps(decaying, 1);
  expect(record.step).toBe(5);
  // The fifth step has other rates: other numbers.
  const { tensors } = await saveState(decaying, source);
  expect(tensors.get("g.rgb.weight")!.data).not.toEqual(after.tensors.get("g.rgb.weight")!.data);
  decaying.destroy();
});

test("drawing and saving in between change nothing", async () => {
  const quiet = await smallTrainer();
  const expected = await trainSteps(quiet, 4);
  quiet.destroy();
  const busy = await smallTrainer();
  const records = await trainSteps(busy, 2);
  await busy.previewSampler.draw();
  await saveState(busy, source);
  records.push(...(await trainSteps(busy, 2)));
  busy.destroy();
  expect(records).toEqual(expected);
});
