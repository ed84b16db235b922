/**
 * Runs kept in the browser, a folder each:
 *
 *     run.0.json run.1.json        what the run is and which slot is good (twin_file.ts)
 *     a.safetensors b.safetensors  checkpoints, written in turn: while one is written the other is the run
 *     curves.f32                   losses and quality up to the checkpoint
 *     reals.png                    some of the pictures that it learns from
 *     pictures.u8                  all of them, unless they are painted
 *     samples/00000050.png         grids, thinned out as they become many
 *
 * A checkpoint counts once it was written, flushed, closed, read back and found equal, and the twin file names its slot.
 */
import type { Pictures } from "../../data/pictures.ts";
import { checkCheckpoint, checkpointInfo, type PictureSource, type RunState } from "../../train/checkpoint.ts";
import { type Config, completed } from "../../train/config.ts";
import { decodeSafetensors } from "../../train/safetensors.ts";
import { type RunSummary, rowLength, type Sample } from "../protocol.ts";
import { checksum } from "./checksum.ts";
import type { Folder } from "./folder.ts";
import { thinnedOut } from "./thin.ts";
import { readTwin, writeTwin } from "./twin_file.ts";

type Slot = "a" | "b";

/** The document of run.*.json. */
export interface RunRecord {
  name: string;
  /** As the run is now: changed values included. */
  config: Config;
  source: PictureSource;
  pictures: { count: number; stepsPerEpoch: number };
  created: number;
  saved: number;
  totalSteps: number;
  /** The newest checkpoint; null before the first. */
  checkpoint: { slot: Slot; step: number; checksum: string } | null;
}

/** All that a run goes on from. */
export interface SavedRun {
  record: RunRecord;
  /** Null: from the beginning. */
  state: RunState | null;
  /** `rowFields` of every step so far, as far as they are known. */
  rows: Float32Array<ArrayBuffer>;
  samples: Sample[];
  reals: Blob | null;
  /** Null for painted cats, and where they were not brought along with an uploaded checkpoint. */
  photographs: Uint8Array<ArrayBuffer> | null;
  /** What of the run was damaged and is done without, for people. */
  warning: string | null;
}

/** Grids kept of a run. */
const mostSamples = 120;
const pngEnd = [0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82];

export class RunStore {
  constructor(
    private readonly root: Folder,
    private readonly now: () => number = Date.now,
  ) {}

  /** Newest first. Folders without a readable record are what a crash left of a run that had not begun: they go. */
  async list(): Promise<RunSummary[]> {
    const runs: RunSummary[] = [];
    for (const id of await this.root.folders()) {
      const folder = await this.root.folder(id);
      const record = await readTwin<RunRecord>(folder, "run");
      if (record) runs.push(await summarise(id, folder, record));
      else await this.root.remove(id);
    }
    return runs.sort((a, b) => b.saved - a.saved);
  }

  async summary(id: string): Promise<RunSummary> {
    const folder = await this.folderOf(id);
    return await summarise(id, folder, await recordOf(id, folder));
  }

  /** @param photographs what is not painted is kept with the run @returns the new run's id */
  async create(
    run: Pick<RunRecord, "name" | "config" | "source" | "pictures" | "totalSteps">,
    { reals, photographs }: { reals: Uint8Array; photographs: Pictures | null },
  ): Promise<string> {
    const at = this.now();
    const id = await this.freshId(at);
    const folder = await this.root.folder(id);
    try {
      await folder.write("reals.png", reals);
      if (photographs) await folder.write("pictures.u8", photographs.pixels);
      await writeTwin<RunRecord>(folder, "run", { ...run, created: at, saved: at, checkpoint: null });
    } catch (error) {
      await this.root.remove(id).catch(() => {});
      throw error;
    }
    return id;
  }

  /** @throws Error when there is no such run */
  async load(id: string): Promise<SavedRun> {
    const folder = await this.folderOf(id);
    const record = await recordOf(id, folder);
    const { state, warning } = await readState(folder, record);
    const step = state ? checkpointInfo(state.metadata).step : 0;
    const bytes = (await folder.read("curves.f32")) ?? new Uint8Array(0);
    const rows = new Float32Array(bytes.buffer, 0, Math.floor(bytes.length / (4 * rowLength)) * rowLength);
    const reals = await folder.read("reals.png");
    return {
      record,
      state,
      rows: rows.slice(0, rowsUpTo(rows, step) * rowLength),
      samples: (await readSamples(folder)).filter((sample) => sample.step <= step),
      reals: reals && pngBlob(reals),
      photographs: await folder.read("pictures.u8"),
      warning,
    };
  }

