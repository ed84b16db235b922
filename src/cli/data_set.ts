/** The pictures that a command line names. */
import { paintCat } from "../data/painted.ts";
import type { Pictures } from "../data/pictures.ts";
import type { PictureSource } from "../train/checkpoint.ts";
import { readPhotographs } from "./photographs.ts";
import type { Reporter } from "./progress.ts";

/** How many cats are painted, by size: as many as a few seconds allow. */
const paintedCounts: Record<number, number> = { 16: 2048, 32: 2048, 64: 1024, 128: 512 };

export function paintedCount(size: number): number {
  return paintedCounts[size];
}

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
    const count = paintedCount(size);
    const bytes = size * size * 3;
    const pixels = new Uint8Array(count * bytes);
    for (let index = 0; index < count; index++) {
      pixels.set(paintCat(size, seed, index), index * bytes);
      if (index % 64 !== 0) continue;
      reporter.preparing("painting cats", index, count);
      await new Promise((resolve) => setTimeout(resolve));
    }
    return { pictures: { size, count, pixels }, skipped: [] };
  } finally {
    reporter.clear();
  }
}
