/** Changes to the settings of a run: when they take effect on the page, and which are allowed when a run resumes. */
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

/** Whether a setting may differ when a run resumes after `step` steps: true if it has not affected any number yet. */
export function mayDiffer(key: keyof Config, step: number, before: Config, after: Config): boolean {
  const { resumable } = settings[key];
  return resumable === "always" || (resumable === "before the decay" && sameRatesUntil(step, before, after));
}