  /**
   * @param rows of all steps up to this one
   * @throws StorageFullError and others; the run's earlier checkpoint is then as it was
   */
  async saveCheckpoint(id: string, step: number, bytes: Uint8Array, rows: Float32Array): Promise<void> {
    const folder = await this.folderOf(id);
    const record = await recordOf(id, folder);
    const slot: Slot = record.checkpoint?.slot === "a" ? "b" : "a";
    const name = slotName(slot);
    await folder.write(name, bytes);
    const written = await folder.read(name);
    if (written === null || !equal(written, bytes)) {
      throw new Error(
        `step ${step} was not saved as it was: the browser's storage is at fault; the save before is intact`,
      );
    }
    await folder.write("curves.f32", new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength));
    const checkpoint = { slot, step, checksum: checksum(bytes) };
    await writeTwin<RunRecord>(folder, "run", { ...record, saved: this.now(), checkpoint });
  }

  /** Keeps a grid. @returns the steps whose grids were thinned out for it */
  async addSample(id: string, step: number, png: Uint8Array): Promise<number[]> {
    const folder = await (await this.folderOf(id)).folder("samples");
    await folder.write(sampleName(step), png);
    const thinned = thinnedOut(await sampleSteps(folder), mostSamples);
    for (const old of thinned) await folder.remove(sampleName(old));
    return thinned;
  }

  /** Removes grids of later steps, when a run goes back. */
  async rewind(id: string, step: number): Promise<void> {
    const folder = await (await this.folderOf(id)).folder("samples");
    for (const later of (await sampleSteps(folder)).filter((other) => other > step)) {
      await folder.remove(sampleName(later));
    }
  }

  /** Changes what the record says: name, or configuration and length together. */
  async update(id: string, changes: Partial<Pick<RunRecord, "name" | "config" | "totalSteps">>): Promise<void> {
    const folder = await this.folderOf(id);
    await writeTwin<RunRecord>(folder, "run", { ...(await recordOf(id, folder)), ...changes });
  }

  async duplicate(id: string): Promise<string> {
    const from = await this.folderOf(id);
    const record = await recordOf(id, from);
    const at = this.now();
    const copyId = await this.freshId(at);
    const to = await this.root.folder(copyId);
    try {
      const samples = await from.folder("samples");
      const copies = await to.folder("samples");
      for (const name of await samples.files()) await copyFile(samples, copies, name);
      for (const name of await from.files()) if (!/^run\.\d\.json$/.test(name)) await copyFile(from, to, name);
      await writeTwin<RunRecord>(to, "run", { ...record, name: `${record.name}, copy`, created: at, saved: at });
    } catch (error) {
      await this.root.remove(copyId).catch(() => {});
      throw error;
    }
    return copyId;
  }

  async remove(id: string): Promise<void> {
    await this.root.remove(id);
  }

  /** The run's checkpoint as a file. @throws Error when it has none yet */
  async checkpoint(id: string): Promise<Uint8Array<ArrayBuffer>> {
    const folder = await this.folderOf(id);
    const record = await recordOf(id, folder);
    for (const slot of slotsOf(record)) {
      const bytes = await folder.read(slotName(slot));
      if (bytes && decoded(bytes)) return bytes;
    }
    throw new Error(`${record.name}: nothing was saved of it yet`);
  }

  /**
   * A checkpoint of this page's or of the command line's becomes a run.
   * @throws Error in one line when it is not a whole checkpoint
   */
  async import(
    bytes: Uint8Array,
    name: string,
    stepsPerEpoch: (count: number, batch: number) => number,
  ): Promise<string> {
    const { config, step, pictures } = checkCheckpoint(decodeSafetensors(bytes), "run");
    const perEpoch = stepsPerEpoch(pictures.count, config.batch);
    const at = this.now();
    const id = await this.freshId(at);
    const folder = await this.root.folder(id);
    try {
      await folder.write(slotName("a"), bytes);
      await writeTwin<RunRecord>(folder, "run", {
        name,
        config,
        source: pictures.source,
        pictures: { count: pictures.count, stepsPerEpoch: perEpoch },
        created: at,
        saved: at,
        totalSteps: config.steps ?? config.epochs! * perEpoch,
        checkpoint: { slot: "a", step, checksum: checksum(bytes) },
      });
    } catch (error) {
      await this.root.remove(id).catch(() => {});
      throw error;
    }
    return id;
  }

  private async folderOf(id: string): Promise<Folder> {
    if (!(await this.root.folders()).includes(id)) throw new Error("this run is no longer there: it was deleted");
    return await this.root.folder(id);
  }

  private async freshId(at: number): Promise<string> {
    const taken = new Set(await this.root.folders());
    let id = at;
    while (taken.has(String(id))) id++;
    return String(id);
  }
}

