import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandLine } from "./progress.ts";
import { UserError } from "./user_error.ts";

/** The bundled generator file, next to dist/. @throws UserError if it is missing */
export function shippedWeights(): string {
  const path = join(dirname(fileURLToPath(import.meta.url)), "..", "weights", "cats64.safetensors");
  if (existsSync(path)) return path;
  throw new UserError(
    `the bundled weights are missing at ${path}: give a run or a file, as in ${commandLine("sample", "runs/mine")}`,
  );
}
