/** The captured step: it stays flat, repeats itself to the bit, and learns. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeAll, describe, expect, test } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import type { Pictures } from "../../src/data/pictures.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { Stream } from "../../src/gpu/stream.ts";
import { discriminator, generator } from "../../src/nn/dcgan.ts";
import { type Config, presets } from "../../src/train/config.ts";
import { paperAdapter } from "../../src/train/plan.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { testStream } from "../kernels/gpu.ts";

let stream: Stream;
beforeAll(async () => {
  stream = await testStream();
});

const small: Config = { ...presets.tiny, size: 16, base: 4, baseD: 4, batch: 4, z: 16 };
const cats = paintCats(16, 12, 3);

async function trained(config: Config, pictures: Pictures, steps: number) {
  const trainer = new Trainer(stream, config, pictures);
  await trainer.prepare();
  const records = [];
  for (let step = 0; step < steps; step++) {
    await trainer.trainStep();
    if (step % 32 === 31) records.push(...(await trainer.readRecords()));
  }
  records.push(...(await trainer.readRecords()));
  return { trainer, records };
}

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** Bytes of JavaScript's heap after collection: the least of a few, as WebGPU's wrappers are finalised in their own time. */
async function heapBytes(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
    least = Math.min(least, process.memoryUsage().heapUsed);
  }
  return least;
}

