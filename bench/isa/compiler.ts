/** Runs compile.ts on a GPU that Mesa simulates, and collects what the compiler says about each program. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Job, Output } from "./compile.ts";
import type { Mesa } from "./mesa.ts";
import type { IsaProgram } from "./programs.ts";
import type { Shim } from "./shim.ts";

/** What the compiler says about one program on one family. */
export interface Compiled {
  readonly program: IsaProgram;
  /** The statistics as vulkan_shim.c writes them. */
  readonly statistics: string;
  readonly disassembly: string;
}

export interface FamilyResult {
  /** The adapter's name, with Mesa's version. */
  readonly adapter: string;
  readonly compiled: readonly Compiled[];
}

/**
 * Compiles all programs for a family. About five seconds.
 * @param folder receives the files
 * @throws Error that names the program that does not compile
 */
export function compileFor(
  family: string,
  programs: readonly IsaProgram[],
  { mesa, shim, folder }: { mesa: Mesa; shim: Shim; folder: string },
): FamilyResult {
  mkdirSync(folder, { recursive: true });
  const pathOf = ({ name }: IsaProgram) => join(folder, name.replaceAll(/[^\w.=]+/g, "_"));
  const jobs: Job[] = programs.map((program) => ({
    files: program.files,
    constants: program.constants,
    path: pathOf(program),
  }));
  // So that no earlier run's file is taken for this one's.
  for (const { path } of jobs) for (const ending of ["txt", "s"]) rmSync(`${path}.${ending}`, { force: true });
  const list = join(folder, "jobs.json");
  writeFileSync(list, JSON.stringify(jobs));
  const adapter = runInMesa(family, [fileURLToPath(new URL("compile.mjs", import.meta.url)), list], mesa, shim);
  const compiled = programs.map((program) => ({
    program,
    statistics: readFileSync(`${pathOf(program)}.txt`, "utf8"),
    disassembly: readFileSync(`${pathOf(program)}.s`, "utf8"),
  }));
  return { adapter, compiled };
}

/** @returns the adapter's name */
function runInMesa(family: string, args: readonly string[], { libraries }: Mesa, shim: Shim): string {
  const { LD_LIBRARY_PATH: _, LD_PRELOAD: __, ...inherited } = process.env;
  const env = {
    ...inherited,
    RADV_FORCE_FAMILY: family,
    MESA_SHADER_CACHE_DISABLE: "true",
    VK_DRIVER_FILES: shim.driver,
    VK_ICD_FILENAMES: shim.driver,
    VK_LOADER_LAYERS_DISABLE: "~all~",
    NODEVICE_SELECT: "1",
    CATGAN_ISA_VULKAN: shim.vulkan,
  };
  const node = realpathSync(process.execPath);
  const words = ["--library-path", `${shim.folder}:${libraries}`, node, ...args];
  const { status, signal, stdout, stderr } = spawnSync(shim.loader, words, {
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const outputs = (stdout ?? "")
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Output);
  const failed = outputs.find((output) => "error" in output);
  if (failed) throw new Error(`${family}: ${failed.error}`);
  const [first] = outputs;
  if (status !== 0 || !first || !("adapter" in first)) {
    throw new Error(`${family}: the compiler's process ended with ${signal ?? status}: ${(stderr ?? "").trim()}`);
  }
  if (first.adapter === null) throw new Error(`${family}: Mesa offers no such GPU: ${(stderr ?? "").trim()}`);
  return first.adapter;
}
