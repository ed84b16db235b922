/** A run's folder while this process owns it: creating, opening, filling and rewinding it. run_paths.ts lists its files. */
import { mkdir, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
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
import {
  augmentedPath,
  configPath,
  defaultRunDir,
  metricsPath,
  realsPath,
  samplePath,
  sampleSteps,
  samplesFolder,
} from "./run_paths.ts";
import { lossTable, metricsTable } from "./run_rows.ts";
import type { RunTable } from "./run_table.ts";
import { UserError } from "./user_error.ts";

export interface RunStart {
  config: Config;
  source: PictureSource;
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
    this.losses = lossTable(dir);
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
   * @param files.checkpoint what a run that was trained elsewhere continues from; null: the beginning
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
      // Before the configuration: a run with only a configuration would start over.
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
   * @param why later checkpoints are not used: they are damaged, or training from them diverges
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

/** @throws UserError when it holds more than the remains of a process that was stopped right after making the folder */
async function checkEmpty(dir: string): Promise<void> {
  const found = (await namesIn(dir)).filter((name) => name !== lockName && !isTemporary(name));
  if (found.length === 0) return;
  throw new UserError(
    `${dir} is not empty: give --out a new folder, or resume the run in it: catgan train --resume ${dir}`,
  );
}
