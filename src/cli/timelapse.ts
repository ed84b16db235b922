/** `catgan timelapse`: a run's sample grids as an animated GIF. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { withCaption } from "../data/caption.ts";
import { encodeGif } from "../data/gif.ts";
import { cornerOfGrid, readGrid } from "../data/grid.ts";
import { factorFor, gifPictureWidth, type Image, scaled } from "../data/image.ts";
import type { Grid } from "./commands/common.ts";
import type { TimelapseCommand } from "./commands/timelapse.ts";
import { warn } from "./describe.ts";
import { writeFileAtomically } from "./files.ts";
import { checkOutput, inputsOfSource } from "./output_file.ts";
import { decodePng } from "./png.ts";
import { grouped, Reporter } from "./progress.ts";
import { configPath, samplePath, sampleSteps } from "./run_paths.ts";
import { UserError } from "./user_error.ts";

/** How long the last grid is shown, in milliseconds: the viewer wants to look at it. */
const lastDelay = 2500;
/** A part of a grid is enlarged to about this width, in pixels. */
const partWidth = 480;

/**
 * Reads grid after grid, so that a long run takes no more memory than a short one.
 * @returns the exit code
 * @throws UserError when it is not a run's folder, has no grid yet, or the file cannot be written
 */
export async function timelapseCommand({ run, fps, grid, json, force, ...options }: TimelapseCommand): Promise<number> {
  const out = options.out ?? join(run, "timelapse.gif");
  const reporter = new Reporter(process.stdout, json);
  const steps = await sampleSteps(run);
  const size = await pictureSize(run);
  if (steps.length === 0) throw new UserError(`${run}: there is no sample grid in it yet`);
  await checkOutput({ path: out, extension: ".gif", inputs: await inputsOfSource(run), force });
  let shown = 0;
  let first: Image | null = null;
  async function* frames(): AsyncGenerator<Image> {
    for (const [i, step] of steps.entries()) {
      reporter.preparing("encoding", i, steps.length);
      const path = samplePath(run, step);
      let image: Image;
      try {
        image = await decodePng(await readFile(path));
      } catch (error) {
        warn(`${path} is left out: ${(error as Error).message.split("\n")[0]}`);
        continue;
      }
      first ??= image;
      if (image.width !== first.width || image.height !== first.height) {
        warn(
          `${path} is left out: it is ${image.width}×${image.height} pixels, the first is ${first.width}×${first.height}`,
        );
        continue;
      }
      shown++;
      yield withCaption(grid ? partOf(image, size, grid) : wholeOf(image, size), `step ${step}`);
    }
    if (shown === 0) throw new UserError(`${run}: none of its ${steps.length} sample grids can be read`);
  }
  try {
    await writeFileAtomically(out, encodeGif(frames(), { delay: 1000 / fps, lastDelay }));
  } finally {
    reporter.clear();
  }
  const { size: bytes } = await stat(out);
  reporter.event({ event: "timelapse", path: out, frames: shown, steps: steps.at(-1), bytes });
  const grids = `${shown} grid${shown > 1 ? "s" : ""} up to step ${grouped(steps.at(-1)!)}`;
  reporter.line(`  ${grids}, ${(bytes / 1e6).toFixed(1)} MB: ${reporter.bold(out)}`);
  return 0;
}

async function pictureSize(run: string): Promise<number> {
  const path = configPath(run);
  const text = await readFile(path, "utf8").catch(() => null);
  try {
    const { size } = JSON.parse(text!).config;
    if (Number.isInteger(size) && size > 0) return size;
  } catch {}
  throw new UserError(`${run}: not a run's folder: ${path} does not say how large its pictures are`);
}

/** A whole grid, as large as suits a GIF; an image that is not a grid, as it is. */
function wholeOf(image: Image, size: number): Image {
  const found = readGrid(image, size);
  return found ? scaled(found.image, factorFor(size, gifPictureWidth)) : image;
}

/** The upper left pictures of a grid. @throws UserError when it has fewer */
function partOf(image: Image, size: number, { columns, rows }: Grid): Image {
  const found = readGrid(image, size);
  if (found === null) {
    throw new UserError(`--grid: an image of ${image.width}×${image.height} is not a grid of ${size}×${size} pictures`);
  }
  if (columns > found.columns || rows > found.rows) {
    throw new UserError(`--grid ${columns}x${rows}: the run's grids are ${found.columns}x${found.rows}`);
  }
  const part = cornerOfGrid(found, size, columns, rows);
  return scaled(part, Math.max(1, Math.floor(partWidth / part.width)));
}
