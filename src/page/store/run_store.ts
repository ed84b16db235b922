/**
 * Runs kept in the browser, a folder each:
 *
 *     run.0.json run.1.json            what the run is, which slot is good, checksums (record.ts, replicated_file.ts)
 *     a.safetensors b.safetensors      checkpoints, written in turn: one is always intact (slots.ts)
 *     a.curves.f32 b.curves.f32        losses and quality up to each checkpoint (curves.ts)
 *     reals.png                        some of the training pictures
 *     pictures.u8                      all of them, unless they are painted
 *     samples/00000050.png             grids, thinned out as they become many (sample_files.ts)
 *
 * A checkpoint counts once it has been written, flushed, closed, read back and found equal, and the record names its slot.
 * Whatever a file operation throws is passed on: only reading a folder successfully shows that something is not there.
 */

import { fingerprint } from "../../data/batches.ts";
import type { Pictures } from "../../data/pictures.ts";
import { checkCheckpoint, type RunState } from "../../train/checkpoint.ts";
import { decodeSafetensors } from "../../train/safetensors.ts";
import type { DamagedRun, RunSummary, Sample } from "../protocol.ts";
import { reasonOf } from "../reason.ts";
import { checksum, crcOf } from "./checksum.ts";
import { readCurves, writeCurves } from "./curves.ts";
import type { Folder } from "./folder.ts";
import {
  DamagedRunError,
  isRecordFile,
  type RunRecord,
  readRecord,
  recordFor,
  type Slot,
  type SlotRecord,
  writeRecord,
} from "./record.ts";
import { DamagedCopiesError } from "./replicated_file.ts";
import { addSample, newestSample, readSamples, removeSamplesAfter, wholePng } from "./sample_files.ts";
import { type IntactCheckpoint, newestIntact, otherSlot, readSlot, slotFile, slots, writeSlot } from "./slots.ts";

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

/** A checkpoint handed out as a file. */
export interface CheckpointFile {
  bytes: Uint8Array<ArrayBuffer>;
  step: number;
  /** Why it is not the newest save. */
  warning: string | null;
}

/** What a new run is made of. */
export interface NewRunFiles {
  reals: Uint8Array;
  /** Null for painted cats. */
  photographs: Pictures | null;
}

const picturesFile = "pictures.u8";
const realsFile = "reals.png";
/**
 * Age in milliseconds at which folders of runs that never began are removed. Another tab may still be filling a younger
 * one, and may have been suspended meanwhile.
 */
const abandonedAfter = 24 * 3_600_000;

export class RunStore {
  /** Which slot a run was loaded from or saved to last. It is not written to until the other one is good. */
  private readonly intact = new Map<string, { slot: Slot; record: SlotRecord }>();

