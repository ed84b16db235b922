import { beforeAll, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { placeName } from "../../src/page/draw/picture_file.ts";
import { Studio } from "../../src/page/draw/studio.ts";
import type { Device } from "../../src/page/train/device.ts";
import { encodeGenerator } from "../../src/train/generator_file.ts";
import { encodeSafetensors } from "../../src/train/safetensors.ts";
import { Sampler } from "../../src/train/sampler.ts";
import { saveState } from "../../src/train/save_restore.ts";
import type { Place } from "../../src/train/walk.ts";
import { openDevice, testStream } from "../kernels/gpu.ts";
import { smallConfig, smallTrainer, source } from "../train/small_run.ts";

const cat = (index: number): Place => ({ kind: "cat", seed: smallConfig.seed, index });
const picture = 16 * 16 * 3;

/** Two runs' checkpoints, the first one's generator file, and what its training shows. */
const files = { averaged: new Blob(), plain: new Blob(), exported: new Blob() };
let shown: Uint8Array;

/** Files as they are saved, under configurations that differ in how G is normalised when it draws. */
beforeAll(async () => {
  for (const [kind, changes] of [
    ["averaged", {}],
    ["plain", { ema: 0 }],
  ] as const) {
    const trainer = await smallTrainer(changes);
    for (let i = 0; i < 3; i++) await trainer.trainStep();
    const { tensors, metadata } = await saveState(trainer, source);
    files[kind] = new Blob([new Uint8Array(encodeSafetensors(tensors, metadata))]);
    if (kind === "averaged") {
      const exported = { half: false, credit: "cats by me" };
      files.exported = new Blob([
        new Uint8Array(await encodeGenerator(trainer.stream, { tensors, metadata }, exported)),
      ]);
      const { stream, model } = trainer;
      const { generator, average } = model;
      const { seed } = smallConfig;
      const options = { parameters: average!, running: null, n: 64, seed };
      shown = (await new Sampler(stream, generator, options).draw()).pixels;
    }
    trainer.destroy();
  }
});

/** A studio, and the devices that it opened: first this one, else the test file's. */
function studio(first?: Gpu): { studio: Studio; devices: Device[] } {
  const devices: Device[] = [];
  const made = new Studio(async () => {
    const { gpu } = first && devices.length === 0 ? { gpu: first } : await testStream();
    devices.push({ gpu, submitBudget: 100 });
    return devices.at(-1)!;
  });
  return { studio: made, devices };
}

function largestDifference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, byte, i) => Math.max(largest, Math.abs(byte - b[i])), 0);
}

test("draws the cats that the run's own grid shows, however many at a time", async () => {
  const { studio: drawing, devices } = studio();
  await expect(drawing.draw([cat(0)])).rejects.toThrow("no checkpoint is open");
  const model = await drawing.open(files.averaged, "mine");
  expect(model).toEqual({ size: 16, step: 3, seed: smallConfig.seed, credit: null, adapter: devices[0].gpu.name });
  for (const places of [[cat(0), cat(1), cat(2), cat(3)], [cat(9)], [cat(20), cat(63)]]) {
    const expected = places.flatMap((place) => {
      const { index } = place as Place & { kind: "cat" };
      return [...shown.subarray(index * picture, (index + 1) * picture)];
    });
    // Kernels of another tile size may round otherwise.
    expect(largestDifference(await drawing.draw(places), Uint8Array.from(expected))).toBeLessThanOrEqual(1);
  }
  expect(largestDifference(await drawing.draw([cat(1)]), await drawing.draw([cat(2)]))).toBeGreaterThan(5);
});

test("draws the same from a generator file, and says whose pictures it learned from", async () => {
  const { studio: drawing } = studio();
  expect(await drawing.open(files.exported, "given")).toMatchObject({ size: 16, step: 3, credit: "cats by me" });
  const expected = shown.subarray(0, 4 * picture);
  expect(largestDifference(await drawing.draw([cat(0), cat(1), cat(2), cat(3)]), expected)).toBeLessThanOrEqual(1);
});

test("a file that is not a checkpoint is refused with a reason, and the previous one stays open", async () => {
  const { studio: drawing } = studio();
  await drawing.open(files.averaged, "mine");
  const before = await drawing.draw([cat(0)]);
  const jpeg = new Blob([Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70, 73, 70, 0, 1)]);
  await expect(drawing.open(jpeg, "cat.jpg")).rejects.toThrow(
    /^“cat.jpg” is not a checkpoint to draw from: safetensors: .*: another kind of file, or a damaged one$/,
  );
  const foreign = new Blob([new Uint8Array(encodeSafetensors(new Map(), { format: "pt" }))]);
  await expect(drawing.open(foreign, "bert")).rejects.toThrow(
    '“bert” is not a checkpoint to draw from: checkpoint: its format is "pt", expected "catgan 1"',
  );
  const bytes = new Uint8Array(await files.averaged.arrayBuffer());
  await expect(drawing.open(new Blob([bytes.subarray(0, bytes.length - 4)]), "cut")).rejects.toThrow(
    "“cut” is not a checkpoint",
  );
  expect(await drawing.draw([cat(0)])).toEqual(before);
});

test("opens one after the other on one device without keeping buffers", async () => {
  const { studio: drawing, devices } = studio();
  const draw = async (kind: keyof typeof files) => {
    await drawing.open(files[kind], kind);
    await drawing.draw([cat(0)]);
    await drawing.draw([cat(0), cat(1), cat(2), cat(3)]);
    return { bytes: devices[0].gpu.counts.bytes, buffers: devices[0].gpu.counts.buffers };
  };
  const [averaged, plain] = [await draw("averaged"), await draw("plain")];
  expect(await draw("averaged")).toEqual(averaged);
  expect(await draw("plain")).toEqual(plain);
  expect(devices.length).toBe(1);
});

test("a lost device is replaced, and the same cats are drawn", async () => {
  const { studio: drawing, devices } = studio(await openDevice());
  await drawing.open(files.averaged, "mine");
  const before = await drawing.draw([cat(5)]);
  devices[0].gpu.destroy();
  await devices[0].gpu.lost;
  expect(await drawing.draw([cat(5)])).toEqual(before);
  expect(devices.length).toBe(2);
});

test("files are named after their contents", () => {
  const to: Place = { kind: "variation", of: cat(6), strength: 0.3, seed: 1, index: 9 };
  const seed = smallConfig.seed;
  expect(placeName(cat(3))).toBe(`cat-seed-${seed}-no-4`);
  expect(placeName(to)).toBe(`cat-seed-${seed}-no-7-varied-10`);
  expect(placeName({ ...to, of: to, index: 1 })).toBe(`cat-seed-${seed}-no-7-varied-2`);
  expect(placeName({ kind: "between", from: cat(3), to, t: 0.4 })).toBe(
    `cat-seed-${seed}-no-4-to-seed-${seed}-no-7-varied-10-40`,
  );
  expect(placeName({ kind: "stroll", through: [cat(0), to], position: 1.5 })).toBe(`cat-seed-${seed}-no-1-stroll-1.50`);
});
