/** `catgan export`: writes a file with only what drawing needs from a run. */
import { stat } from "node:fs/promises";
import { GpuError } from "../gpu/gpu.ts";
import { Stream } from "../gpu/stream.ts";
import type { RunState } from "../train/checkpoint.ts";
import { checkCredit, checkDrawable, encodeGenerator, generatorFrom } from "../train/generator_file.ts";
import { decodeSafetensors } from "../train/safetensors.ts";
import { drawPictures } from "../train/sampler.ts";
import { openAdapter } from "./adapter.ts";
import { readCheckpoint } from "./checkpoint_files.ts";
import type { ExportCommand } from "./commands/export.ts";
import { warn } from "./describe.ts";
import { writeFileAtomically } from "./files.ts";
import { checkOutput, inputsOfSource } from "./output_file.ts";
import { commandLine, grouped, Reporter } from "./progress.ts";
import { asUserError, UserError } from "./user_error.ts";

/** How many pictures are drawn from both files for comparison. */
const compared = 64;
/** Mean difference in levels of 255 from which it can be seen. */
const visible = 2;

/**
 * Writes a generator file, and reports how much its pixels differ from the run's.
 * @returns the exit code
 * @throws UserError when the run cannot be used or the file cannot be written
 */
export async function exportCommand(options: ExportCommand): Promise<number> {
  const { source, out, f32, credit, force } = options;
  await checkOutput({ path: out, extension: ".safetensors", inputs: await inputsOfSource(source), force });
  const checkpoint = await readCheckpoint(source, (state) => void checkDrawable(state));
  if (credit !== null) asUserError(() => checkCredit(credit));
  if (checkpoint.warning !== null) warn(checkpoint.warning);
  const reporter = new Reporter(process.stdout, options.json);
  const gpu = await openAdapter(options.adapter);
  try {
    const stream = new Stream(gpu);
    const bytes = await encodeGenerator(stream, checkpoint, { half: !f32, credit }).catch((error) => {
      if (error instanceof GpuError) throw error;
      const option = error.message.includes("f16") ? " (--f32)" : "";
      throw new UserError(`${checkpoint.path}: ${error.message}${option}`);
    });
    const exported = decodeSafetensors(bytes);
    checkFinite(exported, checkpoint.path);
    const { mean, max } = difference(await drawn(stream, checkpoint), await drawn(stream, exported));
    await writeFileAtomically(out, bytes);
    const { size } = await stat(out);
    const { step } = exported.metadata;
    reporter.event({
      event: "export",
      path: out,
      bytes: size,
      f32,
      step: Number(step),
      meanError: mean,
      maxError: max,
    });
    const numbers = f32 ? "f32" : "filters in f16";
    reporter.line(`  ${reporter.bold(out)}: a generator after ${grouped(Number(step))} steps`);
    reporter.fact("size", `${(size / 1e6).toFixed(1)} MB, ${numbers}`);
    reporter.fact("pixels", `${mean.toFixed(2)} of 255 different from the run's on average, ${max} at most`);
    if (mean > visible) reporter.line("  Rounding to f16 can be seen: --f32 keeps every number.");
    reporter.fact("draw", commandLine("sample", out));
    return 0;
  } finally {
    reporter.clear();
    gpu.destroy();
  }
}

/** Statistics may overflow where weights do not. @throws UserError when a number of the new file is not finite */
function checkFinite({ tensors }: RunState, source: string): void {
  for (const [name, { data }] of tensors) {
    if (data.every(Number.isFinite)) continue;
    throw new UserError(`${source}: ${name} would have numbers that are not finite: export an earlier checkpoint`);
  }
}

/** The pictures of the run's sample grids. @returns [compared, size, size, 3], u8 */
async function drawn(stream: Stream, state: RunState): Promise<Uint8Array> {
  const generator = generatorFrom(stream, state);
  return (await drawPictures(stream, generator, { count: compared, seed: generator.seed })).pixels;
}

/** The mean and the maximum difference, in levels of 255. */
function difference(a: Uint8Array, b: Uint8Array): { mean: number; max: number } {
  const errors = a.map((value, i) => Math.abs(value - b[i]));
  return {
    mean: errors.reduce((sum, error) => sum + error, 0) / errors.length,
    max: errors.reduce((max, error) => Math.max(max, error), 0),
  };
}
