/**
 * The files of a run:
 *
 *     config.json                          what it was started with
 *     losses.csv                           a row a step
 *     metrics.csv                          a row a measurement of the pictures' quality, if it is measured
 *     reals.png                            some of the pictures that it learns from
 *     augmented.png                        the same as D sees them, with --augment
 *     samples/step-000050.png              grids of samples
 *     checkpoints/step-000800.safetensors  everything needed to go on; the newest three are kept
 *     checkpoints/best-step-….safetensors  where SWD is measured: the one of the least
 *
 * All but the rows of losses.csv and metrics.csv are written beside their place and moved there, so that a crash or a full disk at any
 * moment leaves the earlier file whole.
 */
import { appendFile, mkdir, open, readdir, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Swd } from "../metrics/swd.ts";
import { decodeSafetensors, type NamedTensor } from "../train/safetensors.ts";
import { UserError } from "./user_error.ts";

/** How many checkpoints stay: the newest, and two to go back to, for the newest may hold the beginning of the trouble. */
const keptCheckpoints = 3;
const lossesHeader = "step,epoch,d_loss,g_loss,d_real,d_fake,ms\n";
const temporary = /\.\d+\.tmp$/;

export interface LossRow {
  /** From 1, counted from the run's beginning. */
  step: number;
  epoch: number;
  dLoss: number;
  gLoss: number;
  /** D's mean score (0…1) of the real and of the fake pictures. */
  dReal: number;
  dFake: number;
  ms: number;
}

export interface Checkpoint {
  path: string;
  tensors: Map<string, NamedTensor>;
  metadata: Record<string, string>;
  /** Why this is not the newest file, in one line; null when it is. */
  warning: string | null;
}

export function configPath(dir: string): string {
  return join(dir, "config.json");
}

export function lossesPath(dir: string): string {
  return join(dir, "losses.csv");
}

export function metricsPath(dir: string): string {
  return join(dir, "metrics.csv");
}

export function samplePath(dir: string, step: number): string {
  return join(dir, "samples", `${stepName(step)}.png`);
}

export function checkpointPath(dir: string, step: number): string {
  return join(checkpointsFolder(dir), `${stepName(step)}.safetensors`);
}

export function realsPath(dir: string): string {
  return join(dir, "reals.png");
}

/** The grids of a run, which may be under way, in order. @throws UserError when it is no run's folder */
export async function sampleSteps(dir: string): Promise<number[]> {
  const names = await explained(`cannot read ${join(dir, "samples")}`, () => readdir(join(dir, "samples")));
  return stepsIn(names, /^step-(\d{6,})\.png$/);
}

export function augmentedPath(dir: string): string {
  return join(dir, "augmented.png");
}

/** runs/YYYYMMDD-HHMMSS-preset, in local time. */
export function defaultRunDir(preset: string, now: Date): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return join("runs", `${date}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}-${preset}`);
}

/** @throws UserError when there is something in the folder of a new run already */
export async function checkRunFolder(dir: string): Promise<void> {
  await explained(`cannot make the run's folder ${dir}`, async () => {
    const found = await readdir(dir).catch((error) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
    if (found.length > 0) {
      throw new UserError(
        `${dir} is not empty: give --out a new folder, or go on with the run in it: catgan train --resume ${dir}`,
      );
    }
  });
}

/**
 * Makes a run's folder, with an empty losses.csv, as a whole or not at all.
 * @throws UserError when there is something in it already, or it cannot be made
 */
export async function createRunFolder(
  dir: string,
  { reals, augmented = null, config }: { reals: Uint8Array; augmented?: Uint8Array | null; config: string },
) {
  await checkRunFolder(dir);
  const folders = [join(dir, "samples"), checkpointsFolder(dir)];
  let isNew = false;
  try {
    await explained(`cannot make the run's folder ${dir}`, async () => {
      isNew = (await mkdir(dir, { recursive: true })) !== undefined;
      for (const folder of folders) await mkdir(folder);
      await writeFile(lossesPath(dir), lossesHeader);
    });
    await writeFileAtomically(realsPath(dir), reals);
    if (augmented) await writeFileAtomically(augmentedPath(dir), augmented);
    await writeFileAtomically(configPath(dir), config);
  } catch (error) {
    // What is left would be in the way of the same command tried again. The folder was empty, so all of this is ours.
    for (const path of [...folders, lossesPath(dir), realsPath(dir), augmentedPath(dir), configPath(dir)]) {
      await rm(path, { recursive: true, force: true }).catch(() => {});
    }
    if (isNew) await rmdir(dir).catch(() => {});
    throw error;
  }
}

/**
 * Writes a file whole or not at all: to a temporary file beside it, to the disk, then into its place.
 * @param content may come in parts, which are written as they come
 * @throws UserError when the disk is full or the place cannot be written; a file that was there is as it was
 */
export async function writeFileAtomically(
  path: string,
  content: Uint8Array | string | AsyncIterable<Uint8Array>,
): Promise<void> {
  await explained(`cannot write ${path}`, async () => {
    const unfinished = `${path}.${process.pid}.tmp`;
    try {
      const file = await open(unfinished, "w");
      try {
        if (typeof content === "string" || content instanceof Uint8Array) await file.writeFile(content);
        else for await (const part of content) await file.writeFile(part);
        // Before the rename: a name on the disk must never stand for bytes that are not there yet.
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, path);
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => {});
      throw error;
    }
    await syncFolder(dirname(path));
  });
}

