/**
 * A small JSON document in two files that are written in turn, each with a counter and a checksum: if one write fails or
 * a crash interrupts it, the other file still holds the previous version.
 */
import { checksum } from "./checksum.ts";
import type { Folder } from "./folder.ts";

interface Twin {
  generation: number;
  checksum: string;
  /** The document's JSON as text, which the checksum covers. */
  text: string;
}

/** At least one of the two files exists, and none of them is intact. */
export class DamagedTwinsError extends Error {}

/**
 * The newer of the intact copies; null when neither file exists.
 * @throws DamagedTwinsError, and what reading throws: an older copy must not pass for the newest one
 */
export async function readTwin<T>(folder: Folder, name: string): Promise<T | null> {
  const { newest, found } = await readTwins(folder, name);
  if (newest) return JSON.parse(newest.text) as T;
  if (found) throw new DamagedTwinsError(`both copies of ${name} are damaged`);
  return null;
}

/** @throws StorageFullError and other errors of the folder; the document then reads as before */
export async function writeTwin<T>(folder: Folder, name: string, value: T): Promise<void> {
  const generation = ((await readTwins(folder, name)).newest?.generation ?? -1) + 1;
  const text = JSON.stringify(value);
  const twin: Twin = { generation, checksum: checksumOf(generation, text), text };
  await folder.write(twinName(name, generation), new TextEncoder().encode(JSON.stringify(twin)));
}

async function readTwins(folder: Folder, name: string): Promise<{ newest: Twin | null; found: boolean }> {
  const files = await Promise.all([0, 1].map((i) => folder.read(twinName(name, i))));
  const twins = files.map(parseTwin).filter((twin) => twin !== null);
  const [newest = null] = twins.sort((a, b) => b.generation - a.generation);
  return { newest, found: files.some((file) => file !== null) };
}

function twinName(name: string, generation: number): string {
  return `${name}.${generation % 2}.json`;
}

function parseTwin(bytes: Uint8Array | null): Twin | null {
  if (bytes === null) return null;
  try {
    const twin = JSON.parse(new TextDecoder().decode(bytes)) as Twin;
    return twin.checksum === checksumOf(twin.generation, twin.text) ? twin : null;
  } catch {
    return null;
  }
}

function checksumOf(generation: number, text: string): string {
  return checksum(new TextEncoder().encode(`${generation} ${text}`));
}
