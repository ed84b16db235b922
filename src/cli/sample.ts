/** `catgan sample`: new pictures from a trained generator. */

import { encodeGif } from "../data/gif.ts";
import { enlargedGrid, gridExtent, pictureGrid, squareColumns } from "../data/grid.ts";
import { type Image, scaled } from "../data/image.ts";
import { Stream } from "../gpu/stream.ts";
import { checkDrawable, generatorFrom, type LoadedGenerator } from "../train/generator_file.ts";
import { drawPictures, measureMoments, Sampler } from "../train/sampler.ts";
import { latentsOf, type Place } from "../train/walk.ts";
import { openAdapter } from "./adapter.ts";
import { readCheckpoint } from "./checkpoint_files.ts";
import type { SampleCommand } from "./commands/sample.ts";
import { warn } from "./describe.ts";
import { writeFileAtomically } from "./files.ts";
import { checkOutput, inputsOfSource } from "./output_file.ts";
import { encodePng } from "./png.ts";
import { grouped, Reporter } from "./progress.ts";
import { shippedWeights } from "./shipped_weights.ts";
import { asUserError, UserError } from "./user_error.ts";

/** Size of the largest image in memory, in bytes. */
const maxBytes = 2 ** 30;
/** Seconds of a walk from one cat to the next. */
const legSeconds = 1.6;
/** A film is enlarged to about this width, in pixels. */
const filmWidth = 480;
/** Maximum number of walks side by side. */
const maxWalks = 256;

/**
 * Draws `n` pictures into one PNG, or a film of `n` walks into one GIF.
 * @returns the exit code
 * @throws UserError when the checkpoint cannot be used or the file cannot be written
 */
export async function sampleCommand(options: SampleCommand): Promise<number> {
  const { n, seed, walk, json, force } = options;
  const source = options.source ?? shippedWeights();
  const out = options.out ?? (walk ? `walk-seed${seed}.gif` : `cats-seed${seed}.png`);
  await checkOutput({ path: out, extension: walk ? ".gif" : ".png", inputs: await inputsOfSource(source), force });
  const checkpoint = await readCheckpoint(source, (state) => void checkDrawable(state));
  if (checkpoint.warning !== null) warn(checkpoint.warning);
  const columns = Math.min(n, options.columns ?? squareColumns(n));
  const reporter = new Reporter(process.stdout, json);
  const gpu = await openAdapter(options.adapter);
  try {
    const stream = new Stream(gpu);
    const generator = asUserError(() => generatorFrom(stream, checkpoint));
    const { step, credit } = generator;
    const { size } = generator.architecture;
    const { width, height } = gridExtent(n, size, columns);
    if (width * height * 4 > maxBytes) {
      throw new UserError(`${n} pictures make an image of ${width}×${height} pixels: ask for fewer (--n)`);
    }
    const order = { stream, generator, n, seed, columns };
    const frames = walk ? await writeWalk(out, order, walk, reporter) : await writeGrid(out, order, reporter);
    reporter.clear();
    reporter.event({ event: "sample", adapter: gpu.name, path: out, n, frames, seed, step, credit });
    reporter.line(`  adapter  ${gpu.name}`);
    const what = walk ? `${frames} frames` : `${n} cat${n > 1 ? "s" : ""}`;
    reporter.line(`  ${what} after ${grouped(step)} steps: ${reporter.bold(out)}`);
    if (credit !== null) reporter.fact("credit", credit);
    return 0;
  } finally {
    reporter.clear();
    gpu.destroy();
  }
}

/** What to draw, and the generator to draw it with. */
interface Order {
  stream: Stream;
  generator: LoadedGenerator;
  n: number;
  seed: number;
  columns: number;
}

/** @returns the number of frames: one */
async function writeGrid(
  out: string,
  { stream, generator, n, seed, columns }: Order,
  reporter: Reporter,
): Promise<number> {
  const pictures = await drawPictures(stream, generator, { count: n, seed }, (done, total) =>
    reporter.preparing("drawing", done, total),
  );
  reporter.clear();
  await writeFileAtomically(out, encodePng(enlargedGrid(pictures, columns)));
  return 1;
}

/** @returns the number of frames */
async function writeWalk(
  out: string,
  { stream, generator, n, seed, columns }: Order,
  { stops, fps }: { stops: number; fps: number },
  reporter: Reporter,
): Promise<number> {
  if (n > maxWalks) throw new UserError(`--grid: ${n} walks side by side, at most ${maxWalks} are possible`);
  const { network, parameters } = generator;
  const { z } = generator.architecture;
  const running = generator.running ?? (await measureMoments(stream, network, parameters, seed));
  const sampler = new Sampler(stream, network, { parameters, running, n, seed });
  // Every walk has its own cats.
  const walks = Array.from({ length: n }, (_, walk) =>
    Array.from({ length: stops }, (_, stop): Place => ({ kind: "cat", seed, index: walk * stops + stop })),
  );
  const count = Math.round(stops * legSeconds * fps);
  async function* frames(): AsyncGenerator<Image> {
    for (let frame = 0; frame < count; frame++) {
      reporter.preparing("drawing", frame, count);
      const position = (frame * stops) / count;
      const places = walks.map((through): Place => ({ kind: "stroll", through, position }));
      const image = pictureGrid(await sampler.drawLatents(latentsOf(places, z)), columns);
      yield scaled(image, Math.max(1, Math.floor(filmWidth / image.width)));
    }
  }
  await writeFileAtomically(out, encodeGif(frames(), { delay: 1000 / fps, lastDelay: 1000 / fps }));
  return count;
}