/** Appends rows in one write. @throws UserError when it cannot */
export async function appendLosses(dir: string, rows: readonly LossRow[]): Promise<void> {
  if (rows.length === 0) return;
  const lines = rows.map(({ step, epoch, dLoss, gLoss, dReal, dFake, ms }) =>
    [step, epoch, ...[dLoss, gLoss, dReal, dFake].map((value) => value.toPrecision(6)), ms.toFixed(1)].join(","),
  );
  await explained(`cannot write ${lossesPath(dir)}`, () => appendFile(lossesPath(dir), `${lines.join("\n")}\n`));
}

/** What is measured of a run while it trains. */
export interface Metrics {
  readonly swd: Swd;
  /** SWD of other real pictures. */
  readonly floor: number;
  /** Mean of pairs: how alike pictures are, which SWD cannot see. */
  readonly msSsim: { readonly fake: number; readonly real: number };
}

/** Appends a measurement, with a header before the first. @throws UserError when it cannot */
export async function appendMetrics(dir: string, step: number, { swd, floor, msSsim }: Metrics): Promise<void> {
  const values = new Map([
    ["swd", swd.average],
    ["floor", floor],
    ...swd.levels.map(({ size, value }) => [`swd_${size}`, value] as const),
    ["ms_ssim", msSsim.fake],
    ["ms_ssim_floor", msSsim.real],
  ]);
  const path = metricsPath(dir);
  await explained(`cannot write ${path}`, async () => {
    // A file that an earlier version began keeps the columns that it has.
    const [begun] = (await readText(path)).split("\n", 1);
    const header = begun || ["step", ...values.keys()].join(",");
    const row = header
      .split(",")
      .slice(1)
      .map((name) => values.get(name)!.toPrecision(6));
    await appendFile(path, `${begun ? "" : `${header}\n`}${[step, ...row].join(",")}\n`);
  });
}

/**
 * Writes the checkpoint of a step, then removes those before the newest three.
 * @throws UserError when it cannot be written: says which earlier one is whole
 */
export async function saveCheckpoint(dir: string, step: number, bytes: Uint8Array): Promise<void> {
  try {
    await writeFileAtomically(checkpointPath(dir, step), bytes);
  } catch (error) {
    const [earlier] = await checkpointSteps(dir);
    if (!(error instanceof UserError) || earlier === undefined) throw error;
    throw new UserError(
      `${error.message}; the previous checkpoint, of step ${earlier}, is intact: catgan train --resume ${dir}`,
    );
  }
  const old = (await checkpointSteps(dir)).filter((other) => other <= step).slice(keptCheckpoints);
  for (const other of old) await rm(checkpointPath(dir, other), { force: true });
}

const bestName = /^best-step-\d{6,}-swd-(\d+\.\d\d)\.safetensors$/;

/**
 * Keeps a checkpoint beside the newest, in the place of one of a larger SWD.
 * @param encode makes it, where it is the best so far
 * @throws UserError when it cannot be written
 */
export async function keepBest(
  dir: string,
  step: number,
  swd: number,
  encode: () => Promise<Uint8Array>,
): Promise<void> {
  const folder = checkpointsFolder(dir);
  const before = (await readdir(folder)).filter((name) => bestName.test(name));
  if (before.some((name) => Number(bestName.exec(name)![1]) <= swd)) return;
  await writeFileAtomically(join(folder, `best-${stepName(step)}-swd-${swd.toFixed(2)}.safetensors`), await encode());
  for (const name of before) await rm(join(folder, name), { force: true });
}

/**
 * The newest checkpoint of a run that decodes as a whole, with a warning where newer ones do not; or the one in a file.
 * @param source a run's folder or a .safetensors file
 * @param back of a folder: so many checkpoints before the newest, or the oldest where there are fewer
 * @throws UserError when there is none, or none decodes
 */
