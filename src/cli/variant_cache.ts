/** Which kernel variants a training run uses: measured once for an adapter and remembered in the user's cache folder. */
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { version } from "../../package.json";
import type { Stream } from "../gpu/stream.ts";
import { type Choices, type Convolution, choiceKey, choose } from "../kernels/variants.ts";
import { calibrate, choicesOf, rateOf } from "../train/calibrate.ts";
import type { Reporter } from "./progress.ts";
import { writeFileAtomically } from "./run_folder.ts";
import { cacheFolder } from "./user_cache.ts";
import { UserError } from "./user_error.ts";

/** What was measured on one adapter. */
export interface Measured {
  /** Flops per millisecond. */
  rate: number;
  choices: Record<string, string>;
}

/** One entry an adapter and version: another version may have other kernels. */
const cachePath = () => join(cacheFolder(), "variants.json");
const cacheKey = (adapter: string) => `${version} ${adapter}`;

/** How a run comes to its choices: measured and remembered, or the built-in table, or as the adapter's kind suggests. */
export type VariantSource = "auto" | "measure" | "table" | Measured;

/**
 * What `--variants` stands for.
 * @param text `auto`, `measure`, `table`, or a file that `catgan bench --variants --json` wrote
 * @throws UserError when the file cannot be read
 */
export function readVariantSource(text: string): VariantSource {
  return text === "auto" || text === "measure" || text === "table" ? text : readMeasured(text);
}

/**
 * Makes the stream use the source's choices for these shapes. `auto` measures on a GPU; a software adapter takes the
 * table, which was made by measuring, as its compiler is slow.
 */
export async function chooseVariants(
  stream: Stream,
  convolutions: readonly Convolution[],
  source: VariantSource,
  reporter: Reporter,
): Promise<void> {
  const way = source === "auto" ? (stream.gpu.software ? "table" : "measure") : source;
  if (way === "table") return;
  const { rate, choices } = way === "measure" ? await measured(stream, convolutions, reporter) : way;
  choose(stream, new Map(Object.entries(choices)));
  stream.assumeRate(rate);
}

async function measured({ gpu }: Stream, convolutions: readonly Convolution[], reporter: Reporter): Promise<Measured> {
  const file = readCache();
  const before = file[cacheKey(gpu.name)];
  const known: Choices = new Map(Object.entries(before?.choices ?? {}));
  const missing = convolutions.some(({ pass, geometry }) => !known.has(choiceKey(pass, geometry)));
  if (before && !missing) return before;
  const found = await calibrate(gpu, convolutions, {
    known,
    onProgress: (done, of) => reporter.preparing("choosing kernels for this GPU", done, of),
  });
  const choices = Object.fromEntries([...known, ...choicesOf(found)]);
  const now = { rate: before?.rate ?? rateOf(found), choices };
  try {
    mkdirSync(dirname(cachePath()), { recursive: true, mode: 0o700 });
    await writeFileAtomically(cachePath(), JSON.stringify({ ...file, [cacheKey(gpu.name)]: now }, null, 1));
  } catch {
    // A cache that cannot be written costs the next start a few seconds, and nothing else.
  }
  return now;
}

function readCache(): Record<string, Measured> {
  try {
    const file = JSON.parse(readFileSync(cachePath(), "utf8")) as Record<string, Measured>;
    return Object.fromEntries(Object.entries(file).filter(([, entry]) => isMeasured(entry)));
  } catch {
    return {};
  }
}

/** @throws UserError */
function readMeasured(path: string): Measured {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new UserError(`--variants ${path}: cannot be read as JSON (${(error as Error).message.split("\n")[0]})`);
  }
  if (!isMeasured(content)) {
    throw new UserError(`--variants ${path}: has no "rate" and "choices", expected what bench --variants --json wrote`);
  }
  return content;
}

function isMeasured(value: unknown): value is Measured {
  const { rate, choices } = (value ?? {}) as Partial<Measured>;
  return (
    typeof rate === "number" &&
    rate > 0 &&
    typeof choices === "object" &&
    choices !== null &&
    Object.values(choices).every((text) => typeof text === "string")
  );
}
