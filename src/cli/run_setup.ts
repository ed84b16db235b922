/** Collects everything a run needs before the GPU is used: from a checkpoint, or from an earlier run's folder. */
import { fingerprint, stepsPerEpoch } from "../data/batches.ts";
import { type Pictures, paintedCount } from "../data/pictures.ts";
import {
  type CheckpointInfo,
  checkCheckpoint,
  generatorFormat,
  type PictureSource,
  type RunState,
} from "../train/checkpoint.ts";
import type { VariantSource } from "../train/choose_variants.ts";
import type { Config } from "../train/config.ts";
import { checkSameRun, comparePictures, matchWarning } from "../train/same_run.ts";
import { type Checkpoint, checkpointSteps, readCheckpoint } from "./checkpoint_files.ts";
import { type OnTrouble, type ResumedRun, resolveConfig } from "./commands/train.ts";
import { warn } from "./describe.ts";
import { isFolder } from "./files.ts";
import { commandLine, grouped } from "./progress.ts";
import { checkRunFolder, RunFolder, readStart } from "./run_folder.ts";
import { asMessage, asUserError, UserError } from "./user_error.ts";

export interface Setup {
  config: Config;
  source: PictureSource;
  folder: RunFolder;
  /** One line: which preset and why, or where the run resumes. */
  origin: string;
  /** The checkpoint that it resumes from; null for a run that starts at its beginning. */
  resumed: (RunState & { info: CheckpointInfo }) | null;
  /** Whether the folder is still empty, even if the checkpoint comes from elsewhere. */
  newFolder: boolean;
  /** Where a new run's choice of kernels comes from; a run that resumes keeps its own. */
  variants: VariantSource;
  onTrouble: OnTrouble;
  /** What `--adapter` says. */
  adapter: string;
  /** From now on a signal no longer ends the process at once: there may be something to save. */
  trainOn(): void;
}

/** Null where `--resume` names a folder. @throws UserError when the file cannot be trained on */
export async function readRunFile({ resume, out }: ResumedRun): Promise<Checkpoint | null> {
  if (await isFolder(resume)) {
    if (out !== null) throw new UserError(`--out ${out}: a run that resumes stays in its folder, ${resume}`);
    return null;
  }
  const file = await readCheckpoint(resume);
  if (file.metadata.format === generatorFormat) {
    throw new UserError(
      `--resume ${resume}: a generator file, which can draw but not train further: expected a run's folder or a checkpoint`,
    );
  }
  asUserError(() => checkCheckpoint(file, "run"));
  if (out !== null) await checkRunFolder(out);
  return file;
}

/** Locks an earlier run's folder. @throws UserError when it is not one, or another process trains the run */
export async function openRun(resume: string): Promise<RunFolder> {
  const isRun = (await checkpointSteps(resume)).length > 0 || (await readStart(resume)) !== null;
  if (!isRun) {
    throw new UserError(`--resume ${resume}: no checkpoint and no config.json in it, expected a run's folder`);
  }
  const folder = await RunFolder.open(resume);
  const { tookOverFrom } = folder.lock;
  if (tookOverFrom !== null) warn(`${resume}: took the run over from ${tookOverFrom} and no longer exists`);
  return folder;
}

export async function setupResumed(options: ResumedRun, folder: RunFolder): Promise<Omit<Setup, "trainOn">> {
  const { resume, data, overrides, onTrouble, adapter } = options;
  if ((await checkpointSteps(resume)).length === 0) {
    const { config, source } = (await readStart(resume))!;
    return {
      folder,
      onTrouble,
      adapter,
      config: resolveConfig(config, overrides),
      source: data === null ? source : { ...source, data },
      origin: "starts over, because it was stopped before its first checkpoint",
      resumed: null,
      newFolder: true,
      variants: "auto",
    };
  }
  const checkpoint = await readCheckpoint(resume, (state) => void checkCheckpoint(state, "run"));
  return { ...setupFrom(checkpoint, options, folder), newFolder: false };
}

/** Sets up a run that resumes from a checkpoint in its folder. @throws UserError when it cannot */
export function setupFrom(
  checkpoint: Checkpoint,
  { resume, data, overrides, onTrouble, adapter }: ResumedRun,
  folder: RunFolder,
): Omit<Setup, "trainOn"> {
  const info = checkCheckpoint(checkpoint, "run");
  if (checkpoint.warning !== null) warn(checkpoint.warning);
  const source = data === null ? info.pictures.source : { ...info.pictures.source, data };
  const config = resolveConfig(info.config, overrides);
  const { count } = info.pictures;
  if (source.data === "painted" && count !== paintedCount(config.size)) {
    throw new UserError(
      `${resume}: its checkpoint was trained on ${count} pictures, but there are ${paintedCount(config.size)} painted cats`,
    );
  }
  const steps = config.steps ?? config.epochs! * stepsPerEpoch(count, config.batch);
  if (steps <= info.step) {
    throw new UserError(
      `${resume} is at step ${info.step} of ${steps} already: give --steps more, as in ` +
        commandLine("train", "--resume", resume, "--steps", String(2 * info.step)),
    );
  }
  return {
    folder,
    variants: "table",
    onTrouble,
    adapter,
    config,
    source,
    newFolder: true,
    origin: `resumes after step ${grouped(info.step)}`,
    resumed: { ...checkpoint, info },
  };
}

/**
 * The checkpoint, or an earlier one if this one names other pictures: in a file without a checksum, what it says about
 * them may be damaged.
 * @throws UserError when no checkpoint names these pictures
 */
export async function ofThesePictures(
  resumed: NonNullable<Setup["resumed"]>,
  dir: string,
  pictures: Pictures,
): Promise<NonNullable<Setup["resumed"]>> {
  const here = fingerprint(pictures);
  const compare = (info: CheckpointInfo) => {
    const warning = matchWarning(comparePictures(info, pictures, here));
    if (warning !== null) warn(warning);
  };
  const problem = asMessage(() => compare(resumed.info));
  if (problem === null) return resumed;
  const other = await readCheckpoint(dir, (state) => {
    const info = checkCheckpoint(state, "run");
    comparePictures(info, pictures, here);
    checkSameRun(info, resumed.info.config);
  }).catch(() => null);
  if (other === null) throw new UserError(problem);
  warn(other.warning ?? `using ${other.path}`);
  const info = checkCheckpoint(other, "run");
  compare(info);
  return { ...other, info };
}
