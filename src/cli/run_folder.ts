/**
 * The folder of a run:
 *
 *     config.json                          what it was started with
 *     run.lock                             while a process trains it (run_lock.ts)
 *     losses.csv                           a row a step (run_table.ts)
 *     metrics.csv                          a row a measurement of the pictures' quality, if it is measured
 *     reals.png                            some of the pictures that it learns from
 *     augmented.png                        the same as D sees them, with --augment
 *     samples/step-000050.png              grids of samples
 *     checkpoints/step-000800.safetensors  everything needed to resume; the newest three are kept (checkpoint_files.ts)
 *     checkpoints/best-step-….safetensors  where SWD is measured: the one with the lowest
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { levelSizes } from "../metrics/laplacian_pyramid.ts";
import type { Swd } from "../metrics/swd.ts";
import type { PictureSource } from "../train/checkpoint.ts";
import { type Config, parseConfig } from "../train/config.ts";
import { checkpointPath, checkpointsFolder, setLaterAside } from "./checkpoint_files.ts";
import {
  explained,
  isTemporary,
  makeFolders,
  namesIn,
  readIfThere,
  removeMade,
  removeTemporaries,
  syncFolder,
  writeFileAtomically,
} from "./files.ts";
import { lockName, RunLock } from "./run_lock.ts";
import { type Row, RunTable } from "./run_table.ts";
import { UserError } from "./user_error.ts";

const lossColumns = ["step", "epoch", "d_loss", "g_loss", "d_real", "d_fake", "penalty", "ms"];

export interface LossRow {
  /** From 1, counted from the run's beginning. */
  step: number;
  epoch: number;
  dLoss: number;
  gLoss: number;
  /** D's mean score (0…1) of the real and of the fake pictures. */
  dReal: number;
  dFake: number;
  /** R1 and R2; 0 on the steps without them. */
  penalty: number;
  ms: number;
}

/** What is measured of a run while it trains. */
export interface Metrics {
  readonly swd: Swd;
  /** SWD of other real pictures. */
  readonly floor: number;
  /** Mean of pairs: how alike pictures are, which SWD cannot see. */
  readonly msSsim: { readonly fake: number; readonly real: number };
}

export interface RunStart {
  config: Config;
  source: PictureSource;
}

export const configPath = (dir: string) => join(dir, "config.json");
export const lossesPath = (dir: string) => join(dir, "losses.csv");
export const metricsPath = (dir: string) => join(dir, "metrics.csv");
export const realsPath = (dir: string) => join(dir, "reals.png");
export const augmentedPath = (dir: string) => join(dir, "augmented.png");
const samplesFolder = (dir: string) => join(dir, "samples");

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

/** Call before anything that takes time. @throws UserError when the folder for a new run is not empty */
export async function checkRunFolder(dir: string): Promise<void> {
  await explained(`cannot make the run's folder ${dir}`, () => checkEmpty(dir));
}

/** A run's folder that this process has locked: no other process trains the run. */
export class RunFolder {
  readonly losses: RunTable;
  /** What this process made, first to last; emptied once the run has begun. */
  private made: string[];

  private constructor(
    readonly dir: string,
    readonly lock: RunLock,
    made: readonly string[],
  ) {
    this.losses = new RunTable(lossesPath(dir), lossColumns);
    this.made = [...made];
  }

  /**
   * Makes the folder of a new run. The process that makes it owns it; an existing folder must be empty.
   * @throws UserError when it is not empty, another process has just taken it, or it cannot be made
   */
  static async create(dir: string): Promise<RunFolder> {
    return await explained(`cannot make the run's folder ${dir}`, async () => {
      const made = await makeFolders(dir);
      try {
        // Before the lock, so that no file appears in someone else's folder.
        await checkEmpty(dir);
        const lock = await RunLock.acquire(dir);
        try {
          await checkEmpty(dir);
        } catch (error) {
          await lock.release();
          throw error;
        }
        return new RunFolder(dir, lock, made);
      } catch (error) {
        await removeMade(made);
        throw error;
      }
    });
  }

