/** The options of `catgan export`. */
import { flag, option, required, type Spec, text, type ValuesOf } from "../options.ts";
import { adapter, force, json, sourceHelp } from "./common.ts";

export const exportSpec = {
  summary: "Write a file with a run's generator only: small, to share and to draw from.",
  positionals: {
    source: required("RUN|FILE.safetensors", sourceHelp),
    out: required("OUT.safetensors", "File to write"),
  },
  options: {
    f32: flag("Keep filters in f32; otherwise they are rounded to f16, which halves the file"),
    credit: option(
      text("TEXT"),
      null,
      "A line shown whenever the file draws: whose pictures it learned from, and their licence (default: the one in the source)",
    ),
    force,
    adapter,
    json,
  },
  examples: [
    ["catgan export runs/mine cats.safetensors", ""],
    ["catgan export runs/mine cats.safetensors --f32", "without rounding"],
  ],
} satisfies Spec;

export type ExportCommand = { command: "export" } & ValuesOf<typeof exportSpec>;
