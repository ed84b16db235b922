/** The pictures that a command line names. */
import { paintDataSet } from "../data/painted.ts";
import type { Refused } from "../data/photographs.ts";
import type { Pictures } from "../data/pictures.ts";
import type { PictureSource } from "../train/checkpoint.ts";
import { readPhotographs } from "./photographs.ts";
import type { Reporter } from "./progress.ts";

export interface DataSet {
  pictures: Pictures;
  /** Files and folders that could not be used, in the order of their paths. */
  skipped: Refused[];
}

/** @throws UserError when there are no pictures */
export async function loadDataSet(
  { data, fit }: PictureSource,
  { size, seed }: { size: number; seed: number },
  reporter: Reporter,
): Promise<DataSet> {
  try {
    if (data !== "painted") {
      const onProgress = (done: number, total: number) => reporter.preparing("reading pictures", done, total);
      const onLooking = (done: number, total: number | null) => reporter.looking(done, total);
      return await readPhotographs(data, { size, fit, onProgress, onLooking });
    }
    const pictures = await paintDataSet(size, seed, (done, total) => reporter.preparing("painting cats", done, total));
    return { pictures, skipped: [] };
  } finally {
    reporter.clear();
  }
}
