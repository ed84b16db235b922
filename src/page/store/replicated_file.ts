/**
 * A small JSON document in two files that are written in turn, each with a counter and a checksum: if one write fails or
 * a crash interrupts it, the other file still holds the previous version.
 */
import { checksum } from "./checksum.ts";
import type { Folder } from "./folder.ts";

interface Copy {
  generation: number;
  checksum: string;
  /** The document's JSON as text, which the checksum covers. */
  text: string;
}

/** At least one of the two files exists, and none of them is intact. */
export class DamagedCopiesError extends Error {}

/**
 * The newer of the intact copies; null when neither file exists.
 * @throws DamagedCopiesError, and what reading throws: an older copy must not pass for the newest one
 */
export async function readReplicated<T>(folder: Folder, name: string): Promise<T | null> {
  const { newest, found } = await readCopies(folder, name);
  if (newest) return JSON.parse(newest.text) as T;
  if (found) throw new DamagedCopiesError(`both copies of ${name} are damaged`);
  return null;
}

/** @throws StorageFullError and other errors of the folder; the document then reads as before */
export async function writeReplicated<T>(folder: Folder, name: string, value: T): Promise<void> {
  const generation = ((await readCopies(folder, name)).newest?.generation ?? -1) + 1;
  const text = JSON.stringify(value);
  const copy: Copy = { generation, checksum: checksumOf(generation, text), text };
  await folder.write(copyName(name, generation), new TextEncoder().encode(JSON.stringify(copy)));
}

async function readCopies(folder: Folder, name: string): Promise<{ newest: Copy | null; found: boolean }> {
  const files = await Promise.all([0, 1].map((i) => folder.read(copyName(name, i))));
  const copies = files.map(parseCopy).filter((copy) => copy !== null);
  const [newest = null] = copies.sort((a, b) => b.generation - a.generation);
  return { newest, found: files.some((file) => file !== null) };
}

function copyName(name: string, generation: number): string {
  return `${name}.${generation % 2}.json`;
}

function parseCopy(bytes: Uint8Array | null): Copy | null {
  if (bytes === null) return null;
  try {
    const copy = JSON.parse(new TextDecoder().decode(bytes)) as Copy;
    return copy.checksum === checksumOf(copy.generation, copy.text) ? copy : null;
  } catch {
    return null;
  }
}

function checksumOf(generation: number, text: string): string {
  return checksum(new TextEncoder().encode(`${generation} ${text}`));
}