describe("a training run", () => {
  test("200 steps: GPU bytes and objects stay constant, and the JavaScript heap does not grow", async () => {
    const { trainer } = await trained({ ...small, batch: 2 }, cats, 10);
    const steps = async (count: number) => {
      for (let step = 1; step <= count; step++) {
        await trainer.trainStep();
        if (step % 40 === 0) {
          await trainer.readRecords();
          await trainer.previewSampler.draw();
        }
      }
      await stream.idle();
    };
    // The engine's own one-time growth (optimised code, caches) comes before the first reading.
    await steps(80);
    const before = { ...stream.gpu.counts };
    const heapBefore = await heapBytes();
    await steps(200);
    expect({ ...stream.gpu.counts }).toEqual(before);
    // A step that kept one object of 100 bytes per dispatch would show as more than a megabyte.
    expect((await heapBytes()) - heapBefore).toBeLessThan(100_000);
    expect(stream.liveTemporaries).toBe(0);
    trainer.destroy();
  }, 300_000);

  test("4,000 steps on a simulated device: nothing is kept", async () => {
    const adapter = paperAdapter({ bufferBytes: 2 ** 28, bindingBytes: 2 ** 27, software: true });
    const trainer = new Trainer(new Stream(await Gpu.open(adapter)), small, cats);
    await trainer.prepare();
    const steps = async (count: number) => {
      for (let step = 1; step <= count; step++) {
        await trainer.trainStep();
        // It has no losses to read.
        trainer.restored(trainer.step);
        if (step % 40 === 0) await trainer.previewSampler.draw();
      }
    };
    await steps(4000);
    const before = await heapBytes();
    await steps(4000);
    // A step that kept a single number or object would show as 96,000 bytes or more.
    expect((await heapBytes()) - before).toBeLessThan(60_000);
  }, 60_000);

  test.each([
    ["R1, EMA, no norm", {}],
    ["batch-norm in D, smoothing", { normD: "batch" as const, r1: 0, ema: 0, smoothing: 0.1, beta1: 0.5 }],
    ["hinge, batch-norm in D", { loss: "hinge" as const, normD: "batch" as const, r1: 0 }],
    ["relativistic, R1 and R2", { loss: "relativistic" as const, r2: 1, r1Every: 3 }],
    ["spectral norm in D, hinge", { spectralNormD: true, loss: "hinge" as const, r1: 0 }],
    ["augmentation, R1 every other step", { augment: "color,translation,cutout", r1Every: 2 }],
    ["minibatch stddev, R1", { minibatchStddev: true, r1Every: 3 }],
    ["smooth filter, flips, R1 every step", { smoothFilter: true, flips: true, r1Every: 1 }],
  ])("%s: twice the same start gives the same losses and picture, to the bit", async (_, changes) => {
    const config = { ...small, ...changes };
    // Steps with and without a penalty, and the first one of the second epoch.
    const [a, b] = [await trained(config, cats, 4), await trained(config, cats, 4)];
    expect(a.records).toEqual(b.records);
    expect(a.records.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    const penalised = (config.r1 > 0 || config.r2 > 0) && [0, 1, 2, 3].map((step) => step % config.r1Every === 0);
    expect(a.records.map(({ penalty }) => penalty > 0)).toEqual(penalised || [false, false, false, false]);
    for (const { dLoss, gLoss, dReal, dFake } of a.records) {
      for (const value of [dLoss, gLoss, dReal, dFake]) expect(Number.isFinite(value)).toBe(true);
    }
    const previews = [await a.trainer.previewSampler.draw(), await b.trainer.previewSampler.draw()];
    expect(previews[0]).toEqual(previews[1]);
    a.trainer.destroy();
    b.trainer.destroy();
  });

  test("another seed gives different losses", async () => {
    const [a, b] = [await trained(small, cats, 2), await trained({ ...small, seed: 2 }, cats, 2)];
    expect(a.records).not.toEqual(b.records);
    a.trainer.destroy();
    b.trainer.destroy();
  });

  test("a tiny submit budget and cut dispatches change no bit", async () => {
    const whole = await trained(small, cats, 3);
    const cut = await testStream();
    cut.pacing.submitBudget = 0.001;
    cut.pacing.maxDispatchCost = 20_000;
    const trainer = new Trainer(cut, small, cats);
    await trainer.prepare();
    for (let step = 0; step < 3; step++) await trainer.trainStep();
    expect(await trainer.readRecords()).toEqual(whole.records);
    expect(trainer.dispatchesPerStep).toBeGreaterThan(1.2 * whole.trainer.dispatchesPerStep);
    expect(cut.pacing.submits).toBeGreaterThan(3 * trainer.dispatchesPerStep);
    trainer.destroy();
    whole.trainer.destroy();
  });

  test("pictures that do not fit a binding are streamed, with the same numbers", async () => {
    const resident = await trained({ ...small, flips: true }, cats, 4);
    const { limits } = stream.gpu;
    const before = limits.bindingBytes;
    // Only while the pictures are placed: kernels that worked in pieces would round differently.
    limits.bindingBytes = cats.pixels.byteLength - 1;
    const trainer = new Trainer(stream, { ...small, flips: true }, cats);
    limits.bindingBytes = before;
    await trainer.prepare();
    for (let step = 0; step < 4; step++) await trainer.trainStep();
    expect(trainer.batches.streamed).toBe(true);
    expect(await trainer.readRecords()).toEqual(resident.records);
    resident.trainer.destroy();
    trainer.destroy();
  });

  test("every picture is seen once an epoch, in another order the next", async () => {
    const { trainer } = await trained(small, cats, 0);
    const epoch = (first: number) =>
      Array.from({ length: 3 }, (_, i) => {
        const entries = new Uint32Array(4);
        trainer.batches.select(first + i, entries);
        return [...entries];
      }).flat();
    const [one, two] = [epoch(0), epoch(3)];
    const sorted = (order: number[]) => order.toSorted((a, b) => a - b);
    expect(sorted(one)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(sorted(two)).toEqual(sorted(one));
    expect(two).not.toEqual(one);
    trainer.destroy();
  });

  test("losses must be read before the ring overwrites them", async () => {
    const { trainer } = await trained({ ...small, batch: 2, r1: 0 }, cats, 0);
    for (let step = 0; step < 64; step++) await trainer.trainStep();
    await expect(trainer.trainStep()).rejects.toThrow(/read them first/);
    expect((await trainer.readRecords()).length).toBe(64);
    trainer.destroy();
  });

  test("a batch larger than the data set is refused with the size that fits", () => {
    expect(() => new Trainer(stream, { ...small, batch: 13 }, cats)).toThrow(/at most --batch 12/);
  });
});

test("a single picture is memorised", async () => {
  const one = paintCats(16, 1, 5);
  const pixels = new Uint8Array(4 * one.pixels.length);
  for (let i = 0; i < 4; i++) pixels.set(one.pixels, i * one.pixels.length);
  const config = { ...small, base: 8, baseD: 8, lrD: 2e-3, lrG: 4e-3, ema: 0.9 };
  const { trainer } = await trained(config, { size: 16, count: 4, pixels }, 0);
  const distance = async () => {
    const { pixels } = await trainer.previewSampler.draw();
    // Of the first picture.
    return one.pixels.reduce((sum, byte, i) => sum + Math.abs(pixels[i] - byte), 0) / one.pixels.length;
  };
  const untrained = await distance();
  for (let step = 0; step < 160; step++) {
    await trainer.trainStep();
    if (step % 40 === 39) await trainer.readRecords();
  }
  const learned = await distance();
  expect(untrained).toBeGreaterThan(30);
  expect(learned).toBeLessThan(untrained / 3);
  trainer.destroy();
});

test("the networks of a run are those of its configuration", async () => {
  const { trainer } = await trained(small, cats, 0);
  expect(trainer.model.g.specs).toEqual(generator(small).specs);
  expect(trainer.model.d.specs).toEqual(discriminator(small).specs);
  trainer.destroy();
});
