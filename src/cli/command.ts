/** What people may ask for on the command line, once it is understood. */
import type { Config, PresetName } from "../train/config.ts";
import type { Schedule } from "../train/learning_rates.ts";

export type CommandName =
  | "train"
  | "sample"
  | "timelapse"
  | "export"
  | "evaluate"
  | "prepare"
  | "verify"
  | "bench"
  | "shader";

/** What to do when training goes wrong. */
export type OnTrouble = "stop" | "rollback" | "warn";

/** A new run. Its configuration is `resolveConfig(preset, overrides)`. */
export interface NewRun {
  command: "train";
  resume: null;
  /** `painted`, or the path of a folder or a zip. */
  data: string;
  /** How photographs that are not square become square. */
  fit: "crop" | "stretch";
  /** null = nobody chose: the adapter decides. */
  preset: PresetName | null;
  overrides: Partial<Config>;
  /** null = a new folder under runs/. */
  out: string | null;
  dryRun: boolean;
  /** `auto`, `measure`, `table` or the path of a file. */
  variants: string;
  onTrouble: OnTrouble;
  adapter: string;
  json: boolean;
}

/** An earlier run that goes on; its configuration is `resolveConfig(the checkpoint's, overrides)`. */
export interface ResumedRun {
  command: "train";
  /** The run's folder, or a checkpoint that a new folder is made for. */
  resume: string;
  /** The new folder of a checkpoint; null = one under runs/. */
  out: string | null;
  /** Where its pictures are now; null = where they were. */
  data: string | null;
  overrides: Partial<Pick<Config, "steps" | "epochs" | "sampleEvery" | "saveEvery" | "metricsEvery" | keyof Schedule>>;
  onTrouble: OnTrouble;
  adapter: string;
  json: boolean;
}

export interface SampleCommand {
  command: "sample";
  /** A run's folder, a checkpoint or a generator file; null = the weights that come with the package. */
  source: string | null;
  /** Pictures, or with `walk` ways side by side. */
  n: number;
  seed: number;
  /** null = as square as it gets. */
  columns: number | null;
  /** A film of ways through latent space: how many cats each passes. */
  walk: { stops: number; fps: number } | null;
  /** null = a name of the command's choice. */
  out: string | null;
  /** Replace a file that catgan did not write. */
  force: boolean;
  adapter: string;
  json: boolean;
}

export interface TimelapseCommand {
  command: "timelapse";
  /** A run's folder. */
  run: string;
  /** null = timelapse.gif in it. */
  out: string | null;
  /** Replace a file that catgan did not write. */
  force: boolean;
  fps: number;
  /** Only so much of every grid, from its upper left; null = all. */
  grid: Grid | null;
  json: boolean;
}

/** Of pictures. */
export interface Grid {
  columns: number;
  rows: number;
}

export interface ExportCommand {
  command: "export";
  /** A run's folder, a checkpoint or a generator file. */
  source: string;
  out: string;
  /** Every number as f32. */
  f32: boolean;
  /** null = the one that a generator file has already. */
  credit: string | null;
  /** Replace a file that catgan did not write. */
  force: boolean;
  adapter: string;
  json: boolean;
}

export interface EvaluateCommand {
  command: "evaluate";
  /** A run's folder, a checkpoint or a generator file. */
  source: string;
  /** `painted`, or the path of a folder or a zip; null = the run's own pictures. */
  data: string | null;
  /** null = as in the run. */
  fit: "crop" | "stretch" | null;
  n: number;
  seed: number;
  /** A PNG to write; null = none. */
  nearest: string | null;
  /** Replace a file that catgan did not write. */
  force: boolean;
  adapter: string;
  json: boolean;
}

export interface PrepareCommand {
  command: "prepare";
  /** The path of a folder or a zip. */
  source: string;
  /** The folder to make. */
  out: string;
  size: number;
  fit: "crop" | "stretch";
  dropDuplicates: boolean;
  /** The contact sheet's. */
  seed: number;
  json: boolean;
}

export interface VerifyCommand {
  command: "verify";
  seed: number;
  quick: boolean;
  /** Only kernels with this in their names; null = all. */
  filter: string | null;
  adapter: string;
  json: boolean;
}

export interface ShaderCommand {
  command: "shader";
  /** A file of shaders/, without its ending. */
  name: string;
  /** Of a convolution's pass; null = the first. */
  variant: string | null;
}

export interface BenchCommand {
  command: "bench";
  /** Only what has this in its name. */
  filter: string | null;
  quick: boolean;
  /** Steps of every preset, however slow. */
  all: boolean;
  /** An earlier result. */
  compare: string | null;
  /** Show what calibration measures instead. */
  variants: boolean;
  /** Files to write: one of the user's choice, the adapter's in bench/results, and the README's block. */
  json: string | null;
  save: boolean;
  readme: boolean;
  adapter: string;
}

export type Command =
  | NewRun
  | ResumedRun
  | SampleCommand
  | TimelapseCommand
  | ExportCommand
  | EvaluateCommand
  | PrepareCommand
  | ShaderCommand
  | VerifyCommand
  | BenchCommand
  | { command: "help"; topic: CommandName | null }
  | { command: "version" };
