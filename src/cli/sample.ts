/** `catgan sample`: new pictures from a trained generator. */

import { encodeGif } from "../data/gif.ts";
import { pictureGrid } from "../data/grid.ts";
import { enlarge, type Image, scaled } from "../data/image.ts";
import { Stream } from "../gpu/stream.ts";
import { gridExtent } from "../kernels/grid_extent.ts";
import { type Artist, checkDrawable, generatorFrom } from "../train/generator_file.ts";
import { drawPictures, measureStatistics, Sampler } from "../train/sampler.ts";
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

/** Of an image's bytes. */
const mostBytes = 2 ** 30;
/** Seconds of a walk from one cat to the next. */
const legSeconds = 1.6;
/** A film is enlarged to about this width, in pixels. */
const filmWidth = 480;
/** Ways that are walked side by side. */
const mostWays = 256;

/**
 * Draws `n` pictures into one PNG, or a film of `n` walks into one GIF.
 * @returns the exit code
 * @throws UserError when the checkpoint cannot be used or the file not be written
 */
export async function sampleCommand(options: SampleCommand): Promise<number> {
  const { n, seed, walk, json, force } = options;
  const source = options.source ?? shippedWeights();
  const out = options.out ?? (walk ? `walk-seed${seed}.gif` : `cats-seed${seed}.png`);
  await checkOutput({ path: out, extension: walk ? ".gif" : ".png", inputs: await inputsOfSource(source), force });
  const checkpoint = await readCheckpoint(source, (state) => void checkDrawable(state));
  if (checkpoint.warning !== null) warn(checkpoint.warning);
  const columns = Math.min(n, options.columns ?? Math.ceil(Math.sqrt(n)));
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
    const order = { stream, artist, n, seed, columns };
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

/** What is drawn, and with what. */
interface Order {
  stream: Stream;
  artist: Artist;
  n: number;
  seed: number;
  columns: number;
}

/** @returns how many frames: one */
async function writeGrid(
  out: string,
  { stream, artist, n, seed, columns }: Order,
  reporter: Reporter,
): Promise<number> {
  const pictures = await drawPictures(stream, artist, { count: n, seed }, (done, total) =>
    reporter.preparing("drawing", done, total),
  );
  reporter.clear();
  await writeFileAtomically(out, encodePng(enlarge(pictureGrid(pictures, columns), artist.architecture.size)));
  return 1;
}

/** @returns how many frames */
async function writeWalk(
  out: string,
  { stream, artist, n, seed, columns }: Order,
  { stops, fps }: { stops: number; fps: number },
  reporter: Reporter,
): Promise<number> {
  if (n > mostWays) throw new UserError(`--grid: ${n} ways side by side, the most is ${mostWays}`);
  const { network, parameters } = artist;
  const { z } = artist.architecture;
  const running = artist.running ?? (await measureStatistics(stream, network, parameters, seed));
  const sampler = new Sampler(stream, network, { parameters, running, n, columns, seed });
  // Every way has cats of its own.
  const ways = Array.from({ length: n }, (_, way) =>
    Array.from({ length: stops }, (_, stop): Place => ({ kind: "cat", seed, index: way * stops + stop })),
  );
  const count = Math.round(stops * legSeconds * fps);
  async function* frames(): AsyncGenerator<Image> {
    for (let frame = 0; frame < count; frame++) {
      reporter.preparing("drawing", frame, count);
      const position = (frame * stops) / count;
      const places = ways.map((through): Place => ({ kind: "stroll", through, position }));
      const image = await sampler.drawLatents(latentsOf(places, z));
      yield scaled(image, Math.max(1, Math.floor(filmWidth / image.width)));
    }
  }
  await writeFileAtomically(out, encodeGif(frames(), { delay: 1000 / fps, lastDelay: 1000 / fps }));
  return count;
}
