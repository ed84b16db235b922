/** The options of `catgan verify`. */
import { flag, option, type Spec, text, type ValuesOf } from "../options.ts";
import { adapter, json, seed } from "./common.ts";

export const verifySpec = {
  summary: "Run every kernel on this machine's adapter and compare it with its f64 reference.",
  options: {
    seed: { ...seed, help: "Random seed for shapes and numbers" },
    quick: flag("Check fewer shapes"),
    filter: option(text("TEXT"), null, "Check only kernels whose names contain TEXT"),
    adapter,
    json,
  },
  examples: [
    ["catgan verify", "exits with 1 if any kernel is wrong"],
    ["catgan verify --adapter software --quick", ""],
    ["catgan verify --filter batchNorm", ""],
  ],
} satisfies Spec;

export type VerifyCommand = { command: "verify" } & ValuesOf<typeof verifySpec>;
