/** Losses and quality, stored with each checkpoint. A run continues without them: damage here costs only the charts. */
import { rowFields, rowLength } from "../protocol.ts";
import { crcOf } from "./checksum.ts";
import type { Folder } from "./folder.ts";
import type { CheckpointRecord, Slot } from "./record.ts";
import { otherSlot } from "./slots.ts";

export const curvesFile = (slot: Slot) => `${slot}.curves.f32`;
/** Where earlier versions kept the curves, without a checksum. */
const oldCurvesFile = "curves.f32";

/** @returns their CRC-32 @throws StorageFullError and others */
export async function writeCurves(folder: Folder, slot: Slot, rows: Float32Array): Promise<string> {
  const bytes = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
  await folder.write(curvesFile(slot), bytes);
  return crcOf(bytes);
}

/**
 * Rows up to a step: those stored with this slot's checkpoint, or else with the other slot's, which end earlier.
 * @throws errors of the folder
 */
export async function readCurves(
  folder: Folder,
  checkpoint: CheckpointRecord,
  slot: Slot,
  step: number,
): Promise<{ rows: Float32Array<ArrayBuffer>; damaged: boolean }> {
  const crcs: Partial<Record<Slot, string | null>> = {
    [checkpoint.slot]: checkpoint.curves,
    [otherSlot(checkpoint.slot)]: checkpoint.previous?.curves,
  };
  for (const one of [slot, otherSlot(slot)]) {
    const crc = crcs[one];
    const bytes = crc === null ? null : await folder.read(crc === undefined ? oldCurvesFile : curvesFile(one));
    if (bytes && (crc === undefined || crcOf(bytes) === crc)) {
      return { rows: rowsOf(bytes, step), damaged: one !== slot };
    }
  }
  return { rows: new Float32Array(0), damaged: crcs[slot] !== undefined };
}

/** Whole rows up to this step, as long as their numbers make sense. */
function rowsOf(bytes: Uint8Array<ArrayBuffer>, step: number): Float32Array<ArrayBuffer> {
  const rows = new Float32Array(bytes.buffer, 0, Math.floor(bytes.length / (4 * rowLength)) * rowLength);
  let count = 0;
  let last = 0;
  while (count * rowLength < rows.length) {
    const row = rows.subarray(count * rowLength, (count + 1) * rowLength);
    const [at] = row;
    // Only the last two numbers, which are not measured at every step, may be missing.
    if (
      !Number.isInteger(at) ||
      at <= last ||
      at > step ||
      !row.subarray(0, rowFields.length - 2).every(Number.isFinite)
    )
      break;
    last = at;
    count++;
  }
  return rows.slice(0, count * rowLength);
}
