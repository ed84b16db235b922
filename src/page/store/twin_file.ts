/**
 * A small JSON document in two files that are written in turn, each with a counter and a checksum: whatever happens
 * while one is written, the other still says what was true before.
 */
import { checksum } from "./checksum.ts";
import type { Folder } from "./folder.ts";

interface Twin {
  generation: number;
  checksum: string;
  /** The document's JSON as text, which is what the checksum is of. */
  text: string;
}

/** The newest of the two that is whole; null where neither is. */
export async function readTwin<T>(folder: Folder, name: string): Promise<T | null> {
  const newest = await newestTwin(folder, name);
  return newest && (JSON.parse(newest.text) as T);
}

/** @throws StorageFullError and others of the folder; the document is then as it was */
export async function writeTwin<T>(folder: Folder, name: string, value: T): Promise<void> {
  const generation = ((await newestTwin(folder, name))?.generation ?? -1) + 1;
  const text = JSON.stringify(value);
  const twin: Twin = { generation, checksum: checksumOf(generation, text), text };
  await folder.write(twinName(name, generation), new TextEncoder().encode(JSON.stringify(twin)));
}

async function newestTwin(folder: Folder, name: string): Promise<Twin | null> {
  const twins = await Promise.all([0, 1].map(async (i) => parseTwin(await folder.read(twinName(name, i)))));
  const whole = twins.filter((twin) => twin !== null).sort((a, b) => b.generation - a.generation);
  return whole[0] ?? null;
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
