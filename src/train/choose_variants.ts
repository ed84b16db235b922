/** Which kernel variants a new run uses: measured once for an adapter and remembered, or taken from the built-in table. */
import { version } from "../../package.json";
import type { Choices } from "../gpu/choices.ts";
import type { Stream } from "../gpu/stream.ts";
import { type Convolution, choiceKey } from "../kernels/choices.ts";
import { autotune, choicesOf, rateOf } from "./autotune.ts";

/** What was measured on one adapter. */
export interface Measured {
  /** Flops per millisecond. */
  rate: number;
  choices: Record<string, string>;
}

/** How a run gets its choices: measured and remembered, from the built-in table, or whichever suits the adapter. */
export type VariantSource = "auto" | "measure" | "table" | Measured;

/** Stores the measurements as one text. */
export interface VariantMemory {
  /** Null if nothing is stored. */
  read(): Promise<string | null>;
  write(text: string): Promise<void>;
}

/** One entry per adapter and version, because another version may have other kernels. */
const keyOf = (adapter: string) => `${version} ${adapter}`;

/**
 * Makes the stream use the source's choices for these shapes. `auto` measures on a GPU; a software adapter, whose
 * compiler is slow, takes the table, which was itself made by measuring.
 * @param onProgress called while measuring, if there is anything to measure
 */
export async function chooseVariants(
  stream: Stream,
  convolutions: readonly Convolution[],
  source: VariantSource,
  memory: VariantMemory,
  onProgress: (done: number, of: number) => void,
): Promise<void> {
  const way = source === "auto" ? (stream.gpu.software ? "table" : "measure") : source;
  if (way === "table") return;
  const { rate, choices } = way === "measure" ? await measured(stream, convolutions, memory, onProgress) : way;
  stream.choices.chosen = new Map(Object.entries(choices));
  stream.pacing.assumeRate(rate);
}

async function measured(
  { gpu }: Stream,
  convolutions: readonly Convolution[],
  memory: VariantMemory,
  onProgress: (done: number, of: number) => void,
): Promise<Measured> {
  const file = await recall(memory);
  const before = file[keyOf(gpu.name)];
  const known: Choices = new Map(Object.entries(before?.choices ?? {}));
  const missing = convolutions.some(({ pass, geometry }) => !known.has(choiceKey(pass, geometry)));
  if (before && !missing) return before;
  const found = await autotune(gpu, convolutions, { known, onProgress });
  const choices = Object.fromEntries([...known, ...choicesOf(found)]);
  const now = { rate: before?.rate ?? rateOf(found), choices };
  try {
    await memory.write(JSON.stringify({ ...file, [keyOf(gpu.name)]: now }, null, 1));
  } catch {
    // If the result cannot be stored, the next start only takes a few seconds longer.
  }
  return now;
}

async function recall(memory: VariantMemory): Promise<Record<string, Measured>> {
  try {
    const file = JSON.parse((await memory.read()) ?? "{}") as Record<string, Measured>;
    return Object.fromEntries(Object.entries(file).filter(([, entry]) => isMeasured(entry)));
  } catch {
    return {};
  }
}

export function isMeasured(value: unknown): value is Measured {
  const { rate, choices } = (value ?? {}) as Partial<Measured>;
  return (
    typeof rate === "number" &&
    rate > 0 &&
    typeof choices === "object" &&
    choices !== null &&
    Object.values(choices).every((text) => typeof text === "string")
  );
}
