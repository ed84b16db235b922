/** Changes to the settings of a run: when they take effect on the page, and which of them a run that resumes may have. */
import { sameRatesUntil } from "./learning_rates.ts";
import type { TakesEffect } from "./setting.ts";
import { type Config, settings } from "./settings.ts";

/** A configuration with some values changed: steps and epochs replace each other. */
export function changed(config: Config, changes: Partial<Config>): Config {
  const result = { ...config, ...changes };
  if (changes.steps != null) result.epochs = null;
  if (changes.epochs != null) result.steps = null;
  return result;
}

/** When a change from one configuration to another takes effect, as far as this setting is concerned. */
export function whenChanged(key: keyof Config, before: Config, after: Config): TakesEffect {
  const { takesEffect, toggleNeedsNewRun } = settings[key];
  const isOn = (config: Config) => Number(config[key]) > 0;
  return toggleNeedsNewRun && isOn(before) !== isOn(after) ? "new run" : takesEffect;
}

/** Whether a setting of a run that resumes after `step` steps may differ: it affected no number so far. */
export function mayDiffer(key: keyof Config, step: number, before: Config, after: Config): boolean {
  const { resumable } = settings[key];
  return resumable === "always" || (resumable === "before the decay" && sameRatesUntil(step, before, after));
}
