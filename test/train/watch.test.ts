import { expect, test } from "vitest";
import { Guard } from "../../src/train/guards.ts";
import type { RunHooks, TimedRecord } from "../../src/train/run.ts";
import { watched } from "../../src/train/watch.ts";

test("records and previews reach the hooks, then the guard, and what it finds the caller", async () => {
  const events: string[] = [];
  const hooks: RunHooks = {
    onRecords: (records) => void events.push(`records ${records.map(({ step }) => step)}`),
    onSample: (step) => void events.push(`sample ${step}`),
    onCheckpoint: (step) => void events.push(`checkpoint ${step}`),
  };
  const guard = new Guard({ loss: "bce", smoothing: 0, r1: 1 }, 50);
  const guarded = watched(hooks, guard, ({ kind, step, broken }) => {
    events.push(`${kind} ${step}`);
    if (broken) throw new Error(kind);
  });
  // Pictures that are all one, in two previews after step 1,000.
  const pictures = { size: 8, count: 4, pixels: new Uint8Array(4 * 8 * 8 * 3) };
  await guarded.onSample(1000, pictures);
  await guarded.onSample(1100, pictures);
  const wild = (step: number): TimedRecord => {
    return { step, dLoss: 100, gLoss: 1, dReal: 0.5, dFake: 0.4, penalty: 0, finite: true, ms: 1 };
  };
  const records = Array.from({ length: 12 }, (_, i) => wild(1101 + i));
  await expect(guarded.onRecords(records)).rejects.toThrow("explosion");
  await guarded.onCheckpoint(1112, new Uint8Array());
  expect(events).toEqual([
    "sample 1000",
    "sample 1100",
    "collapse 1100",
    `records ${records.map(({ step }) => step)}`,
    "explosion 1110",
    "checkpoint 1112",
  ]);
});
