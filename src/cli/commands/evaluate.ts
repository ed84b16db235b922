/** The options of `catgan evaluate`. */
import { whole } from "../../train/value_types.ts";
import { option, required, type Spec, text, type ValuesOf } from "../options.ts";
import { adapter, fitType, force, json, seed, sourceHelp } from "./common.ts";

export const evaluateSpec = {
  summary: "Measure how close generated pictures are to real ones, with real against real as the baseline.",
  positionals: { source: required("RUN|FILE.safetensors", sourceHelp) },
  options: {
    data: option(text("painted|DIR|ZIP"), null, "The real pictures (default: those the run learned from)"),
    fit: option(fitType, null, "What to do with pictures that are not square (default: as in the run)"),
    n: option(
      whole(6, 4096),
      1024,
      "Pictures of each kind, at most half of the real ones; results with different N are not comparable",
    ),
    seed,
    nearest: option(
      text("FILE.png"),
      null,
      "Write generated pictures, each next to its nearest real one, the most likely copies first",
    ),
    force,
    adapter,
    json,
  },
  examples: [
    ["catgan evaluate runs/mine", ""],
    ["catgan evaluate cats.safetensors --data photos.zip --json", ""],
  ],
} satisfies Spec;

export type EvaluateCommand = { command: "evaluate" } & ValuesOf<typeof evaluateSpec>;
