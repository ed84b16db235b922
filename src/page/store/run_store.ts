/**
 * Runs kept in the browser, a folder each:
 *
 *     run.0.json run.1.json            what the run is, which slot is good, checksums (record.ts, repair.ts)
 *     a.safetensors b.safetensors      checkpoints, written in turn: one is always intact (slots.ts)
 *     a.curves.f32 b.curves.f32        losses and quality up to each checkpoint (curves.ts)
 *     reals.png                        some of the training pictures
 *     pictures.u8                      all of them, unless they are painted (run_pictures.ts)
 *     samples/00000050.png             grids, thinned out as they become many (sample_files.ts)
 *
 * A checkpoint counts once it has been written, flushed, closed, read back and found equal, and the record names its slot.
 * Whatever a file operation throws is passed on: only reading a folder successfully shows that something is not there.
 */

import type { Pictures } from "../../data/pictures.ts";
import { checkCheckpoint, type RunState } from "../../train/checkpoint.ts";
import { decodeSafetensors } from "../../train/safetensors.ts";
import type { DamagedRun, RunSummary } from "../protocol.ts";
import { reasonOf } from "../reason.ts";
import { checksumsOf } from "./checksum.ts";
import { writeCurves } from "./curves.ts";
import { copyFile, type Folder } from "./folder.ts";
import { DamagedRunError, isRecordFile, type RunRecord, recordFor, writeRecord } from "./record.ts";
import { recordOrRepaired } from "./repair.ts";
import { createdOf, isAbandoned, newRunId } from "./run_id.ts";
import { readPictures, writePictures } from "./run_pictures.ts";
import { addSample, removeSamplesAfter } from "./sample_files.ts";
import { readSavedRun, realsFile, type SavedRun } from "./saved_run.ts";
import {
  type IntactCheckpoint,
  type KnownSlot,
  namedSlot,
  newestIntact,
  otherSlot,
  slotFile,
  slots,
  writeSlot,
} from "./slots.ts";
import { summarise } from "./summary.ts";

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

export class RunStore {
  /** Which slot a run was loaded from or saved to last. It is not written to until the other one is good. */
  private readonly intact = new Map<string, KnownSlot>();

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
        const record = await recordOrRepaired(id, folder, this.now());
        if (record) runs.push(await summarise(id, folder, record));
        else if (isAbandoned(id, this.now())) await root.remove(id);
      } catch (error) {
        const [created, reason] = [createdOf(id), reasonOf(error)];
        damaged.push({ id, created, reason, damaged: error instanceof DamagedRunError });
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
    id = newRunId(this.now()),
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
    if (newest) this.remember(id, record, newest.found);
    return await readSavedRun(folder, record, newest);
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

  /** The pictures that a run learns from: see `readPictures`. */
  async photographs(id: string, record: RunRecord, state: RunState | null): Promise<Pictures | null> {
    return await readPictures(await this.folderOf(id), record, state);
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
    const saved = { step, ...checksumsOf(bytes), curves };
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
    const copy = newRunId(this.now());
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
    const files = await Promise.all(slots.map((slot) => folder.read(slotFile(slot))));
    const [largest] = files.filter((bytes) => bytes !== null).sort((a, b) => b.length - a.length);
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
    const id = newRunId(this.now());
    await this.fill(id, async (folder) => {
      await writeSlot(folder, "a", info.step, bytes);
      const slot = { slot: "a", ...checksumsOf(bytes), previous: null } as const;
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
    const record = await recordOrRepaired(id, folder, this.now());
    if (!record) throw new DamagedRunError("this run has no record: it was never completed, or its record was lost");
    return { folder, record };
  }

  private remember(id: string, { checkpoint }: RunRecord, { slot, bytes, info }: IntactCheckpoint): void {
    const named = slot === checkpoint!.slot ? checkpoint! : checkpoint!.previous;
    const record = { step: info.step, ...checksumsOf(bytes), curves: named?.curves };
    this.intact.set(id, { slot, record });
  }
}
