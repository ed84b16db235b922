/** Random damage and exhaustive failures: some in `npm test`, many or all in `npm run fuzz`. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { crc32 } from "../../src/data/crc32.ts";
import type { Later } from "../../src/data/inflate.ts";
import { randomNumbers } from "../../src/verify/lab.ts";

export const fuzzing = process.env.MODE === "fuzz";
/** How long each target is fuzzed; in `npm test` also until it has had `minInputs` inputs, as a busy machine is slow. */
const seconds = fuzzing ? 120 : 3;
const minInputs = 1000;
const corpus = join(import.meta.dirname, "corpus");

/** The seed of the damage: another one in every `npm run fuzz`. */
export const fuzzSeed = fuzzing ? Date.now() % 2 ** 32 : 7;
if (fuzzing) console.log(`fuzz: seed ${fuzzSeed}`);
/** Of a test that fuzzes one target, in milliseconds. */
export const fuzzTimeout = 2000 * seconds + 60_000;

/** Whether every case is tried: in `npm run fuzz`, and in CI, which sets CATGAN_FAULTS=all. `npm test` tries a sample. */
export const everyCase = fuzzing || process.env.CATGAN_FAULTS === "all";

/** Which of `count` cases to try, in order: all, or a sample of the first, the last and `others` at random. */
export function sampled(count: number, others: number): number[] {
  const all = Array.from({ length: count }, (_, i) => i);
  if (everyCase || count <= others + 2) return all;
  const random = randomNumbers(fuzzSeed);
  const chosen = new Set([0, count - 1]);
  while (chosen.size < others + 2) chosen.add(Math.floor(random() * count));
  return all.filter((i) => chosen.has(i));
}

/** The cases to try. */
export function sampleOf<Case>(cases: readonly Case[], others = 0): Case[] {
  return sampled(cases.length, others).map((i) => cases[i]);
}

/** What must hold for every input. @throws Error that says what does not */
export type Property = (input: Uint8Array) => Later<void>;

/**
 * Checks the original, what is kept under its name in corpus/, and damaged originals. An input that shows a defect is kept
 * in corpus/.
 * @param share of the time or the inputs, for one of many small targets
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
  while (performance.now() < end || (!fuzzing && inputs < minInputs * share)) {
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