async function recordOf(id: string, folder: Folder): Promise<RunRecord> {
  const record = await readTwin<RunRecord>(folder, "run");
  if (!record) throw new Error(`run ${id} cannot be read: both copies of its record are damaged`);
  return { ...record, config: completed(record.config) };
}

/** The slot that the record names first. */
function slotsOf({ checkpoint }: RunRecord): Slot[] {
  if (checkpoint === null) return [];
  return checkpoint.slot === "a" ? ["a", "b"] : ["b", "a"];
}

/** The newest checkpoint that is whole: the one that the record names, or else the other slot's. */
async function readState(
  folder: Folder,
  record: RunRecord,
): Promise<{ state: RunState | null; warning: string | null }> {
  for (const slot of slotsOf(record)) {
    const bytes = await folder.read(slotName(slot));
    if (bytes === null) continue;
    const named = slot === record.checkpoint!.slot;
    if (named && checksum(bytes) !== record.checkpoint!.checksum) continue;
    const state = decoded(bytes);
    if (state === null) continue;
    const { step } = checkpointInfo(state.metadata);
    const warning = named ? null : `the save of step ${record.checkpoint!.step} is damaged: went back to step ${step}`;
    return { state, warning };
  }
  return { state: null, warning: record.checkpoint && "both saves are damaged: the run starts anew" };
}

function decoded(bytes: Uint8Array): RunState | null {
  try {
    const state = decodeSafetensors(bytes);
    checkCheckpoint(state, "run");
    return state;
  } catch {
    return null;
  }
}

async function summarise(id: string, folder: Folder, record: RunRecord): Promise<RunSummary> {
  const samples = await folder.folder("samples");
  const steps = (await sampleSteps(samples)).sort((a, b) => b - a);
  let grid: Blob | null = null;
  for (const step of steps) {
    grid = await readSample(samples, step);
    if (grid) break;
  }
  const sizes = [
    ...(await Promise.all((await folder.files()).map((name) => folder.size(name)))),
    ...(await Promise.all((await samples.files()).map((name) => samples.size(name)))),
  ];
  const { name, config, source, pictures, totalSteps, created, saved, checkpoint } = record;
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
    bytes: sizes.reduce((sum: number, size) => sum + (size ?? 0), 0),
    grid,
  };
}

async function readSamples(folder: Folder): Promise<Sample[]> {
  const samples = await folder.folder("samples");
  const found: Sample[] = [];
  for (const step of (await sampleSteps(samples)).sort((a, b) => a - b)) {
    const png = await readSample(samples, step);
    if (png) found.push({ step, png });
  }
  return found;
}

/** Null for one that a crash cut short. */
async function readSample(samples: Folder, step: number): Promise<Blob | null> {
  const bytes = await samples.read(sampleName(step));
  return bytes && equal(bytes.subarray(-pngEnd.length), Uint8Array.from(pngEnd)) ? pngBlob(bytes) : null;
}

async function sampleSteps(samples: Folder): Promise<number[]> {
  const names = await samples.files();
  return names.map((name) => Number(/^(\d+)\.png$/.exec(name)?.[1] ?? Number.NaN)).filter(Number.isSafeInteger);
}

/** How many of the rows are of steps up to this one. */
export function rowsUpTo(rows: Float32Array, step: number): number {
  let count = rows.length / rowLength;
  while (count > 0 && rows[(count - 1) * rowLength] > step) count--;
  return count;
}

async function copyFile(from: Folder, to: Folder, name: string): Promise<void> {
  const bytes = await from.read(name);
  if (bytes) await to.write(name, bytes);
}

function pngBlob(bytes: Uint8Array<ArrayBuffer>): Blob {
  return new Blob([bytes], { type: "image/png" });
}

function slotName(slot: Slot): string {
  return `${slot}.safetensors`;
}

function sampleName(step: number): string {
  return `${String(step).padStart(8, "0")}.png`;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
