/** A run as it is read from its folder. */
import type { RunState } from "../../train/checkpoint.ts";
import type { Sample } from "../protocol.ts";
import { reasonOf } from "../reason.ts";
import { readCurves } from "./curves.ts";
import type { Folder } from "./folder.ts";
import type { RunRecord } from "./record.ts";
import { readSamples, wholePng } from "./sample_files.ts";
import type { IntactCheckpoint } from "./slots.ts";

export const realsFile = "reals.png";

/** Everything that a run continues from, except its pictures. */
export interface SavedRun {
  record: RunRecord;
  /** Null: from the beginning. */
  state: RunState | null;
  /** Steps of `state`; 0 without. */
  step: number;
  /** `rowFields` of every step so far, as far as they are known. */
  rows: Float32Array<ArrayBuffer>;
  samples: Sample[];
  reals: Blob | null;
  /** What is damaged or unreadable and was left out, for the user. */
  warnings: string[];
}

/** @param newest the checkpoint to continue from, if there is one */
export async function readSavedRun(
  folder: Folder,
  record: RunRecord,
  newest: { found: IntactCheckpoint; warning: string | null } | null,
): Promise<SavedRun> {
  const warnings: string[] = newest?.warning ? [newest.warning] : [];
  const step = newest?.found.info.step ?? 0;
  /** Training does not need the rest, so a failure to read it must not keep a run from being opened. */
  const optional = async <T>(what: string, otherwise: T, read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      warnings.push(`${what} could not be read (${reasonOf(error)})`);
      return otherwise;
    }
  };
  const rows = await optional("the curves", new Float32Array(0), async () => {
    if (!record.checkpoint || !newest) return new Float32Array(0);
    const curves = await readCurves(folder, record.checkpoint, newest.found.slot, step);
    if (curves.damaged) warnings.push("the file with the curves is damaged: some or all of them are missing");
    return curves.rows;
  });
  const samples = await optional("the grids", [], async () => await readSamples(await folder.folder("samples"), step));
  const reals = await optional("the preview of the training pictures", null, async () =>
    wholePng(await folder.read(realsFile)),
  );
  return { record, state: newest?.found.state ?? null, step, rows, samples, reals, warnings };
}
