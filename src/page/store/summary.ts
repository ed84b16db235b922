/** What the list of runs shows of one. */
import type { RunSummary } from "../protocol.ts";
import type { Folder } from "./folder.ts";
import type { RunRecord } from "./record.ts";
import { picturesFile } from "./run_pictures.ts";
import { newestSample } from "./sample_files.ts";

export async function summarise(id: string, folder: Folder, record: RunRecord): Promise<RunSummary> {
  const { name, config, source, pictures, totalSteps, created, saved, checkpoint, recovered = false } = record;
  const { bytes, grid, lacksPictures } = await appearance(folder);
  return {
    id,
    name,
    config,
    data: source.data,
    pictureCount: pictures.count,
    stepsPerEpoch: pictures.stepsPerEpoch,
    step: checkpoint?.step ?? 0,
    totalSteps,
    created,
    saved,
    bytes,
    grid,
    lacksPictures: source.data !== "painted" && lacksPictures,
    recovered,
  };
}

/** The size of everything stored of a run, and its newest grid. If they cannot be read, the run is listed without. */
async function appearance(folder: Folder): Promise<{ bytes: number; grid: Blob | null; lacksPictures: boolean }> {
  try {
    const files = await folder.files();
    const samples = await folder.folder("samples");
    const sizes = [
      ...(await Promise.all(files.map((name) => folder.size(name)))),
      ...(await Promise.all((await samples.files()).map((name) => samples.size(name)))),
    ];
    return {
      bytes: sizes.reduce((sum: number, size) => sum + (size ?? 0), 0),
      grid: await newestSample(samples),
      lacksPictures: !files.includes(picturesFile),
    };
  } catch {
    return { bytes: 0, grid: null, lacksPictures: false };
  }
}
