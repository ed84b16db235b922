/**
 * The protocol between the page's main thread and its training worker: calls, which are answered once, and events,
 * which the worker sends as things happen. Everything here can be cloned, so a second tab can watch by the same events.
 */
import type { Pictures } from "../data/pictures.ts";
import type { PictureSource } from "../train/checkpoint.ts";
import type { Config } from "../train/config.ts";
import type { Remedy } from "../train/guards.ts";

/** Calls to the training worker. Each rejects with a message for people. */
export interface WorkerCalls {
  /** First of all: opens the store and the GPU, and measures. The canvas is where the fakes' grid is drawn from then on. */
  hello(options: { canvas: OffscreenCanvas; test: boolean }): void;
  /** Starts a run of its own, and trains. A run that was open is saved and closed. */
  start(run: NewRun): void;
  /**
   * Opens a saved run, as it was saved, paused.
   * @param photographs become the run's if it came without its pictures and these are them
   */
  open(id: string, photographs: Photographs | null): void;
  play(): void;
  /** Finishes the step in hand and saves. */
  pause(): void;
  /** One step, of a run that is paused. */
  step(): void;
  /** Saves and closes the run. Rejects, and leaves it open, when it cannot be saved. */
  stop(): void;
  /** Closes the run as it is, without saving. */
  abandon(): void;
  save(): void;
  /** Changes the open run's configuration where that can be done without a new run (when.ts says which). */
  change(changes: Partial<Config>): void;

  /** What a configuration would take. @param pictures how many there are; null: painted ones */
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
  /** A checkpoint of this page's or of the command line's becomes a run. */
  upload(file: Blob, name: string): RunSummary;

  /** Shows here what another tab trains, from now on. */
  watch(): void;
  /** Asks the tab that trains to save and let go, and opens its run here. */
  takeOver(): void;
  /** Looks for a GPU again, after none was found. */
  findGpu(): void;
  /** While the worker waits for a GPU (event `gpu wait`): tries immediately, or gives up. */
  endGpuWait(choice: "try now" | "give up"): void;
  /** The fresh canvas that was asked for. */
  canvas(options: { canvas: OffscreenCanvas }): void;
  /** The page is about to be hidden or left: save what there is. */
  leaving(): void;
  /** For tests: the device is destroyed as by a driver that fails. */
  destroyDevice(): void;
}

export type CallName = keyof WorkerCalls;

/** One call on its way. */
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
  /** Null: painted cats. Else pictures of `config.size`, which are kept with the run. */
  photographs: Photographs | null;
}

/** The user's own pictures, cropped and resized. */
export interface Photographs {
  pictures: Pictures;
  /** What they are called: the folder's or the file's name. */
  label: string;
  fit: PictureSource["fit"];
}

/** What a run would take. */
export interface Plan {
  parameters: { g: number; d: number };
  gpuBytes: number;
  totalSteps: number;
  /** Of all steps. */
  flops: number;
}

/** A checkpoint as a file. */
export interface CheckpointDownload {
  file: Blob;
  step: number;
  /** Why it is not the newest state, for people. */
  warning: string | null;
}

/** A saved run, as the list shows it. */
export interface RunSummary {
  id: string;
  name: string;
  config: Config;
  /** `painted`, or what the pictures are called. */
  data: string;
  pictureCount: number;
  /** Steps of the newest checkpoint; 0 = none yet. */
  step: number;
  totalSteps: number;
  stepsPerEpoch: number;
  /** Milliseconds since 1970. */
  created: number;
  saved: number;
  /** Of everything that is kept of it. */
  bytes: number;
  /** The newest grid, a PNG. */
  grid: Blob | null;
  /** It was trained on photographs elsewhere, and these are not here. */
  lacksPictures: boolean;
  /** Its record was damaged and was rebuilt from a checkpoint, which does not hold the run's name. */
  recovered: boolean;
}

/** A run that cannot be opened. */
export interface DamagedRun {
  id: string;
  /** Milliseconds since 1970; NaN when unknown. */
  created: number;
  /** For people. */
  reason: string;
  /** False: it could not be read, which may succeed another time. */
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
 * idle: no run is open. preparing: compiling, painting or reading. paused: open and still. finished: at its last step.
 * failed: given up after the last try; what was saved is safe.
 */
export type Phase = "idle" | "preparing" | "training" | "paused" | "finished" | "failed";

/** Something went wrong and what was done about it. */
export interface Trouble {
  kind: "device lost" | "no GPU" | "out of memory" | "diverged" | "sign" | "other";
  message: string;
  /** What usually helps against what a guard has seen (kind "sign"). */
  remedies?: readonly Remedy[];
  /** Which try to go on this starts, from 1; null = no further try, the run is stopped. */
  attempt: number | null;
  /** The step of the last save, from which the run continues; 0: none, it starts again. */
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
  /** What `preparing` is at. */
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
  /** Which part of the run is not in the browser's storage, and why, for people; null: all of it is stored again. */
  | { type: "storage"; problem: string | null }
  /** Something that people should know but need not act on now. */
  | { type: "note"; text: string }
  /** The browser gives no GPU; `wait` says when the next attempt follows. Null: the wait is over. */
  | { type: "gpu wait"; wait: { seconds: number; attempt: number; attempts: number } | null }
  | { type: "runs"; runs: RunSummary[]; damaged: DamagedRun[] }
  /** Another tab trains (true), or did and has let go (false). While it does, its events come too, if it is watched. */
  | { type: "elsewhere"; training: boolean };
