import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { dependencies, optionalDependencies } from "../../package.json";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Packages that the files of a folder under src/ import. */
function imported(folder: string): string[] {
  const names = readdirSync(join(root, "src", folder), { recursive: true, encoding: "utf8" });
  const sources = names.filter((name) => name.endsWith(".ts")).map((name) => join(root, "src", folder, name));
  const text = sources.map((path) => readFileSync(path, "utf8")).join("\n");
  const found = text.matchAll(/^(?:import .* from |.*\bimport\()"((?:@[^/"]+\/)?[^/".:]+)[/"]/gm);
  return [...found].map(([, name]) => name);
}

test("the command line's bundle contains the notices of every package in it", () => {
  const notices = readFileSync(join(root, "dist", "catgan-third-party.md"), "utf8").matchAll(
    /^## (\S+) - \S+ \((.+)\)$/gm,
  );
  const licences = new Map([...notices].map(([, name, licence]) => [name, licence]));
  const installed = Object.keys({ ...dependencies, ...optionalDependencies });
  const bundled = new Set(["cli", "data", "train"].flatMap(imported).filter((name) => !installed.includes(name)));
  expect(bundled).toContain("papaparse");
  expect([...licences.keys()]).toEqual(expect.arrayContaining([...bundled]));
  for (const licence of licences.values()) expect(licence).toMatch(/^(MIT|ISC|BSD-\d-Clause|Apache-2\.0|MPL-2\.0)$/);
});
