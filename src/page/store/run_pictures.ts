/** The pictures that a run learns from, in one file. */
import { fingerprint } from "../../data/batches.ts";
import type { Pictures } from "../../data/pictures.ts";
import { checkCheckpoint, type RunState } from "../../train/checkpoint.ts";
import { crcOf } from "./checksum.ts";
import type { Folder } from "./folder.ts";
import { DamagedRunError, type RunRecord } from "./record.ts";

export const picturesFile = "pictures.u8";

/** @returns what the record says of them */
export async function writePictures(
  folder: Folder,
  { pixels, identity }: Pictures,
): Promise<Partial<RunRecord["pictures"]>> {
  await folder.write(picturesFile, pixels);
  return { crc32: crcOf(pixels), ...(identity !== undefined && { identity }) };
}

/**
 * The pictures, verified.
 * @param state holds their fingerprint, for runs of earlier versions, which have no checksum
 * @returns null for painted cats and where an uploaded checkpoint came without its pictures
 * @throws DamagedRunError when they are not those that the run began with
 */
export async function readPictures(
  folder: Folder,
  { pictures, config, name }: RunRecord,
  state: RunState | null,
): Promise<Pictures | null> {
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
