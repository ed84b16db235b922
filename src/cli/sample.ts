/** `catgan sample`: new pictures from a trained generator. */

import { pictureGrid } from "../data/grid.ts";
import { enlarge } from "../data/image.ts";
import { Stream } from "../gpu/stream.ts";
import { gridExtent } from "../kernels/grid_extent.ts";
import { generatorFrom } from "../train/generator_file.ts";
import { drawPictures } from "../train/sampler.ts";
import { openAdapter } from "./adapter.ts";
import { warn } from "./describe.ts";
import type { SampleCommand } from "./options.ts";
import { encodePng } from "./png.ts";
import { grouped, Reporter } from "./progress.ts";
import { readCheckpoint, writeFileAtomically } from "./run_folder.ts";
import { shippedWeights } from "./shipped_weights.ts";
import { asUserError, UserError } from "./user_error.ts";

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
    const { step, credit } = artist;
    const { size } = artist.architecture;
    const { width, height } = gridExtent(n, size, columns);
    if (width * height * 4 > mostBytes) {
      throw new UserError(`${n} pictures make an image of ${width}×${height} pixels: ask for fewer (--n)`);
    }
    const pictures = await drawPictures(stream, artist, { count: n, seed }, (done, total) =>
      reporter.preparing("drawing", done, total),
    );
    reporter.clear();
    await writeFileAtomically(out, encodePng(enlarge(pictureGrid(pictures, columns), size)));
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
