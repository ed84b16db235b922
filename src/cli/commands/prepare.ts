/** The options of `catgan prepare`. */
import { settings } from "../../train/settings.ts";
import { flag, option, required, type Spec, type ValuesOf } from "../options.ts";
import { fitType, json, seed } from "./common.ts";

export const prepareSpec = {
  summary: "Turn photographs into square pictures of one size, to look through and to train on with --data OUT.",
  note: "Faces are cut out where there are landmarks (X.jpg.cat next to X.jpg, as in the CAT dataset). Files that are damaged, too small or not RGB are rejected and counted; near-duplicates are listed.",
  positionals: {
    source: required("SRC", "Folder or zip of photographs"),
    out: required("OUT", "Folder to make"),
  },
  options: {
    size: option(settings.size.type, 64, "Height and width of the pictures in pixels"),
    fit: option(fitType, "crop", "What to do with photographs that are not square"),
    dropDuplicates: flag("Keep only the first of several nearly identical pictures"),
    seed: { ...seed, help: "Random seed for the pictures on the contact sheet" },
    json,
  },
  examples: [
    ["catgan prepare CAT_DATASET/ faces64", "the folders of the CAT dataset"],
    ["catgan prepare photos.zip cats128 --size 128", ""],
  ],
} satisfies Spec;

export type PrepareCommand = { command: "prepare" } & ValuesOf<typeof prepareSpec>;
