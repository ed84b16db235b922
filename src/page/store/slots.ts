/** The two slots that a run's checkpoints are written to in turn: writing, verifying, choosing where to continue. */
import { type CheckpointInfo, checkCheckpoint, type RunState } from "../../train/checkpoint.ts";
import { decodeSafetensors } from "../../train/safetensors.ts";
import { checksum, crcOf } from "./checksum.ts";
import type { Folder } from "./folder.ts";
import { DamagedRunError, type RunRecord, type Slot, type SlotRecord } from "./record.ts";

export const slots: readonly Slot[] = ["a", "b"];
export const otherSlot = (slot: Slot): Slot => (slot === "a" ? "b" : "a");
export const slotFile = (slot: Slot) => `${slot}.safetensors`;

/** A slot, and what it holds. */
export interface KnownSlot {
  slot: Slot;
  record: SlotRecord;
}

/** The slot that the record names. */
export function namedSlot({ checkpoint }: RunRecord): KnownSlot | null {
  if (checkpoint === null) return null;
  const { slot, step, crc32, checksum, curves } = checkpoint;
  return { slot, record: { step, crc32, checksum, curves } };
}

/** A checkpoint that was read and found intact. */
export interface IntactCheckpoint {
  slot: Slot;
  bytes: Uint8Array<ArrayBuffer>;
  state: RunState;
  info: CheckpointInfo;
  /** Whether a checksum confirms that: files of earlier versions may have none. */
  verified: boolean;
}

/** Null when the slot is empty or what it holds is damaged. @throws errors of the folder */
export async function readSlot(
  folder: Folder,
  slot: Slot,
  recorded: Pick<SlotRecord, "crc32" | "checksum"> = {},
): Promise<IntactCheckpoint | null> {
  const bytes = await folder.read(slotFile(slot));
  if (bytes === null) return null;
  if (recorded.crc32 !== undefined) {
    if (crcOf(bytes) !== recorded.crc32) return null;
  } else if (recorded.checksum !== undefined && checksum(bytes) !== recorded.checksum) return null;
  try {
    const { verified, ...state } = decodeSafetensors(bytes);
    const info = checkCheckpoint(state, "run");
    const known = verified || recorded.crc32 !== undefined || recorded.checksum !== undefined;
    return { slot, bytes, state, info, verified: known };
  } catch {
    // Reading has succeeded by now: whatever is wrong is wrong with the bytes.
    return null;
  }
}

/**
 * The newest intact checkpoint: the one that the record names, or else the other slot's, with a warning.
 * @param back 1: the checkpoint before the newest, if it is intact
 * @returns null when nothing was saved yet
 * @throws DamagedRunError when both are damaged; errors of the folder, which are no reason to go back
 */
export async function newestIntact(
  folder: Folder,
  { name, checkpoint }: RunRecord,
  back = 0,
): Promise<{ found: IntactCheckpoint; warning: string | null } | null> {
  if (checkpoint === null) return null;
  const named = await readSlot(folder, checkpoint.slot, checkpoint);
  if (named && back === 0) return { found: named, warning: null };
  const other = otherSlot(checkpoint.slot);
  // Earlier versions recorded one slot only: what the other holds may still be good.
  const { previous = {} } = checkpoint;
  const found = previous && (await readSlot(folder, other, previous));
  if (named) return { found: found && found.info.step < named.info.step ? found : named, warning: null };
  if (!found) throw new DamagedRunError(`${name}: both of its saves are damaged, so it cannot be continued`);
  const unchecked = found.verified
    ? ""
    : "; an earlier version saved that one without a checksum, so damage to it would go unnoticed";
  const warning = `${name}: the save of step ${checkpoint.step} is damaged: went back to step ${found.info.step}${unchecked}`;
  return { found, warning };
}

/** Writes a checkpoint, reads it back and compares. @throws StorageFullError and others; only this slot has changed */
export async function writeSlot(folder: Folder, slot: Slot, step: number, bytes: Uint8Array): Promise<void> {
  await folder.write(slotFile(slot), bytes);
  const written = await folder.read(slotFile(slot));
  if (written === null || !equal(written, bytes)) {
    throw new Error(`step ${step} could not be saved: the browser's storage returned different bytes from those saved`);
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
