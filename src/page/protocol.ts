/**
 * The protocol between the page's main thread and its training worker: calls, which are answered once, and events,
 * which the worker sends as things happen. Everything here can be cloned, so a second tab can watch by the same events.
 */
import type { Pictures } from "../data/pictures.ts";
import type { PictureSource } from "../train/checkpoint.ts";
import type { Config } from "../train/config.ts";
import type { Remedy } from "../train/guards.ts";

/** Calls to the training worker. Each rejects with a message for the user. */
export interface WorkerCalls {
  /** The first call: opens the store and the GPU, and measures. From then on, the fakes' grid is drawn on the canvas. */
  hello(options: { canvas: OffscreenCanvas; test: boolean }): void;
  /** Starts a new run, and trains it. A run that was open is saved and closed. */
  start(run: NewRun): void;
  /**
   * Opens a saved run, as it was saved, paused.
   * @param photographs become the run's if it arrived without its pictures and these match
   */
  open(id: string, photographs: Photographs | null): void;
  play(): void;
  /** Finishes the current step and saves. */
  pause(): void;
  /** One step, of a run that is paused. */
  step(): void;
  /** Saves and closes the run. Rejects, and leaves it open, when it cannot be saved. */
  stop(): void;
  /** Closes the run as it is, without saving. */
  abandon(): void;
  save(): void;
  /** Changes the open run's configuration where that can be done without a new run (see `whenChanged`). */
  change(changes: Partial<Config>): void;

  /** The cost of a configuration. @param pictures how many there are; null: painted ones */
  plan(config: Config, pictures: number | null): Plan;
  /** Pictures as D may see them; null where nothing changes them, or without a GPU. */
  augmented(pictures: Pictures, config: Config): Uint8Array | null;

  /** Reads the saved runs again; the list arrives as an event. */
  refreshRuns(): void;
  rename(id: string, name: string): void;
  duplicate(id: string): RunSummary;
  remove(id: string): void;
  /**
   * A safetensors file: the open run as it is now, which needs no storage, or the newest intact checkpoint of another.
   */
  download(id: string): CheckpointDownload;
  /** What is left of a damaged run's checkpoint, unchanged. */
  remains(id: string): Blob;
  /** Makes a run from a checkpoint of this page or of the command line. */
  upload(file: Blob, name: string): RunSummary;

  /** Shows here what another tab trains, from now on. */
  watch(): void;
  /** Asks the tab that trains to save and release its run, and opens the run here. */
  takeOver(): void;
  /** Looks for a GPU again, after none was found. */
  findGpu(): void;
  /** While the worker waits for a GPU (event `gpu wait`): tries immediately, or gives up. */
  endGpuWait(choice: "try now" | "give up"): void;
  /** Provides the fresh canvas that was requested. */
  canvas(options: { canvas: OffscreenCanvas }): void;
  /** The page is about to be hidden or left: save what there is. */
  leaving(): void;
  /** For tests: the device is destroyed, as if its driver had failed. */
  destroyDevice(): void;
}

export type CallName = keyof WorkerCalls;

/** A call, as it is posted. */
export type CallMessage = {
  [Name in CallName]: { id: number; name: Name; args: Parameters<WorkerCalls[Name]> };
}[CallName];

export type AnswerMessage =
  | { type: "answer"; id: number; value: unknown }
  | { type: "failure"; id: number; message: string };

/** Everything that the worker posts. */
export type WorkerMessage = AnswerMessage | { type: "event"; event: WorkerEvent };

export interface NewRun {
  name: string;
  config: Config;
  /** Null: painted cats. Otherwise pictures of `config.size`, which are kept with the run. */
  photographs: Photographs | null;
}

/** The user's own pictures, cropped and resized. */
export interface Photographs {
  pictures: Pictures;
  /** Their name: the folder's or the file's. */
  label: string;
  fit: PictureSource["fit"];
}

/** The cost of a run. */
export interface Plan {
  parameters: { g: number; d: number };
  gpuBytes: number;
  totalSteps: number;
  /** Nominal flops of all steps. */
  flops: number;
}

/** A checkpoint as a file. */
export interface CheckpointDownload {
  file: Blob;
  step: number;
  /** Why it is not the newest state, for the user. */
  warning: string | null;
}

