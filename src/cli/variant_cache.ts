/** Where the command line gets its choices of kernel variants: from the user's cache folder, or from a given file. */
import { mkdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isMeasured, type Measured, type VariantMemory, type VariantSource } from "../train/choose_variants.ts";
import { writeFileAtomically } from "./files.ts";
import { cacheFolder } from "./user_cache.ts";
import { UserError } from "./user_error.ts";

const path = () => join(cacheFolder(), "variants.json");

/** `variants.json` in the user's cache folder. */
export const variantCache: VariantMemory = {
  read: () => readFile(path(), "utf8"),
  async write(text) {
    mkdirSync(dirname(path()), { recursive: true, mode: 0o700 });
    await writeFileAtomically(path(), text);
  },
};

/**
 * What `--variants` stands for.
 * @param text `auto`, `measure`, `table`, or a file that `catgan bench --variants --json` wrote
 * @throws UserError when the file cannot be read
 */
export function readVariantSource(text: string): VariantSource {
  return text === "auto" || text === "measure" || text === "table" ? text : readMeasured(text);
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
    throw new UserError(
      `--variants ${path}: has no "rate" and "choices"; expected a file written by bench --variants --json`,
    );
  }
  return content;
}
