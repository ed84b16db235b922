/** The options of `catgan sample`. */
import { whole } from "../../train/value_types.ts";
import { flag, type Line, option, optional, type Spec, text } from "../options.ts";
import { adapter, force, framesPerSecond, grid, json, seed, sourceHelp } from "./common.ts";

export const sampleSpec = {
  summary: "Draw pictures with a trained generator.",
  positionals: {
    source: optional("RUN|FILE.safetensors", `${sourceHelp} (default: the generator bundled with catgan)`),
  },
  options: {
    n: option(whole(1, 4096), 16, "Number of pictures"),
    seed,
    columns: option(whole(1, 4096), null, "Pictures per row (default: closest to square)"),
    grid: option(grid, null, "C columns and R rows, instead of --n and --columns"),
    walk: flag("Animated GIF that morphs from cat to cat and back to the first; with --grid, several side by side"),
    stops: option(whole(2, 1000), 6, "Cats that each path of --walk passes"),
    fps: option(framesPerSecond, 20, "Frames per second of --walk"),
    out: option(text("FILE"), null, "File to write: .png, or .gif with --walk (default: named after the seed)"),
    force,
    adapter,
    json,
  },
  requires: { stops: "walk", fps: "walk" },
  conflicts: [
    { option: "grid", with: ["n", "columns"], why: "--grid CxR sets both columns and rows" },
    { option: "walk", with: ["n", "columns"], why: "use --grid CxR for several paths, --stops for more cats" },
  ],
  examples: [
    ["catgan sample", "cats, without training"],
    ["catgan sample runs/mine --n 64 --out cats.png", ""],
    ["catgan sample step-000800.safetensors --seed 7", ""],
    ["catgan sample runs/mine --walk --grid 3x2", "six morphing cats"],
  ],
} satisfies Spec;

export type SampleCommand = ReturnType<typeof toSampleCommand>;

/** With `walk`, `n` is the number of paths through latent space; `columns` is null for closest to square. */
export function toSampleCommand({ values }: Line<typeof sampleSpec>) {
  const { n, columns, grid, walk, stops, fps, ...others } = values;
  return {
    command: "sample" as const,
    ...others,
    n: grid ? grid.columns * grid.rows : walk ? 1 : n,
    columns: grid?.columns ?? columns,
    walk: walk ? { stops, fps } : null,
  };
}
