/** `catgan train`: its options, which include every setting, and the configuration that follows from them. */
import { changed } from "../../train/changes.ts";
import { type Config, checkConfig, configKeys, type PresetName, presets } from "../../train/config.ts";
import { settings } from "../../train/settings.ts";
import { oneOf, onOff } from "../../train/value_types.ts";
import { flag, inSection, kebab, type Line, type Option, option, type Spec, text, type ValuesOf } from "../options.ts";
import { asUserError, UserError } from "../user_error.ts";
import { adapter, fitType, json } from "./common.ts";

/** Options that can be combined with --resume, in addition to settings. */
const resumableOptions = ["data", "out", "onTrouble", "adapter", "json"];

const presetNames = Object.keys(presets) as PresetName[];

export const trainSpec = {
  summary: "Train a generator of cats. Each run gets a folder of its own.",
  note: `Settings show their values in the presets ${presetNames.join("|")} in brackets; options override the preset.`,
  options: {
    ...inSection("Run", {
      data: option(
        text("painted|DIR|ZIP"),
        null,
        "Pictures to learn from: cats painted by a program (painted, the default), a folder or zip of your pictures, or the output of catgan prepare",
      ),
      fit: option(fitType, "crop", "What to do with pictures that are not square"),
      preset: option(
        oneOf(presetNames),
        null,
        "Settings for pictures of 32×32 (tiny), 64×64 (steady) or 128×128 (steady128, article); default: steady on a real GPU, otherwise tiny",
      ),
      out: option(text("DIR"), null, "Folder of the run, new or empty (default: runs/DATE-TIME-PRESET)"),
      resume: option(
        text("RUN"),
        null,
        `Resume a run: its folder, or a checkpoint file (such as one downloaded from the page), which continues in a new folder (--out); can be combined with ${resumeAllows()}`,
      ),
      dryRun: flag("Print the configuration, the layers, and the memory and cost of a step, without training"),
    }),
    ...settingOptions(),
    ...inSection("Machine and output", {
      onTrouble: option(
        oneOf(["rollback", "stop", "warn"]),
        "rollback",
        "Signs of trouble are reported with what usually helps; rollback also returns to a checkpoint with half the learning rates, up to three times, when losses explode or numbers are not finite; stop ends the run at any sign; warn only reports, until numbers are not finite",
      ),
      adapter,
      variants: option(
        text("auto|measure|table|FILE"),
        "auto",
        "Choice of kernels: measure times the variants once and remembers the fastest, table takes the built-in choices, auto measures on a real GPU only; FILE comes from catgan bench --variants --json",
      ),
      json,
    }),
  },
  conflicts: [{ option: "steps", with: ["epochs"], why: "both set the length of the run" }],
  remark: {
    text: "Closing the terminal stops training just like Ctrl-C: the current step is finished and saved. nohup does not prevent this, because Node resets the signal that nohup ignores. To keep training, use tmux, or start it without a terminal:",
    line: "setsid catgan train > train.log 2>&1 &",
  },
  examples: [
    ["catgan train", "painted cats, in minutes"],
    ["catgan train --data photos/ --preset steady", "a folder of your own"],
    ["catgan train --preset article --dry-run", "show size and cost only"],
    ["catgan train --resume runs/mine --steps 1600", "resume and train until step 1600"],
  ],
} satisfies Spec;

type Values = ValuesOf<typeof trainSpec>;
export type OnTrouble = Values["onTrouble"];
type Shared = { command: "train"; overrides: Partial<Config> } & Pick<Values, "out" | "onTrouble" | "adapter" | "json">;

/** A new run. Its configuration comes from `chooseConfig`. */
export type NewRun = Shared &
  Pick<Values, "fit" | "preset" | "dryRun" | "variants"> & {
    resume: null;
    /** `painted`, or the path of a folder or a zip. */
    data: string;
  };

/** A resumed run; its configuration is `resolveConfig(the checkpoint's, overrides)`. */
export type ResumedRun = Shared & {
  /** The run's folder, or a checkpoint that a new folder is made for. */
  resume: string;
  /** Where its pictures are now; null: where they were. */
  data: string | null;
};

/** @throws UserError when options cannot be combined */
export function toTrainCommand({ values, given }: Line<typeof trainSpec>): NewRun | ResumedRun {
  const { data, fit, preset, out, resume, dryRun, variants, onTrouble, adapter, json } = values;
  const overrides = Object.fromEntries(configKeys.filter((key) => given.has(key)).map((key) => [key, values[key]]));
  const shared = { command: "train", out, overrides, onTrouble, adapter, json } as const;
  if (resume !== null) {
    const allowed = ["resume", ...resumableOptions, ...configKeys.filter((key) => settings[key].resumable)];
    const refused = [...given].find((key) => !allowed.includes(key));
    if (refused !== undefined) {
      throw new UserError(`--${kebab(refused)} cannot be combined with --resume (allowed: ${resumeAllows()})`);
    }
    return { ...shared, resume, data };
  }
  if (preset !== null) resolveConfig(preset, overrides);
  return { ...shared, resume, data: data ?? "painted", fit, preset, dryRun, variants };
}

/**
 * The configuration that results from a preset, or from an earlier run's configuration, and overrides.
 * @throws UserError when values cannot be combined
 */
export function resolveConfig(start: PresetName | Config, overrides: Partial<Config>): Config {
  const config = changed(typeof start === "string" ? presets[start] : start, overrides);
  asUserError(() => checkConfig(config));
  return config;
}

/** A new run's configuration: the preset that was chosen, or the one that suits the adapter, and the overrides. */
export function chooseConfig({ preset, overrides }: NewRun, software: boolean) {
  const name: PresetName = preset ?? (software ? "tiny" : "steady");
  const why = software ? "tiny, since no real GPU is used" : "steady, since there is a GPU";
  return {
    config: resolveConfig(name, overrides),
    preset: name,
    origin: preset ?? `${why} (--preset chooses another)`,
  };
}

/** Every setting as an option; the help shows its value in each preset. */
function settingOptions() {
  const rows = configKeys.map((key): [keyof Config, Option] => {
    const { type, help, group } = settings[key];
    const values = presetValues(key).join("|");
    return [key, { type, default: null, help: `${help} [${values}]`, negatable: type === onOff, section: group }];
  });
  return Object.fromEntries(rows) as { [K in keyof Config]: Option<Config[K] | null> };
}

/** A setting's values in the presets; a single one where they are all the same. */
export function presetValues(key: keyof Config): string[] {
  const values = Object.values(presets).map(({ [key]: value }) =>
    value === null ? "–" : typeof value === "boolean" ? (value ? "on" : "off") : String(value),
  );
  return new Set(values).size === 1 ? [values[0]] : values;
}

/** The options that can be combined with --resume, in words. */
function resumeAllows(): string {
  const written = (keys: readonly string[]) => keys.map((key) => `--${kebab(key)}`).join(", ");
  const settingsThatMay = (when: "always" | "before the decay") =>
    configKeys.filter((key) => settings[key].resumable === when);
  return `${written([...resumableOptions, ...settingsThatMay("always")])}; before the decay begins also ${written(settingsThatMay("before the decay"))}`;
}
