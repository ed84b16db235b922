import { expect, test } from "vitest";
import { checkpointInfo } from "../../src/train/checkpoint.ts";
import { type Quality, QualityMeter } from "../../src/train/quality.ts";
import { runTraining, type TimedRecord } from "../../src/train/run.ts";
import { decodeSafetensors } from "../../src/train/safetensors.ts";
import { restore, saveState } from "../../src/train/save_restore.ts";
import { smallTrainer, source } from "./small_run.ts";

/** Hooks that keep what comes. */
function recorder() {
  const records: TimedRecord[] = [];
  const events: string[] = [];
  const files: Uint8Array[] = [];
  const hooks = {
    onRecords: (more: readonly TimedRecord[]) => void records.push(...more),
    onSample: (step: number) => void events.push(`sample ${step}`),
    onCheckpoint: (step: number, bytes: Uint8Array) => {
      events.push(`checkpoint ${step}`);
      files.push(bytes);
    },
  };
  return { records, events, files, hooks };
}

const stepsOf = (records: readonly TimedRecord[]) => records.map(({ step }) => step);
const upTo = (steps: number) => Array.from({ length: steps }, (_, i) => i + 1);

test("every record arrives once and in order, samples and checkpoints when due and at the end", async () => {
  // 3 steps an epoch.
  const trainer = await smallTrainer({ steps: 70, sampleEvery: 20, saveEvery: 10 });
  const { records, events, hooks } = recorder();
  expect(await runTraining(trainer, source, hooks)).toBe("finished");
  expect(stepsOf(records)).toEqual(upTo(70));
  expect(records.every(({ ms, dLoss }) => ms > 0 && Number.isFinite(dLoss))).toBe(true);
  expect(events).toEqual([
    "sample 20",
    "checkpoint 30",
    "sample 40",
    "sample 60",
    "checkpoint 60",
    "sample 70",
    "checkpoint 70",
  ]);
  trainer.destroy();
});

test("quality is measured when due and at the end, before a checkpoint of the same step, and only with a hook", async () => {
  const trainer = await smallTrainer({ steps: 9, sampleEvery: 0, saveEvery: 1, metricsEvery: 4 });
  const { events, hooks } = recorder();
  const found: Quality[] = [];
  const meter = new QualityMeter(trainer);
  const onMetrics = async (step: number) => {
    events.push(`quality ${step}`);
    found.push(await meter.measure());
  };
  expect(await runTraining(trainer, source, { ...hooks, onMetrics })).toBe("finished");
  expect(events).toEqual([
    "checkpoint 3",
    "quality 4",
    "checkpoint 6",
    "quality 8",
    "quality 9",
    "checkpoint 9",
    "sample 9",
  ]);
  for (const { swd, floor, drawn, others } of found) {
    expect(swd.levels).toEqual([{ size: 16, value: swd.average }]);
    expect(swd.average).toBeGreaterThan(0);
    // Always of the same real pictures.
    expect(floor).toBe(found[0].floor);
    expect(others).toBe(found[0].others);
    expect(drawn.count).toBe(others.count);
  }
  expect(new Set(found.map(({ swd }) => swd.average)).size).toBe(3);
  expect(await meter.measure()).toEqual(found[2]);
  meter.destroy();
  trainer.destroy();

  const unheard = await smallTrainer({ steps: 3, sampleEvery: 0, saveEvery: 0, metricsEvery: 1 });
  const silent = recorder();
  await runTraining(unheard, source, silent.hooks);
  expect(silent.events).toEqual(["sample 3", "checkpoint 3"]);
  unheard.destroy();
});

test("only at the end, if nothing is due before", async () => {
  const trainer = await smallTrainer({ steps: 5, sampleEvery: 0, saveEvery: 0 });
  const { records, events, hooks } = recorder();
  expect(await runTraining(trainer, source, hooks)).toBe("finished");
  expect(stepsOf(records)).toEqual(upTo(5));
  expect(events).toEqual(["sample 5", "checkpoint 5"]);
  trainer.destroy();
});

test("a request to stop lets the step finish and saves", async () => {
  const trainer = await smallTrainer({ steps: 1000, sampleEvery: 0, saveEvery: 0 });
  const { records, events, files, hooks } = recorder();
  const controller = new AbortController();
  const onRecords = (more: readonly TimedRecord[]) => {
    hooks.onRecords(more);
    controller.abort();
  };
  expect(await runTraining(trainer, source, { ...hooks, onRecords }, controller.signal)).toBe("stopped");
  expect(trainer.step).toBeGreaterThan(0);
  expect(trainer.step).toBeLessThan(1000);
  expect(stepsOf(records)).toEqual(upTo(trainer.step));
  expect(events).toEqual([`checkpoint ${trainer.step}`]);
  expect(checkpointInfo(decodeSafetensors(files[0]).metadata).step).toBe(trainer.step);
  trainer.destroy();
});

test("losses that are not finite end the run and are not saved", async () => {
  const trainer = await smallTrainer({ steps: 40, sampleEvery: 0, saveEvery: 2 });
  const { records, events, hooks } = recorder();
  const onCheckpoint = (step: number, bytes: Uint8Array) => {
    hooks.onCheckpoint(step, bytes);
    trainer.stream.write(trainer.model.d.values.get("d.logit.bias"), Float32Array.of(Number.NaN, 0, 0, 0));
  };
  await expect(runTraining(trainer, source, { ...hooks, onCheckpoint })).rejects.toThrow(
    /^training diverged at step 7: numbers are not finite \(.*NaN.*\); the checkpoint of step 6 is intact: try smaller --lr-d and --lr-g$/,
  );
  expect(stepsOf(records)).toEqual(upTo(6));
  expect(events).toEqual(["checkpoint 6"]);
  trainer.destroy();
});

test("a number in a network that becomes NaN is detected at its step, and forgotten when the run goes back", async () => {
  const trainer = await smallTrainer({ steps: 40 });
  await trainer.trainStep();
  const state = await saveState(trainer, source);
  const weight = trainer.model.g.values.get("g.rgb.weight");
  await trainer.trainStep();
  trainer.stream.write(weight, Float32Array.of(Number.POSITIVE_INFINITY, 0, 0, 0));
  await trainer.trainStep();
  const records = await trainer.readRecords();
  expect(records.map(({ finite }) => finite)).toEqual([true, true, false]);
  restore(trainer, state);
  await trainer.trainStep();
  expect(await trainer.readRecords()).toMatchObject([{ step: 2, finite: true }]);
  trainer.destroy();
});

test("an error in a hook ends the run", async () => {
  const trainer = await smallTrainer({ steps: 40 });
  const { hooks } = recorder();
  const onRecords = () => {
    throw new Error("the disk is full");
  };
  await expect(runTraining(trainer, source, { ...hooks, onRecords })).rejects.toThrow("the disk is full");
  trainer.destroy();
});
