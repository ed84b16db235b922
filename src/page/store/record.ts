/** The document of a run's replicated file: what the run is, and which of its files are good. */
import type { CheckpointInfo, PictureSource } from "../../train/checkpoint.ts";
import { type Config, completed } from "../../train/config.ts";
import type { Folder } from "./folder.ts";
import { readReplicated, writeReplicated } from "./replicated_file.ts";

/** Checkpoints are written to two slots in turn. */
export type Slot = "a" | "b";

/** What a slot holds. */
export interface SlotRecord {
  step: number;
  /** Absent in what earlier versions saved. */
  crc32?: string;
  /** FNV-1a, for earlier versions. */
  checksum?: string;
  /** CRC-32 of the curves up to this step; null when they could not be written, absent when there are none. */
  curves?: string | null;
}

export interface CheckpointRecord extends SlotRecord {
  slot: Slot;
  /** The other slot; null when it holds no intact checkpoint, absent in records of earlier versions. */
  previous?: SlotRecord | null;
}

export interface RunRecord {
  name: string;
  /** As the run is now: changed values included. */
  config: Config;
  source: PictureSource;
  pictures: {
    count: number;
    stepsPerEpoch: number;
    /** Of pictures.u8. Absent for painted cats, where it is missing, and in records of earlier versions. */
    crc32?: string;
    /** As `Pictures.identity`; absent for painted cats, and in records of earlier versions. */
    identity?: string;
  };
  created: number;
  saved: number;
  totalSteps: number;
  /** The newest checkpoint; null before the first. */
  checkpoint: CheckpointRecord | null;
  /** Both copies of the record were damaged, and this one was made from a checkpoint. */
  recovered?: true;
}

/** A run whose files are damaged beyond what can be repaired. */
export class DamagedRunError extends Error {}

const name = "run";

/** Null when the run has no record. @throws DamagedCopiesError when both copies are damaged, and errors of the folder */
export async function readRecord(folder: Folder): Promise<RunRecord | null> {
  const record = await readReplicated<RunRecord>(folder, name);
  return record && { ...record, config: completed(record.config) };
}

export async function writeRecord(folder: Folder, record: RunRecord): Promise<void> {
  await writeReplicated(folder, name, record);
}

export const isRecordFile = (file: string) => /^run\.\d\.json$/.test(file);

/** A record for a checkpoint that has none. */
export function recordFor(
  { config, step, pictures }: CheckpointInfo,
  file: Omit<CheckpointRecord, "step">,
  { name, at, stepsPerEpoch }: { name: string; at: number; stepsPerEpoch: number },
): RunRecord {
  return {
    name,
    config,
    source: pictures.source,
    pictures: {
      count: pictures.count,
      stepsPerEpoch,
      ...(pictures.identity !== null && { identity: pictures.identity }),
    },
    created: at,
    saved: at,
    totalSteps: config.steps ?? config.epochs! * stepsPerEpoch,
    checkpoint: { ...file, step },
  };
}
