import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandLine } from "./progress.ts";
import { UserError } from "./user_error.ts";

/** The generator file that comes with the package, beside its dist/. @throws UserError where it is not there */
export function shippedWeights(): string {
  const path = join(dirname(fileURLToPath(import.meta.url)), "..", "weights", "cats64.safetensors");
  if (existsSync(path)) return path;
  throw new UserError(
    `the weights that come with catgan are not at ${path}: name a run or a file, as in ${commandLine("sample", "runs/mine")}`,
  );
}
