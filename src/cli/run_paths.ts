/**
 * The folder of a run:
 *
 *     config.json                          what it was started with
 *     run.lock                             while a process trains it (run_lock.ts)
 *     losses.csv                           a row per step (run_rows.ts)
 *     metrics.csv                          a row per measurement of the pictures' quality, if it is measured
 *     reals.png                            some of the pictures that it learns from
 *     augmented.png                        the same as D sees them, with --augment
 *     samples/step-000050.png              grids of samples
 *     checkpoints/step-000800.safetensors  everything needed to resume; the newest three are kept (checkpoint_files.ts)
 *     checkpoints/best-step-….safetensors  where SWD is measured: the one with the lowest
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { explained } from "./files.ts";

export const configPath = (dir: string) => join(dir, "config.json");
export const lossesPath = (dir: string) => join(dir, "losses.csv");
export const metricsPath = (dir: string) => join(dir, "metrics.csv");
export const realsPath = (dir: string) => join(dir, "reals.png");
export const augmentedPath = (dir: string) => join(dir, "augmented.png");
export const samplesFolder = (dir: string) => join(dir, "samples");

export function samplePath(dir: string, step: number): string {
  return join(samplesFolder(dir), `step-${String(step).padStart(6, "0")}.png`);
}

/** Steps that have a grid, in order; the run may still be training. @throws UserError when it is not a run's folder */
export async function sampleSteps(dir: string): Promise<number[]> {
  const names = await explained(`cannot read ${samplesFolder(dir)}`, () => readdir(samplesFolder(dir)));
  return names
    .map((name) => Number(/^step-(\d{6,})\.png$/.exec(name)?.[1] ?? Number.NaN))
    .filter((step) => Number.isSafeInteger(step))
    .sort((a, b) => a - b);
}

/** runs/YYYYMMDD-HHMMSS-preset, in local time. */
export function defaultRunDir(preset: string, now: Date): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return join("runs", `${date}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}-${preset}`);
}