/** A saved run, as the list shows it. */
export interface RunSummary {
  id: string;
  name: string;
  config: Config;
  /** `painted`, or the pictures' name. */
  data: string;
  pictureCount: number;
  /** Steps of the newest checkpoint; 0 = none yet. */
  step: number;
  totalSteps: number;
  stepsPerEpoch: number;
  /** Milliseconds since 1970. */
  created: number;
  saved: number;
  /** Size of everything that is stored of it. */
  bytes: number;
  /** The newest grid, a PNG. */
  grid: Blob | null;
  /** It was trained on photographs elsewhere, which are not stored here. */
  lacksPictures: boolean;
  /** Its record was damaged and was rebuilt from a checkpoint, which does not hold the run's name. */
  recovered: boolean;
}

/** A run that cannot be opened. */
export interface DamagedRun {
  id: string;
  /** Milliseconds since 1970; NaN when unknown. */
  created: number;
  /** Shown to the user. */
  reason: string;
  /** False: it could not be read, which may succeed later. */
  damaged: boolean;
}

/** A grid of samples after `step` steps, a PNG. */
export interface Sample {
  step: number;
  png: Blob;
}

/** What was found to train on. */
export type Adapter =
  | { kind: "none"; reason: "no WebGPU" | "no adapter" | "too small"; detail: string }
  | { kind: "found"; name: string; software: boolean };

/** Measured on the adapter with the smallest preset. */
export interface Speed {
  picturesPerSecond: number;
  flopsPerSecond: number;
}

/**
 * idle: no run is open. preparing: compiling, painting or reading. paused: open, not training. finished: at its last step.
 * failed: given up after the last attempt; what was saved is safe.
 */
export type Phase = "idle" | "preparing" | "training" | "paused" | "finished" | "failed";

/** Something went wrong and what was done about it. */
export interface Trouble {
  kind: "device lost" | "no GPU" | "out of memory" | "diverged" | "sign" | "other";
  message: string;
  /** What usually helps against what a guard has seen (kind "sign"). */
  remedies?: readonly Remedy[];
  /** Which attempt to continue this starts, from 1; null: no further attempt, the run has stopped. */
  attempt: number | null;
  /** The step of the save that the run continues from; 0: none, it starts again. */
  backTo: number;
}

/**
 * Numbers of a row, in this order; the last two, SWD and what real pictures score among themselves, are NaN where they were
 * not measured.
 */
export const rowFields = ["step", "dLoss", "gLoss", "dReal", "dFake", "penalty", "ms", "swd", "floor"] as const;
export const rowLength = rowFields.length;

export type WorkerEvent =
  | { type: "adapter"; adapter: Adapter }
  | { type: "speed"; speed: Speed }
  | { type: "phase"; phase: Phase }
  /** The progress of `preparing`. */
  | { type: "progress"; what: string; done: number; total: number }
  | { type: "reals"; png: Blob }
  | { type: "opened"; run: RunSummary; rows: Float32Array; samples: Sample[] }
  | { type: "closed" }
  /** New steps, `rowFields` each. */
  | { type: "rows"; rows: Float32Array; gpuBytes: number }
  /** SWD of the newest step's drawings, and what real pictures score among themselves. */
  | { type: "quality"; swd: number; floor: number }
  /** The run went back to this step: events about later steps no longer hold. */
  | { type: "rewound"; step: number }
  /** The canvas can no longer be drawn to: the page replaces it. */
  | { type: "canvas" }
  /** The canvas shows the fakes of this step. */
  | { type: "drawn"; step: number }
  | { type: "sample"; sample: Sample }
  /** Older grids that were thinned out. */
  | { type: "thinned"; steps: number[] }
  /** `bytes` of everything that is kept of the run. */
  | { type: "saved"; step: number; at: number; bytes: number }
  | { type: "config"; config: Config; totalSteps: number }
  | { type: "trouble"; trouble: Trouble }
  /** Which part of the run is not in the browser's storage, and why, for the user; null: all of it is stored again. */
  | { type: "storage"; problem: string | null }
  /** Something that the user should know but need not act on now. */
  | { type: "note"; text: string }
  /** The browser gives no GPU; `wait` says when the next attempt follows. Null: the wait is over. */
  | { type: "gpu wait"; wait: { seconds: number; attempt: number; attempts: number } | null }
  | { type: "runs"; runs: RunSummary[]; damaged: DamagedRun[] }
  /** Whether another tab trains. While it does, its events arrive too, if it is watched. */
  | { type: "elsewhere"; training: boolean };
