/** The options of `catgan timelapse`. */
import { option, required, type Spec, text, type ValuesOf } from "../options.ts";
import { force, framesPerSecond, grid, json } from "./common.ts";

export const timelapseSpec = {
  summary: "Make an animated GIF of a run's sample grids, also while the run is training.",
  positionals: { run: required("RUN", "The run's folder") },
  options: {
    out: option(text("FILE.gif"), null, "File to write (default: timelapse.gif in the run's folder)"),
    force,
    fps: option(framesPerSecond, 8, "Grids per second"),
    grid: option(grid, null, "Only C columns and R rows of each grid, for a smaller file"),
    json,
  },
  examples: [
    ["catgan timelapse runs/mine", ""],
    ["catgan timelapse runs/mine --grid 4x3 --fps 12 --out cats.gif", ""],
  ],
} satisfies Spec;

export type TimelapseCommand = { command: "timelapse" } & ValuesOf<typeof timelapseSpec>;