export async function readCheckpoint(source: string, back = 0): Promise<Checkpoint> {
  if (!(await isFolder(source))) return { path: source, ...(await decodeFile(source)), warning: null };

  const failures: string[] = [];
  const steps = await checkpointSteps(source);
  for (const step of steps.slice(Math.min(back, Math.max(0, steps.length - 1)))) {
    const path = checkpointPath(source, step);
    try {
      const decoded = await decodeFile(path);
      return { path, ...decoded, warning: failures.length > 0 ? `${failures.join("; ")}; took ${path}` : null };
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  if (failures.length > 0) throw new UserError(`${source}: no checkpoint can be used: ${failures.join("; ")}`);
  throw new UserError(`${source}: no checkpoint in it, expected ${checkpointPath(source, 800)} or the like`);
}

/** @throws UserError when there is no such file or folder */
export async function isFolder(path: string): Promise<boolean> {
  return await explained(`cannot read ${path}`, async () => (await stat(path)).isDirectory());
}

/**
 * Takes a run back to the checkpoint that it goes on from: cuts rows of later steps (and a torn last one) off
 * losses.csv and metrics.csv, sets later checkpoints, which could not be used, aside as *.damaged, and removes what a crash left
 * unfinished.
 */
export async function rewindRun(dir: string, step: number): Promise<void> {
  await explained(`cannot go on in ${dir}`, async () => {
    await mkdir(join(dir, "samples"), { recursive: true });
    for (const folder of [dir, join(dir, "samples"), checkpointsFolder(dir)]) {
      for (const name of await readdir(folder)) {
        if (temporary.test(name)) await rm(join(folder, name), { force: true });
      }
    }
    for (const later of (await checkpointSteps(dir)).filter((other) => other > step)) {
      await rename(checkpointPath(dir, later), `${checkpointPath(dir, later)}.damaged`);
    }
    await writeFileAtomically(lossesPath(dir), lossesHeader + (await rowsUntil(lossesPath(dir), 7, step)));
    const metrics = await readText(metricsPath(dir));
    const [header] = metrics.split(/(?<=\n)/, 1);
    if (header === "") return;
    const rows = await rowsUntil(metricsPath(dir), header.split(",").length, step);
    await writeFileAtomically(metricsPath(dir), rows === "" ? "" : header + rows);
  });
}

// ---- helpers ----

/** The whole rows of a file, without its header, up to a step, which is the first of their columns. */
async function rowsUntil(path: string, columns: number, step: number): Promise<string> {
  const rows = (await readText(path)).split(/(?<=\n)/).filter((line) => {
    const row = /^(\d+)((?:,[^,\n]+)+)\n$/.exec(line);
    return row !== null && row[2].split(",").length === columns && Number(row[1]) <= step;
  });
  return rows.join("");
}

/** A file's text; none where there is no file. */
async function readText(path: string): Promise<string> {
  return await readFile(path, "utf8").catch((error) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
}

function stepName(step: number): string {
  return `step-${String(step).padStart(6, "0")}`;
}

function checkpointsFolder(dir: string): string {
  return join(dir, "checkpoints");
}

/** Steps that have a checkpoint file, newest first. */
export async function checkpointSteps(dir: string): Promise<number[]> {
  const names = await readdir(checkpointsFolder(dir)).catch(() => []);
  return stepsIn(names, /^step-(\d{6,})\.safetensors$/).reverse();
}

/** The steps in names of files, in order. */
function stepsIn(names: readonly string[], pattern: RegExp): number[] {
  return names
    .map((name) => Number(pattern.exec(name)?.[1] ?? Number.NaN))
    .filter((step) => Number.isSafeInteger(step))
    .sort((a, b) => a - b);
}

async function decodeFile(path: string): Promise<ReturnType<typeof decodeSafetensors>> {
  const bytes = await explained(`cannot read ${path}`, () => readFile(path));
  try {
    return decodeSafetensors(bytes);
  } catch (error) {
    throw new UserError(`${basename(path)}: ${(error as Error).message}`);
  }
}

/** A rename is on the disk when its folder is. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows opens no folders; its renames are journaled.
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const reasons: Record<string, string> = {
  ENOSPC: "no space is left on the disk; what was written before is intact",
  EDQUOT: "the disk quota is used up; what was written before is intact",
  EROFS: "the file system is read-only",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOENT: "no such file or folder",
  ENOTDIR: "a part of the path is no folder",
  EISDIR: "it is a folder",
  EIO: "the disk reports an error",
};

/** Runs `work`; an error of the file system becomes one line that says what failed and why. */
export async function explained<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    // Without a code it is a mistake of ours, which keeps its stack.
    if (code === undefined) throw error;
    throw new UserError(`${what}: ${reasons[code] ?? message}`);
  }
}
