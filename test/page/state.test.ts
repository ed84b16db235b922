import { expect, test } from "vitest";
import type { RunSummary, WorkerEvent } from "../../src/page/protocol.ts";
import { Rows } from "../../src/page/rows.ts";
import { apply, initialState, runNumbers } from "../../src/page/state.ts";
import { presets } from "../../src/train/config.ts";

const run: RunSummary = {
  id: "1",
  name: "Cats",
  config: presets.tiny,
  data: "painted",
  pictureCount: 2048,
  step: 0,
  totalSteps: 800,
  stepsPerEpoch: 128,
  created: 1,
  saved: 1,
  bytes: 10,
  grid: null,
  lacksPictures: false,
  recovered: false,
};

const rows = (from: number, to: number, ms = 100) =>
  Rows.from(
    Array.from({ length: to - from + 1 }, (_, i) => ({
      step: from + i,
      dLoss: i,
      gLoss: 2,
      dReal: 0.5,
      dFake: 0.5,
      penalty: 0,
      ms,
    })),
  );
const sample = (step: number) => ({ step, png: new Blob([String(step)]) });

function after(...events: WorkerEvent[]) {
  const state = initialState();
  for (const event of events) apply(state, event);
  return state;
}

const opened: WorkerEvent = { type: "opened", run, rows: new Float32Array(0), samples: [sample(0)] };

test("a run's numbers follow its rows", () => {
  const state = after(opened, { type: "rows", rows: rows(1, 130), gpuBytes: 5 });
  expect(runNumbers(state)).toEqual({
    step: 130,
    totalSteps: 800,
    epoch: 2,
    epochs: 7,
    picturesPerSecond: 160,
    secondsLeft: 67,
  });
  expect(state.gpuBytes).toBe(5);
});

test("quality belongs to the newest step", () => {
  const state = after(
    opened,
    { type: "rows", rows: rows(1, 3), gpuBytes: 5 },
    { type: "quality", swd: 36, floor: 10 },
    { type: "rows", rows: rows(4, 5), gpuBytes: 5 },
  );
  expect([1, 2, 3].map((i) => state.rows.at(i, "swd"))).toEqual([Number.NaN, 36, Number.NaN]);
});

test("single steps are not timed and do not change the rate", () => {
  const state = after(
    opened,
    { type: "rows", rows: rows(1, 3), gpuBytes: 5 },
    { type: "rows", rows: rows(4, 4, 0), gpuBytes: 5 },
  );
  expect(runNumbers(state)).toMatchObject({ step: 4, picturesPerSecond: 160 });
});

test("going back removes rows and grids of later steps", () => {
  const state = after(
    opened,
    { type: "rows", rows: rows(1, 100), gpuBytes: 5 },
    { type: "sample", sample: sample(50) },
    { type: "sample", sample: sample(100) },
    { type: "rewound", step: 60 },
  );
  expect(runNumbers(state)!.step).toBe(60);
  expect(state.samples.map(({ step }) => step)).toEqual([0, 50]);
  apply(state, { type: "rows", rows: rows(61, 62), gpuBytes: 5 });
  expect(state.rows.at(60, "step")).toBe(61);
  // A grid that is drawn again takes the place of the one before.
  apply(state, { type: "sample", sample: sample(50) });
  expect(state.samples.map(({ step }) => step)).toEqual([0, 50]);
});

test("the list shows the open run's newest save and grid", () => {
  const state = after({ type: "runs", damaged: [], runs: [run, { ...run, id: "2" }] }, opened, {
    type: "saved",
    step: 40,
    at: 7,
    bytes: 3,
  });
  expect(state.runs.map(({ step, saved }) => [step, saved])).toEqual([
    [40, 7],
    [0, 1],
  ]);
  expect(state.saved).toEqual({ step: 40, at: 7 });
});

test("storage problems are shown until they are solved; troubles stay until the run is closed", () => {
  const full: WorkerEvent = { type: "storage", problem: "full" };
  const lost: WorkerEvent = {
    type: "trouble",
    trouble: { kind: "device lost", message: "gone", attempt: 1, backTo: 0 },
  };
  const saved: WorkerEvent = { type: "saved", step: 1, at: 1, bytes: 1 };
  expect(after(opened, full, saved).storage).toBe("full");
  expect(after(opened, full, { type: "storage", problem: null }).storage).toBeNull();
  expect(after(opened, full, { type: "closed" }).storage).toBeNull();
  expect(after(opened, lost, saved).trouble).toMatchObject({ attempt: 1 });
  expect(after(opened, lost, { type: "closed" }).trouble).toBeNull();
});

test("progress is shown only while preparing", () => {
  const progress: WorkerEvent = { type: "progress", what: "compiling shaders", done: 1, total: 3 };
  const painting: WorkerEvent = { type: "progress", what: "painting cats", done: 0, total: 9 };
  const { progress: both } = after({ type: "phase", phase: "preparing" }, progress, painting, { ...progress, done: 2 });
  expect([...both]).toEqual([
    ["compiling shaders", { done: 2, total: 3 }],
    ["painting cats", { done: 0, total: 9 }],
  ]);
  expect(after(progress, { type: "phase", phase: "training" }).progress.size).toBe(0);
});
