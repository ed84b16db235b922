/** The pictures that a command line names. */
import { paintDataSet } from "../data/painted.ts";
import type { Pictures } from "../data/pictures.ts";
import type { PictureSource } from "../train/checkpoint.ts";
import { readPhotographs } from "./photographs.ts";
import type { Reporter } from "./progress.ts";

export interface DataSet {
  pictures: Pictures;
  skipped: { name: string; reason: string }[];
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
      return await readPhotographs(data, { size, fit, onProgress });
    }
    const pictures = await paintDataSet(size, seed, (done, total) => reporter.preparing("painting cats", done, total));
    return { pictures, skipped: [] };
  } finally {
    reporter.clear();
  }
}
