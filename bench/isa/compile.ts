/**
 * Compiles programs in Dawn, for vulkan_shim.c to write down what the driver makes of them. compiler.ts runs this in a
 * process of its own, whose Vulkan is Mesa's AMD driver without a GPU.
 *
 *   node compile.mjs JOBS.json
 *
 * JOBS is a list of { files, constants, path }. Prints one JSON object per line: the adapter, then errors, if any.
 */
import { readFileSync } from "node:fs";
import { create } from "webgpu";
import { describeAdapter, Gpu } from "../../src/gpu/gpu.ts";
import { type ProgramSource, program } from "../../src/gpu/program.ts";

/** A program, and the path without ending of the files about it. */
export interface Job extends ProgramSource {
  readonly path: string;
}

/** What is printed. */
export type Output = { adapter: string | null } | { path: string; error: string };

const print = (output: Output) => process.stdout.write(`${JSON.stringify(output)}\n`);

const instance = create(["backend=vulkan"]);
// The process crashes if a Dawn instance is garbage-collected while one of its devices exists.
Object.assign(globalThis, { instance });
const adapter = await instance.requestAdapter();
print({ adapter: adapter && describeAdapter(adapter.info) });
if (adapter) {
  const gpu = await Gpu.open(adapter);
  for (const { files, constants, path } of JSON.parse(readFileSync(process.argv[2], "utf8")) as Job[]) {
    // Read by the shim for each pipeline: Node writes process.env through to the C library's environment.
    process.env.CATGAN_ISA_PATH = path;
    await program(gpu, files, constants).compiled.catch((error) => print({ path, error: (error as Error).message }));
  }
}
// Without destroying the device, which would wait for work that this driver cannot do.
await new Promise((resolve) => process.stdout.write("", resolve));
process.exit(0);