  /** @param openRoot opens the folder of all runs each time it is needed, since the browser may delete and recreate it */
  constructor(
    private readonly openRoot: () => Promise<Folder>,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * All runs, newest first, and those that cannot be opened. Repairs a record from its checkpoint where it can. Removes
   * only folders in which no run ever began: they have no record and no checkpoint, and are more than a day old.
   */
  async list(): Promise<{ runs: RunSummary[]; damaged: DamagedRun[] }> {
    const root = await this.openRoot();
    const runs: RunSummary[] = [];
    const damaged: DamagedRun[] = [];
    for (const id of await root.folders()) {
      try {
        const folder = await root.folder(id);
        const record = await this.recordOrRepaired(id, folder);
        if (record) runs.push(await summarise(id, folder, record));
        else if (this.isAbandoned(id)) await root.remove(id);
      } catch (error) {
        damaged.push({
          id,
          created: createdOf(id),
          reason: reasonOf(error),
          damaged: error instanceof DamagedRunError,
        });
      }
    }
    runs.sort((a, b) => b.saved - a.saved);
    return { runs, damaged };
  }

  async summary(id: string): Promise<RunSummary> {
    const { folder, record } = await this.open(id);
    return await summarise(id, folder, record);
  }

  /** Whether the run's folder is there. @throws errors of the folder: a failure to read does not mean that it is missing */
  async has(id: string): Promise<boolean> {
    return (await (await this.openRoot()).folders()).includes(id);
  }

  /** @param id of an earlier run that is created again; by default a new one @returns the run's id */
  async create(
    run: Pick<RunRecord, "name" | "config" | "source" | "pictures" | "totalSteps">,
    { reals, photographs }: NewRunFiles,
    id = this.freshId(),
  ): Promise<string> {
    const at = this.now();
    await this.fill(id, async (folder) => {
      await folder.write(realsFile, reals);
      const kept = photographs ? await writePictures(folder, photographs) : {};
      const pictures = { ...run.pictures, ...kept };
      await writeRecord(folder, { ...run, pictures, created: at, saved: at, checkpoint: null });
    });
    this.intact.delete(id);
    return id;
  }

  /** @throws Error when there is no such run; DamagedRunError */
  async load(id: string): Promise<SavedRun> {
    const { folder, record } = await this.open(id);
    const newest = await newestIntact(folder, record);
    const warnings: string[] = newest?.warning ? [newest.warning] : [];
    const step = newest?.found.info.step ?? 0;
    if (newest) this.remember(id, record, newest.found);
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
    const samples = await optional(
      "the grids",
      [],
      async () => await readSamples(await folder.folder("samples"), step),
    );
    const reals = await optional("the preview of the training pictures", null, async () =>
      wholePng(await folder.read(realsFile)),
    );
    return { record, state: newest?.found.state ?? null, step, rows, samples, reals, warnings };
  }

  /**
   * The state of a checkpoint to go back to.
   * @param back as `newestIntact`
   * @returns a null state when nothing was saved yet
   * @throws as `load`
   */
  async earlier(id: string, back: number): Promise<Pick<SavedRun, "state" | "step"> & { warning: string | null }> {
    const { folder, record } = await this.open(id);
    const newest = await newestIntact(folder, record, back);
    if (newest === null) return { state: null, step: 0, warning: null };
    const { found, warning } = newest;
    this.remember(id, record, found);
    return { state: found.state, step: found.info.step, warning };
  }

  /**
   * The pictures that a run learns from, verified.
   * @param state holds their fingerprint, for runs of earlier versions, which have no checksum
   * @returns null for painted cats and where an uploaded checkpoint came without its pictures
   * @throws DamagedRunError when they are not those that the run began with
   */
  async photographs(
    id: string,
    { pictures, config, name }: RunRecord,
    state: RunState | null,
  ): Promise<Pictures | null> {
    const folder = await this.folderOf(id);
    const pixels = await folder.read(picturesFile);
    if (pixels === null) return null;
    const { size } = config;
    const { count, identity } = pictures;
    const found = { size, count, pixels, ...(identity !== undefined && { identity }) };
    const length = pictures.count * size * size * 3;
    const expected = state && checkCheckpoint(state, "run").pictures.fingerprint;
    const intact =
      pixels.length === length &&
      (pictures.crc32 !== undefined
        ? crcOf(pixels) === pictures.crc32
        : expected === null || fingerprint(found) === expected);
    if (intact) return found;
    throw new DamagedRunError(
      `${name}: its copy of the training pictures is damaged, so it cannot be trained further. ` +
        "Its checkpoint is intact: download it, or draw from it",
    );
  }

  /** Keeps the pictures of a run that came without them. */
  async addPhotographs(id: string, photographs: Pictures): Promise<void> {
    const { folder, record } = await this.open(id);
    const kept = await writePictures(folder, photographs);
    await writeRecord(folder, { ...record, pictures: { ...record.pictures, ...kept } });
  }

  /**
   * @param rows of all steps up to this one
   * @returns the error if something other than the checkpoint could not be saved; otherwise null
   * @throws StorageFullError and others; the run's earlier checkpoint is then as it was
   */
  async saveCheckpoint(id: string, step: number, bytes: Uint8Array, rows: Float32Array): Promise<Error | null> {
    const { folder, record } = await this.open(id);
    const before = this.intact.get(id) ?? namedSlot(record);
    const slot = before ? otherSlot(before.slot) : "a";
    await writeSlot(folder, slot, step, bytes);
    let curves: string | null = null;
    let problem: Error | null = null;
    try {
      curves = await writeCurves(folder, slot, rows);
    } catch (error) {
      problem = error instanceof Error ? error : new Error(String(error));
    }
    const saved = { step, crc32: crcOf(bytes), checksum: checksum(bytes), curves };
    const checkpoint = { slot, ...saved, previous: before?.record ?? null };
    await writeRecord(folder, { ...record, saved: this.now(), checkpoint });
    this.intact.set(id, { slot, record: saved });
    return problem;
  }

  /** The curves alone, when they could not be written with the newest checkpoint. */
  async saveCurves(id: string, rows: Float32Array): Promise<void> {
    const { folder, record } = await this.open(id);
    const { checkpoint } = record;
    if (!checkpoint) return;
    const curves = await writeCurves(folder, checkpoint.slot, rows);
    await writeRecord(folder, { ...record, checkpoint: { ...checkpoint, curves } });
    const intact = this.intact.get(id);
    if (intact?.slot === checkpoint.slot) intact.record.curves = curves;
  }

  /** Keeps a grid. @returns the steps whose grids were thinned out for it */
  async addSample(id: string, step: number, png: Uint8Array): Promise<number[]> {
    return await addSample(await (await this.folderOf(id)).folder("samples"), step, png);
  }

  /** Forgets what belongs to later steps, when a run has gone back: a newer checkpoint, and grids. */
  async rewind(id: string, step: number): Promise<void> {
    const { folder, record } = await this.open(id);
    const intact = this.intact.get(id);
    if (intact && record.checkpoint && record.checkpoint.step > step && intact.record.step <= step) {
      const checkpoint = { slot: intact.slot, ...intact.record, previous: null };
      await writeRecord(folder, { ...record, checkpoint });
    }
    await removeSamplesAfter(await folder.folder("samples"), step);
  }

  /** Changes the record: the name, or the configuration and the length. */
  async update(id: string, changes: Partial<Pick<RunRecord, "name" | "config" | "totalSteps">>): Promise<void> {
    const { folder, record } = await this.open(id);
    const changed = { ...record, ...changes };
    // A user who names a recovered run has seen that it was recovered.
    if (changes.name !== undefined) delete changed.recovered;
    await writeRecord(folder, changed);
  }

  async duplicate(id: string): Promise<string> {
    const { folder: from, record } = await this.open(id);
    const at = this.now();
    const copy = this.freshId();
    await this.fill(copy, async (to) => {
      const [samples, copies] = [await from.folder("samples"), await to.folder("samples")];
      for (const name of await samples.files()) await copyFile(samples, copies, name);
      for (const name of await from.files()) if (!isRecordFile(name)) await copyFile(from, to, name);
      await writeRecord(to, { ...record, name: `${record.name}, copy`, created: at, saved: at });
    });
    return copy;
  }

  async remove(id: string): Promise<void> {
    await (await this.openRoot()).remove(id);
    this.intact.delete(id);
  }

  /** The run's newest intact checkpoint as a file. @throws Error when it has none */
  async checkpoint(id: string): Promise<CheckpointFile> {
    const { folder, record } = await this.open(id);
    const newest = await newestIntact(folder, record);
    if (!newest) throw new Error(`${record.name}: nothing has been saved yet`);
    const { bytes, info } = newest.found;
    return { bytes, step: info.step, warning: newest.warning };
  }

  /** The larger of the two slots, unchanged, for users to rescue what they can. @throws Error when both are empty */
  async remains(id: string): Promise<Uint8Array<ArrayBuffer>> {
    const folder = await this.folderOf(id);
    const files: Uint8Array<ArrayBuffer>[] = [];
    for (const slot of slots) {
      const bytes = await folder.read(slotFile(slot));
      if (bytes) files.push(bytes);
    }
    const [largest] = files.sort((a, b) => b.length - a.length);
    if (!largest) throw new Error("this run has no checkpoint to download");
    return largest;
  }

  /**
   * Makes a run from a checkpoint of this page or of the command line.
   * @returns the run's id, and whether the file had a checksum: if not, damage to it cannot be seen
   * @throws a one-line Error when it is not an intact checkpoint
   */
  async import(
    bytes: Uint8Array,
    name: string,
    stepsPerEpoch: (count: number, batch: number) => number,
  ): Promise<{ id: string; verified: boolean }> {
    const file = decodeSafetensors(bytes);
    const info = checkCheckpoint(file, "run");
    const perEpoch = stepsPerEpoch(info.pictures.count, info.config.batch);
    const at = this.now();
    const id = this.freshId();
    await this.fill(id, async (folder) => {
      await writeSlot(folder, "a", info.step, bytes);
      const slot = { slot: "a", crc32: crcOf(bytes), checksum: checksum(bytes), previous: null } as const;
      await writeRecord(folder, recordFor(info, slot, { name, at, stepsPerEpoch: perEpoch }));
    });
    return { id, verified: file.verified };
  }

  /** Fills the folder of a new run. If that fails, removes the folder again, as far as the storage allows. */
  private async fill(id: string, write: (folder: Folder) => Promise<void>): Promise<void> {
    const root = await this.openRoot();
    const folder = await root.folder(id);
    try {
      await write(folder);
    } catch (error) {
      // The first of the two errors is the useful one; `list` removes what is left.
      await root.remove(id).catch(() => {});
      throw error;
    }
  }

  private async folderOf(id: string): Promise<Folder> {
    const root = await this.openRoot();
    if (!(await root.folders()).includes(id)) throw new Error("this run is no longer there: it was deleted");
    return await root.folder(id);
  }

  private async open(id: string): Promise<{ folder: Folder; record: RunRecord }> {
    const folder = await this.folderOf(id);
    const record = await this.recordOrRepaired(id, folder);
    if (!record) throw new DamagedRunError("this run has no record: it was never completed, or its record was lost");
    return { folder, record };
  }

  /**
   * The record, rebuilt from a checkpoint when both of its copies are damaged.
   * @returns null if no run ever began: there is neither a record nor a checkpoint
   * @throws DamagedRunError when no checkpoint is intact either; errors of the folder
   */
  private async recordOrRepaired(id: string, folder: Folder): Promise<RunRecord | null> {
    let reason = "its record is missing";
    try {
      const record = await readRecord(folder);
      if (record) return record;
      const files = await folder.files();
      if (files.some(isRecordFile)) throw new Error("its record could not be read");
      if (!files.some((file) => slots.map(slotFile).includes(file))) return null;
      // Another tab may be copying or importing this run right now, and writes the record last.
      if (!this.isAbandoned(id)) throw new DamagedRunError("another tab is still writing it, or was interrupted");
    } catch (error) {
      if (!(error instanceof DamagedCopiesError)) throw error;
      reason = "both copies of its record are damaged";
    }
    const found: IntactCheckpoint[] = [];
    for (const slot of slots) {
      const one = await readSlot(folder, slot);
      if (one) found.push(one);
    }
    const [best] = found.sort((a, b) => Number(b.verified) - Number(a.verified) || b.info.step - a.info.step);
    if (!best) throw new DamagedRunError(`${reason}, and so is every checkpoint`);
    const { slot, bytes, info } = best;
    const record: RunRecord = {
      ...recordFor(
        info,
        { slot, crc32: crcOf(bytes), checksum: checksum(bytes), previous: null },
        {
          name: "Recovered run",
          at: createdOf(id) || this.now(),
          stepsPerEpoch: Math.max(1, Math.floor(info.pictures.count / info.config.batch)),
        },
      ),
      recovered: true,
    };
    await writeRecord(folder, record);
    return record;
  }

  private remember(id: string, { checkpoint }: RunRecord, { slot, bytes, info }: IntactCheckpoint): void {
    const named = slot === checkpoint!.slot ? checkpoint! : checkpoint!.previous;
    const { curves } = named ?? {};
    this.intact.set(id, { slot, record: { step: info.step, crc32: crcOf(bytes), checksum: checksum(bytes), curves } });
  }

  /** Begins with the time; the rest keeps two tabs from making the same one. */
  private freshId(): string {
    return `${this.now()}-${crypto.randomUUID().slice(0, 8)}`;
  }

  private isAbandoned(id: string): boolean {
    return this.now() - createdOf(id) > abandonedAfter;
  }
}

/** The slot that the record names. */
function namedSlot({ checkpoint }: RunRecord): { slot: Slot; record: SlotRecord } | null {
  if (checkpoint === null) return null;
  const { slot, step, crc32, checksum, curves } = checkpoint;
  return { slot, record: { step, crc32, checksum, curves } };
}

/** Milliseconds since 1970, from the run's id; NaN when the id is not one of ours. */
function createdOf(id: string): number {
  return Number(/^(\d+)(-[0-9a-f]+)?$/.exec(id)?.[1] ?? Number.NaN);
}

/** @returns what the record says of them */
async function writePictures(folder: Folder, { pixels, identity }: Pictures): Promise<Partial<RunRecord["pictures"]>> {
  await folder.write(picturesFile, pixels);
  return { crc32: crcOf(pixels), ...(identity !== undefined && { identity }) };
}

async function summarise(id: string, folder: Folder, record: RunRecord): Promise<RunSummary> {
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

async function copyFile(from: Folder, to: Folder, name: string): Promise<void> {
  const bytes = await from.read(name);
  if (bytes === null) throw new Error(`copying ${name}: it has just been deleted`);
  await to.write(name, bytes);
}
