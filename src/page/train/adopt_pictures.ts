/** A run that was trained elsewhere comes as a checkpoint alone. Its pictures can be brought. */
import { fingerprint } from "../../data/batches.ts";
import type { Pictures } from "../../data/pictures.ts";
import { checkCheckpoint, type RunState } from "../../train/checkpoint.ts";
import { comparePictures, matchWarning, type PictureMatch } from "../../train/same_run.ts";
import { shownName } from "../shown_text.ts";
import type { RunRecord } from "../store/record.ts";
import type { RunStore } from "../store/run_store.ts";

/**
 * Keeps brought pictures with a run that came without any.
 * @param warnings gets what people should know of them
 * @throws Error for people, when there are none or they are others
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
