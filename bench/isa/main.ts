/**
 * `npm run bench:isa`. Exit codes: 0 success; 1 a program does not compile or, with --check, exceeds a limit; 2 a mistake
 * that the user can fix, or something missing on this machine.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { writeFileAtomically } from "../../src/cli/files.ts";
import { UserError } from "../../src/cli/user_error.ts";
import { type Analysis, analyse } from "./analysis.ts";
import { compileFor } from "./compiler.ts";
import { violations } from "./limits.ts";
import { isaCache, missingTools, openMesa } from "./mesa.ts";
import { help, type Options, readOptions } from "./options.ts";
import { isaPrograms } from "./programs.ts";
import { tables, withTables } from "./report.ts";
import { openShim } from "./shim.ts";

const documentFile = join("docs", "performance.md");
/** Progress goes to stderr, so that stdout contains only the tables. */
const say = (line: string) => console.error(line);

async function run(options: Options): Promise<number> {
  const missing = missingTools();
  if (missing.length > 0) throw new UserError(`this needs ${missing.join("; and ")}`);
  const programs = (await isaPrograms()).filter(({ name }) => name.includes(options.filter ?? ""));
  if (programs.length === 0)
    throw new UserError(`--filter ${options.filter}: no program has this in its name; try shared`);

  const mesa = openMesa(options.mirror, () => say(`downloading Mesa (70 MB) to ${isaCache()}, once`));
  const shim = openShim(mesa);
  const results: Analysis[] = [];
  let adapter = "";
  for (const family of options.families) {
    const folder = resolve(options.out ?? join(isaCache(), "output"), family.name);
    const found = compileFor(family.name, programs, { mesa, shim, folder });
    say(`${family.name}: ${programs.length} compiled, all about them in ${folder}`);
    adapter = found.adapter;
    for (const compiled of found.compiled) results.push(analyse(compiled, family, options.model));
  }
  const { version } = createRequire(import.meta.url)("webgpu/package.json");
  const source = { adapter, webgpu: version, families: options.families };
  return await report(results, options, tables(results, source), source.adapter);
}

async function report(results: readonly Analysis[], options: Options, text: string, adapter: string): Promise<number> {
  if (options.json !== null) {
    await writeFileAtomically(options.json, `${JSON.stringify({ adapter, results }, null, 1)}\n`);
  }
  if (options.write) {
    await writeFileAtomically(documentFile, withTables(readFileSync(documentFile, "utf8"), text));
    say(`wrote ${documentFile}`);
    return 0;
  }
  if (!options.check) {
    console.log(text);
    return 0;
  }
  const found = violations(results);
  for (const line of found) console.log(line);
  console.log(`${results.length} programs checked, ${found.length} limits exceeded`);
  return found.length > 0 ? 1 : 0;
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === null) process.stdout.write(help);
  else process.exitCode = await run(options);
} catch (error) {
  console.error(`bench:isa: ${(error as Error).message}`);
  process.exitCode = error instanceof UserError ? 2 : 1;
}
