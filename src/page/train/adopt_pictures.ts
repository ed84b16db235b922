/** A run that was trained elsewhere arrives as a checkpoint without its pictures. The user can add them. */
import { fingerprint } from "../../data/batches.ts";
import type { Pictures } from "../../data/pictures.ts";
import { checkCheckpoint, type RunState } from "../../train/checkpoint.ts";
import { comparePictures, matchWarning, type PictureMatch } from "../../train/same_run.ts";
import { shownName } from "../shown_text.ts";
import type { RunRecord } from "../store/record.ts";
import type { RunStore } from "../store/run_store.ts";

/**
 * Stores the user's pictures with a run that arrived without any.
 * @param warnings receives warnings about them
 * @throws Error for the user, when there are none or they are different ones
 */
export async function adoptPictures(
  store: RunStore,
  run: { id: string; record: RunRecord; state: RunState | null },
  brought: Pictures | undefined,
  warnings: string[],
): Promise<Pictures> {
  const { name, config, source } = run.record;
  const size = `${config.size} × ${config.size}`;
  const called = shownName(source.data);
  if (!brought || !run.state) {
    throw new Error(
      `${name}: its training pictures (${called}) are not in this browser. ` +
        `To train it further, add them under “Your own pictures” at ${size}, then open the run again`,
    );
  }
  let match: PictureMatch;
  try {
    match = comparePictures(checkCheckpoint(run.state, "run"), brought, fingerprint(brought));
  } catch {
    throw new Error(
      `${name}: the pictures under “Your own pictures” are not those it was trained on ` +
        `(${called}: ${run.record.pictures.count} of ${size}), or they were cropped or stretched differently`,
    );
  }
  const warning = matchWarning(match);
  if (warning !== null) warnings.push(`${name}: ${warning}`);
  await store.addPhotographs(run.id, brought);
  return brought;
}
