/** Random damage for a few seconds in `npm test` and for minutes in `npm run fuzz`. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { crc32 } from "../../src/data/crc32.ts";
import type { Later } from "../../src/data/inflate.ts";

const fuzzing = process.env.MODE === "fuzz";
const seconds = fuzzing ? 120 : 3;
const corpus = join(import.meta.dirname, "corpus");

/** For the numbers that decide about the damage: other ones in every `npm run fuzz`. */
export const fuzzSeed = fuzzing ? Date.now() % 2 ** 32 : 7;
/** Milliseconds. */
export const fuzzTimeout = 2000 * seconds + 60_000;

/** What must hold for every input. @throws Error that says what does not */
export type Property = (input: Uint8Array) => Later<void>;

/**
 * Checks the original, what is kept under its name in corpus/, and damaged originals until the time is over. An input that
 * shows a defect is kept in corpus/.
 * @param share of the time, for one of many small targets
 */
export async function fuzz(
  name: string,
  original: Uint8Array,
  damage: (original: Uint8Array, random: () => number) => Uint8Array,
  random: () => number,
  holds: Property,
  share = 1,
): Promise<void> {
  await holds(original);
  const kept = existsSync(corpus) ? readdirSync(corpus).filter((file) => file.startsWith(`${name}-`)) : [];
  for (const file of kept) await holds(new Uint8Array(readFileSync(join(corpus, file))));
  const end = performance.now() + 1000 * seconds * share;
  let inputs = 0;
  while (performance.now() < end) {
    const input = damage(original, random);
    inputs++;
    try {
      await holds(input);
    } catch (error) {
      mkdirSync(corpus, { recursive: true });
      const file = join(corpus, `${name}-${crc32(input).toString(16).padStart(8, "0")}`);
      writeFileSync(file, input);
      throw new Error(`kept as ${file}`, { cause: error });
    }
  }
  expect(inputs).toBeGreaterThan(100);
}
