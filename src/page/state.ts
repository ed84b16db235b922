/** The state that the worker's events add up to. */
import type { Adapter, DamagedRun, Phase, RunSummary, Sample, Speed, Trouble, WorkerEvent } from "./protocol.ts";
import { Rows } from "./rows.ts";

export interface PageState {
  adapter: Adapter | null;
  speed: Speed | null;
  phase: Phase;
  /** What `preparing` does, several things at a time: how far each is. */
  progress: ReadonlyMap<string, { done: number; total: number }>;
  /** The run that is open: here, or in the tab that is watched. */
  run: RunSummary | null;
  rows: Rows;
  /** In the order of their steps. */
  samples: Sample[];
  /** A grid of pictures that the open run learns from. */
  reals: Blob | null;
  /** Painted cats, shown before any run. */
  painted: Blob | null;
  /** The step whose fakes the canvas shows; null = it shows nothing. */
  drawn: number | null;
  saved: { step: number; at: number } | null;
  gpuBytes: number;
  trouble: Trouble | null;
  /** Which part of the open run is not in the browser's storage. */
  storage: string | null;
  gpuWait: (WorkerEvent & { type: "gpu wait" })["wait"];
  runs: RunSummary[];
  damagedRuns: DamagedRun[];
  /** Another tab trains. */
  elsewhere: boolean;
}

export function initialState(): PageState {
  return {
    adapter: null,
    speed: null,
    phase: "idle",
    progress: new Map(),
    run: null,
    rows: new Rows(),
    samples: [],
    reals: null,
    painted: null,
    drawn: null,
    saved: null,
    gpuBytes: 0,
    trouble: null,
    storage: null,
    gpuWait: null,
    runs: [],
    damagedRuns: [],
    elsewhere: false,
  };
}

/** Applies an event to the state. */
export function apply(state: PageState, event: WorkerEvent): void {
  switch (event.type) {
    case "adapter":
      state.adapter = event.adapter;
      break;
    case "speed":
      state.speed = event.speed;
      break;
    case "phase":
      state.phase = event.phase;
      if (event.phase !== "preparing") state.progress = new Map();
      break;
    case "progress":
      state.progress = new Map(state.progress).set(event.what, { done: event.done, total: event.total });
      break;
    case "reals":
      state[state.run ? "reals" : "painted"] = event.png;
      break;
    case "opened":
      state.run = event.run;
      state.rows.clear();
      state.rows.append(event.rows);
      state.samples = [...event.samples];
      state.drawn = null;
      state.trouble = null;
      state.storage = null;
      state.saved = event.run.step > 0 ? { step: event.run.step, at: event.run.saved } : null;
      break;
    case "closed":
      state.run = null;
      state.reals = null;
      state.rows.clear();
      state.samples = [];
      state.drawn = null;
      state.saved = null;
      state.trouble = null;
      state.storage = null;
      state.gpuBytes = 0;
      break;
    case "rows":
      state.rows.append(event.rows);
      state.gpuBytes = event.gpuBytes;
      break;
    case "quality":
      state.rows.measured(event.swd, event.floor);
      break;
    case "rewound":
      state.rows.cut(event.step);
      state.samples = state.samples.filter(({ step }) => step <= event.step);
      break;
    case "drawn":
      state.drawn = event.step;
      break;
    case "sample":
      state.samples = [...state.samples.filter(({ step }) => step < event.sample.step), event.sample];
      updateRun(state, { grid: event.sample.png });
      break;
    case "thinned":
      state.samples = state.samples.filter(({ step }) => !event.steps.includes(step));
      break;
    case "saved":
      state.saved = { step: event.step, at: event.at };
      updateRun(state, { step: event.step, saved: event.at, bytes: event.bytes });
      break;
    case "config":
      updateRun(state, { config: event.config, totalSteps: event.totalSteps });
      break;
    case "trouble":
      state.trouble = event.trouble;
      break;
    case "storage":
      state.storage = event.problem;
      break;
    case "gpu wait":
      state.gpuWait = event.wait;
      break;
    case "runs":
      state.runs = event.runs;
      state.damagedRuns = event.damaged;
      if (state.run) state.run = event.runs.find(({ id }) => id === state.run!.id) ?? state.run;
      break;
    case "elsewhere":
      state.elsewhere = event.training;
      break;
  }
}

/** Changes the open run, which the list shows too. */
function updateRun(state: PageState, changes: Partial<RunSummary>): void {
  if (state.run === null) return;
  const run = { ...state.run, ...changes };
  state.run = run;
  state.runs = state.runs.map((other) => (other.id === run.id ? run : other));
}

/** Numbers of the run at its newest step. */
export interface RunNumbers {
  step: number;
  totalSteps: number;
  /** From 1. */
  epoch: number;
  epochs: number;
  /** Null until steps were timed. */
  picturesPerSecond: number | null;
  secondsLeft: number | null;
}

/** Steps over which the rate is averaged. */
const rateWindow = 64;

export function runNumbers({ run, rows }: PageState): RunNumbers | null {
  if (run === null) return null;
  const step = rows.length > 0 ? rows.at(rows.length - 1, "step") : run.step;
  let ms = 0;
  let timed = 0;
  for (let i = rows.length - 1; i >= 0 && timed < rateWindow; i--) {
    const took = rows.at(i, "ms");
    if (took === 0) continue;
    ms += took;
    timed++;
  }
  const perStep = timed > 0 ? ms / timed : null;
  return {
    step,
    totalSteps: run.totalSteps,
    epoch: Math.floor(Math.max(0, step - 1) / run.stepsPerEpoch) + 1,
    epochs: Math.ceil(run.totalSteps / run.stepsPerEpoch),
    picturesPerSecond: perStep === null ? null : (1000 * run.config.batch) / perStep,
    secondsLeft: perStep === null ? null : (Math.max(0, run.totalSteps - step) * perStep) / 1000,
  };
}
