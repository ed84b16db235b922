/** Options and arguments that several commands have. */
import { settings } from "../../train/settings.ts";
import { oneOf, type ValueType, whole } from "../../train/value_types.ts";
import { flag, option, text } from "../options.ts";

/** A grid's size in pictures. */
export interface Grid {
  columns: number;
  rows: number;
}

export const grid: ValueType<Grid> = {
  expected: "columns and rows, as in 8x8, of at most 4096 pictures",
  placeholder: "CxR",
  holds: (value): value is Grid => value !== null,
  read(value) {
    const [, columns, rows] = (/^(\d{1,4})[x×](\d{1,4})$/.exec(value) ?? []).map(Number);
    return whole(1, 4096).holds(columns * rows) ? { columns, rows } : null;
  },
};

/** GIF counts hundredths of a second, and players slow down frames shorter than two of them. */
export const framesPerSecond = whole(1, 50);

/** How photographs that are not square become square. */
export const fitType = oneOf(["crop", "stretch"]);

export const sourceHelp = "A run's folder, a checkpoint or a generator file";

export const seed = option(settings.seed.type, 1, "Random seed");
export const json = flag("Print one JSON object per line and nothing else");
export const force = flag("Replace a file that catgan did not write");
export const adapter = option(
  text("auto|software|NAME"),
  "auto",
  "GPU to use: auto takes a real GPU if there is one, otherwise the fastest software adapter; NAME is lavapipe, swiftshader, or any part of a GPU's name",
);
