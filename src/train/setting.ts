/** The type of a row in the table of settings. */
import type { SettingType } from "./value_types.ts";

export interface Row<T> {
  readonly type: SettingType<T>;
  /** The value in the preset `tiny`. */
  readonly default: NoInfer<T>;
  /** The name in the page's form. */
  readonly label: string;
  /** One sentence without its full stop, for the page and for `--help`. */
  readonly help: string;
  /**
   * When a change on the page takes effect: with the next step; between steps, as the step is rebuilt, which takes a
   * moment; or in a new run, because networks, pictures or random numbers would differ.
   */
  readonly takesEffect: TakesEffect;
  /** Switching it on or off, to or from 0, adds or removes tensors. */
  readonly toggleNeedsNewRun?: true;
  /** When a run that resumes may change it. Omitted: never, because it affects numbers that have already been computed. */
  readonly resumable?: "always" | "before the decay";
  /** Its value in earlier versions, whose files lack it. Omitted: every file has it. */
  readonly ifMissing?: NoInfer<T>;
}

export interface Setting<T = unknown> extends Row<T> {
  readonly group: Group;
}

export type TakesEffect = "at once" | "between steps" | "new run";
export type Group = "Run" | "Training" | "Networks";

/** The rows of a group. */
export function group<V>(name: Group, rows: { [K in keyof V]: Row<V[K]> }): { [K in keyof V]: Setting<V[K]> } {
  const entries = Object.entries(rows as Record<string, Row<unknown>>);
  return Object.fromEntries(entries.map(([key, row]) => [key, { ...row, group: name }])) as {
    [K in keyof V]: Setting<V[K]>;
  };
}
