/** `catgan sample`: new pictures from a trained generator. */

import { cutColumn, pictureGrid } from "../data/grid.ts";
import { enlarge } from "../data/image.ts";
import { Stream } from "../gpu/stream.ts";
import { gridExtent } from "../kernels/grid_extent.ts";
import { generatorFrom } from "../train/generator_file.ts";
import { Sampler } from "../train/sampler.ts";
import { openAdapter } from "./adapter.ts";
import { warn } from "./describe.ts";
import type { SampleCommand } from "./options.ts";
import { encodePng } from "./png.ts";
import { grouped, Reporter } from "./progress.ts";
import { readCheckpoint, writeFileAtomically } from "./run_folder.ts";
import { shippedWeights } from "./shipped_weights.ts";
import { asUserError, UserError } from "./user_error.ts";

/** Pictures drawn at once. Always as many, so that a seed's first pictures do not depend on how many are asked for. */
const partSize = 64;
/** Of an image's bytes. */
const mostBytes = 2 ** 30;

/**
 * Draws `n` pictures into one PNG.
 * @returns the exit code
 * @throws UserError when the checkpoint cannot be used or the file not be written
 */
export async function sampleCommand(options: SampleCommand): Promise<number> {
  const { n, seed, json } = options;
  const checkpoint = await readCheckpoint(options.source ?? shippedWeights());
  if (checkpoint.warning !== null) warn(checkpoint.warning);
  const columns = Math.min(n, options.columns ?? Math.ceil(Math.sqrt(n)));
  const out = options.out ?? `cats-seed${seed}.png`;
  const reporter = new Reporter(process.stdout, json);
  const gpu = await openAdapter(options.adapter);
  try {
    const stream = new Stream(gpu);
    const artist = asUserError(() => generatorFrom(stream, checkpoint));
    const { network, parameters, running, step, credit } = artist;
    const { size } = artist.architecture;
    const { width, height } = gridExtent(n, size, columns);
    if (width * height * 4 > mostBytes) {
      throw new UserError(`${n} pictures make an image of ${width}×${height} pixels: ask for fewer (--n)`);
    }
    const sampler = new Sampler(stream, network, { parameters, running, n: partSize, columns: 1, seed });
    const pixels = new Uint8Array(n * size * size * 3);
    for (let first = 0; first < n; first += partSize) {
      reporter.preparing("drawing", first, n);
      const count = Math.min(partSize, n - first);
      pixels.set(cutColumn(await sampler.draw(first / partSize), size, count), first * size * size * 3);
    }
    reporter.clear();
    await writeFileAtomically(out, encodePng(enlarge(pictureGrid({ size, count: n, pixels }, columns), size)));
    reporter.event({ event: "sample", adapter: gpu.name, path: out, n, seed, step, credit });
    reporter.line(`  adapter  ${gpu.name}`);
    reporter.line(`  ${n} cat${n > 1 ? "s" : ""} after ${grouped(step)} steps: ${reporter.bold(out)}`);
    if (credit !== null) reporter.fact("credit", credit);
    return 0;
  } finally {
    reporter.clear();
    gpu.destroy();
  }
}
