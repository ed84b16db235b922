/** The options of `catgan bench`. */
import { flag, option, type Spec, text, type ValuesOf } from "../options.ts";
import { adapter } from "./common.ts";

const complete = { with: ["filter", "quick", "variants"], why: "only complete results are saved" } as const;

export const benchSpec = {
  summary:
    "Check and time every kernel and whole training steps on this machine's adapter. Exits with 1 if a kernel is wrong.",
  options: {
    filter: option(text("TEXT"), null, "Only cases whose names contain TEXT: a kernel, a layer, step, matrix"),
    quick: flag("Fewer shapes and repetitions: under a minute on two cores"),
    all: flag("Time steps of every preset, however long they take here"),
    variants: flag("Time every variant of each convolution, and show which one is chosen"),
    compare: option(text("FILE"), null, "Compare with an earlier result and mark the differences"),
    json: option(text("FILE"), null, "Write the result to a file; with --variants, for train --variants FILE"),
    save: flag("Write the result to bench/results, under the adapter's name"),
    readme: flag("The same, and update the figures in the README"),
    adapter,
  },
  conflicts: [
    { option: "save", ...complete },
    { option: "readme", ...complete },
    {
      option: "variants",
      with: ["filter", "quick", "all", "compare"],
      why: "--variants times all variants and nothing else",
    },
  ],
  examples: [
    ["catgan bench", "takes a few minutes"],
    ["catgan bench --quick --filter conv2d", ""],
    ["catgan bench --compare before.json", "faster or slower than before?"],
  ],
} satisfies Spec;

export type BenchCommand = { command: "bench" } & ValuesOf<typeof benchSpec>;
