/** Records that were lost or damaged, made again from a checkpoint. */
import { checksumsOf } from "./checksum.ts";
import type { Folder } from "./folder.ts";
import { DamagedRunError, isRecordFile, type RunRecord, readRecord, recordFor, writeRecord } from "./record.ts";
import { DamagedCopiesError } from "./replicated_file.ts";
import { createdOf, isAbandoned } from "./run_id.ts";
import { type IntactCheckpoint, readSlot, slotFile, slots } from "./slots.ts";

/**
 * The record, rebuilt from a checkpoint when both of its copies are damaged.
 * @returns null if no run ever began: there is neither a record nor a checkpoint
 * @throws DamagedRunError when no checkpoint is intact either; errors of the folder
 */
export async function recordOrRepaired(id: string, folder: Folder, now: number): Promise<RunRecord | null> {
  let reason = "its record is missing";
  try {
    const record = await readRecord(folder);
    if (record) return record;
    const files = await folder.files();
    if (files.some(isRecordFile)) throw new Error("its record could not be read");
    if (!files.some((file) => slots.map(slotFile).includes(file))) return null;
    // Another tab may be copying or importing this run right now, and writes the record last.
    if (!isAbandoned(id, now)) throw new DamagedRunError("another tab is still writing it, or was interrupted");
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
      { slot, ...checksumsOf(bytes), previous: null },
      {
        name: "Recovered run",
        at: createdOf(id) || now,
        stepsPerEpoch: Math.max(1, Math.floor(info.pictures.count / info.config.batch)),
      },
    ),
    recovered: true,
  };
  await writeRecord(folder, record);
  return record;
}