  /** Makes the folder of a new run under runs/. Runs that begin in the same second get separate folders. */
  static async createDefault(preset: string, now: Date): Promise<RunFolder> {
    const base = defaultRunDir(preset, now);
    return await explained(`cannot make the run's folder ${base}`, async () => {
      const parents = await makeFolders(dirname(base));
      for (let n = 1; ; n++) {
        const dir = n === 1 ? base : `${base}-${n}`;
        try {
          await mkdir(dir);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === "EEXIST") continue;
          await removeMade(parents);
          throw error;
        }
        const made = [...parents, dir];
        try {
          await syncFolder(dirname(resolve(dir)));
          return new RunFolder(dir, await RunLock.acquire(dir), made);
        } catch (error) {
          await removeMade(made);
          throw error;
        }
      }
    });
  }

  /** An earlier run's folder. @throws UserError when another process trains it, or it cannot be written */
  static async open(dir: string): Promise<RunFolder> {
    return new RunFolder(dir, await RunLock.acquire(dir), []);
  }

  /**
   * Writes the files that a run begins with. From then on `--resume` works, even without a checkpoint.
   * @param files.checkpoint what a run begins with that was trained elsewhere; null: the beginning
   * @throws UserError when it cannot be written
   */
  async begin(files: {
    config: string;
    reals: Uint8Array;
    augmented: Uint8Array | null;
    checkpoint: { step: number; bytes: Uint8Array } | null;
  }): Promise<void> {
    const { dir } = this;
    const write = async (path: string, content: Uint8Array | string) => {
      if ((await readIfThere(path)) === null) this.made.push(path);
      await writeFileAtomically(path, content);
    };
    await explained(`cannot write ${dir}`, async () => {
      // Before the configuration, with which alone a run would start over.
      if (files.checkpoint) {
        const { step, bytes } = files.checkpoint;
        this.made.push(...(await makeFolders(checkpointsFolder(dir))));
        await write(checkpointPath(dir, step), bytes);
      }
      await write(configPath(dir), files.config);
      for (const folder of [samplesFolder(dir), checkpointsFolder(dir)]) this.made.push(...(await makeFolders(folder)));
      await this.removeUnfinished();
      this.made.push(this.losses.path);
      await this.losses.rewind(0);
      await write(realsPath(dir), files.reals);
      if (files.augmented) await write(augmentedPath(dir), files.augmented);
    });
    this.made = [];
  }

  /**
   * Takes the run back to the checkpoint that it resumes from: removes rows of later steps from losses.csv and
   * metrics.csv, sets later checkpoints aside, and removes unfinished files that a crash left.
   * @param why later checkpoints are not used: they are damaged, or what follows from them diverges
   * @returns a line for each table of which a copy had to be kept
   * @throws UserError when something cannot be read or written
   */
  async rewind(step: number, why: "damaged" | "diverged", config: Config): Promise<string[]> {
    const { dir } = this;
    return await explained(`cannot resume in ${dir}`, async () => {
      await makeFolders(samplesFolder(dir)).catch(() => {});
      await this.removeUnfinished();
      await setLaterAside(dir, step, why);
      if (why === "diverged") {
        for (const later of await sampleSteps(dir)) if (later > step) await rm(samplePath(dir, later), { force: true });
      }
      const said = [await this.losses.rewind(step)];
      if ((await readIfThere(metricsPath(dir))) !== null) said.push(await metricsTable(dir, config).rewind(step));
      return said.filter((line) => line !== null);
    });
  }

  /** A link in place of a folder is the user's: nothing behind it is removed. */
  private async removeUnfinished(): Promise<void> {
    const { dir } = this;
    for (const folder of [dir, samplesFolder(dir), checkpointsFolder(dir)]) await removeTemporaries(folder);
  }

  /** Removes what this process made, if the run has not begun, and unlocks the folder. */
  async close(): Promise<void> {
    await this.lock.release();
    await removeMade(this.made);
    this.made = [];
  }
}

/** What a run was started with. @throws UserError when its config.json cannot be used; null when there is none */
export async function readStart(dir: string): Promise<RunStart | null> {
  const path = configPath(dir);
  const bytes = await explained(`cannot read ${path}`, () => readIfThere(path));
  if (bytes === null) return null;
  try {
    const { config, pictures } = JSON.parse(new TextDecoder().decode(bytes));
    const { data, fit } = pictures;
    if (typeof data !== "string" || (fit !== "crop" && fit !== "stretch"))
      throw new Error("its pictures are malformed");
    return { config: parseConfig(config), source: { data, fit } };
  } catch (error) {
    throw new UserError(`${path}: cannot be used: ${(error as Error).message.split("\n")[0]}`);
  }
}

export function lossRow({ step, epoch, dLoss, gLoss, dReal, dFake, penalty, ms }: LossRow): Row {
  const row: Record<string, string> = { step: String(step), epoch: String(epoch), ms: ms.toFixed(1) };
  const numbers = { d_loss: dLoss, g_loss: gLoss, d_real: dReal, d_fake: dFake, penalty };
  for (const [name, value] of Object.entries(numbers)) row[name] = value.toPrecision(6);
  return row;
}

export function metricsTable(dir: string, { size }: Pick<Config, "size">): RunTable {
  const levels = levelSizes(size).map((side) => `swd_${side}`);
  return new RunTable(metricsPath(dir), ["step", "swd", "floor", ...levels, "ms_ssim", "ms_ssim_floor"]);
}

export function metricsRow(step: number, { swd, floor, msSsim }: Metrics): Row {
  const row: Record<string, string> = { step: String(step) };
  const levels = Object.fromEntries(swd.levels.map(({ size, value }) => [`swd_${size}`, value]));
  const numbers = { swd: swd.average, floor, ...levels, ms_ssim: msSsim.fake, ms_ssim_floor: msSsim.real };
  for (const [name, value] of Object.entries(numbers)) row[name] = value.toPrecision(6);
  return row;
}

/** @throws UserError when it holds more than a process leaves that is stopped right after making the folder */
async function checkEmpty(dir: string): Promise<void> {
  const found = (await namesIn(dir)).filter((name) => name !== lockName && !isTemporary(name));
  if (found.length === 0) return;
  throw new UserError(
    `${dir} is not empty: give --out a new folder, or resume the run in it: catgan train --resume ${dir}`,
  );
}
