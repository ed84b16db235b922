/** The checkpoints in a run's folder: written atomically, rotated, read with a fallback when the newest is damaged. */
import { readFile, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { RunState } from "../train/checkpoint.ts";
import { type DecodedFile, decodeSafetensors } from "../train/safetensors.ts";
import { explained, isFolder, namesIn, writeFileAtomically } from "./files.ts";
import { UserError } from "./user_error.ts";

/** How many checkpoints are kept: the newest, and two to go back to, since the newest may be where trouble begins. */
const keptCheckpoints = 3;
const bestName = /^best-step-\d{6,}-swd-(\d+\.\d\d)\.safetensors$/;

export interface Checkpoint extends DecodedFile {
  path: string;
  /** Says why this is not the newest file, or that it cannot be verified; null if neither applies. */
  warning: string | null;
}

class Unusable extends UserError {}

export const checkpointsFolder = (dir: string) => join(dir, "checkpoints");

export function checkpointPath(dir: string, step: number): string {
  return join(checkpointsFolder(dir), `${stepName(step)}.safetensors`);
}

/** Steps that have a checkpoint file, newest first. @throws UserError when the folder exists but cannot be read */
export async function checkpointSteps(dir: string): Promise<number[]> {
  const folder = checkpointsFolder(dir);
  const names = await explained(`cannot read ${folder}`, () => namesIn(folder));
  return names
    .map((name) => Number(/^step-(\d{6,})\.safetensors$/.exec(name)?.[1] ?? Number.NaN))
    .filter((step) => Number.isSafeInteger(step))
    .sort((a, b) => b - a);
}

/** Writes the checkpoint of a step. @throws UserError when it cannot be written, naming the earlier one that is intact */
export async function saveCheckpoint(dir: string, step: number, bytes: Uint8Array): Promise<void> {
  try {
    await writeFileAtomically(checkpointPath(dir, step), bytes);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const [earlier] = await checkpointSteps(dir).catch(() => []);
    if (earlier === undefined) throw error;
    throw new UserError(
      `${error.message}; the previous checkpoint, of step ${earlier}, is intact: catgan train --resume ${dir}`,
    );
  }
}

/** Removes checkpoints before the newest three of those up to a step. @throws UserError when one cannot be removed */
export async function removeOldCheckpoints(dir: string, step: number): Promise<void> {
  const old = (await checkpointSteps(dir)).filter((other) => other <= step).slice(keptCheckpoints);
  for (const path of old.map((other) => checkpointPath(dir, other))) {
    await explained(`cannot delete ${path}`, () => rm(path, { force: true }));
  }
}

/**
 * Keeps a checkpoint in addition to the newest ones, in place of one with a larger SWD.
 * @param encode makes the file; called only if it is the best so far
 * @throws UserError when it cannot be written, or an earlier one cannot be removed
 */
export async function keepBest(
  dir: string,
  step: number,
  swd: number,
  encode: () => Promise<Uint8Array>,
): Promise<void> {
  const folder = checkpointsFolder(dir);
  const before = (await explained(`cannot read ${folder}`, () => namesIn(folder))).filter((name) =>
    bestName.test(name),
  );
  if (before.some((name) => Number(bestName.exec(name)![1]) <= swd)) return;
  const name = `best-${stepName(step)}-swd-${swd.toFixed(2)}.safetensors`;
  await writeFileAtomically(join(folder, name), await encode());
  for (const other of before) {
    if (other === name) continue;
    await explained(`cannot delete ${other}`, () => rm(join(folder, other), { force: true }));
  }
}

/**
 * The newest usable checkpoint of a run, with a warning if newer ones are unusable; or the checkpoint in a file.
 * @param source a run's folder or a .safetensors file
 * @param check throws a one-line Error when a file cannot be used for what the caller wants
 * @param back for a folder: this many checkpoints before the newest, or the oldest if there are fewer
 * @throws UserError when there is none, none can be used, or one cannot be read
 */
export async function readCheckpoint(
  source: string,
  check: (state: RunState) => void = () => {},
  back = 0,
): Promise<Checkpoint> {
  if (!(await isFolder(source))) return await readFileChecked(source, check);

  const failures: string[] = [];
  const steps = await checkpointSteps(source);
  for (const step of steps.slice(Math.min(back, Math.max(0, steps.length - 1)))) {
    try {
      const found = await readFileChecked(checkpointPath(source, step), check);
      if (failures.length === 0) return found;
      const warning = [...failures, `using ${found.path}`, ...(found.warning ? [found.warning] : [])].join("; ");
      return { ...found, warning };
    } catch (error) {
      if (!(error instanceof Unusable)) throw error;
      failures.push(error.message);
    }
  }
  if (failures.length > 0) throw new UserError(`${source}: no checkpoint can be used: ${failures.join("; ")}`);
  throw new UserError(`${source}: no checkpoint in it, expected ${checkpointPath(source, 800)} or the like`);
}

/** Renames checkpoints of later steps, so that nothing resumes from them; nothing is deleted. */
export async function setLaterAside(dir: string, step: number, suffix: string): Promise<void> {
  const later = (await checkpointSteps(dir)).filter((other) => other > step);
  if (later.length === 0) return;
  const taken = new Set(await namesIn(checkpointsFolder(dir)));
  for (const path of later.map((other) => checkpointPath(dir, other))) {
    let aside = `${path}.${suffix}`;
    for (let n = 2; taken.has(basename(aside)); n++) aside = `${path}.${suffix}-${n}`;
    await rename(path, aside);
  }
}

/** @throws Unusable when its contents cannot be used; UserError when it cannot be read, whatever its contents are */
async function readFileChecked(path: string, check: (state: RunState) => void): Promise<Checkpoint> {
  const bytes = await explained(`cannot read ${path}`, () => readFile(path));
  try {
    const decoded = decodeSafetensors(bytes);
    check(decoded);
    const { verified } = decoded;
    const warning = verified ? null : `${basename(path)} has no checksum, so damage to it cannot be detected`;
    return { path, ...decoded, warning };
  } catch (error) {
    throw new Unusable(`${basename(path)}: ${(error as Error).message}`);
  }
}

function stepName(step: number): string {
  return `step-${String(step).padStart(6, "0")}`;
}
