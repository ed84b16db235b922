/** Settings and the address: a preset and what differs from it, as `?preset=steady&seed=7&lrD=0.0002`. */
import { type Config, checkConfig, configKeys, type PresetName, presets } from "../train/config.ts";
import { settings } from "../train/settings.ts";

export interface Settings {
  preset: PresetName;
  config: Config;
}

export const defaultPreset: PresetName = "tiny";

/** Parameters of the address that are not settings. */
const others = ["test"];

/**
 * @param query as of an address, with or without its question mark
 * @returns the settings, and one line for everything in the address that was not understood and left out
 */
export function parseSettings(query: string): Settings & { problems: string[] } {
  const parameters = new URLSearchParams(query);
  const problems: string[] = [];
  let preset = defaultPreset;
  const asked = parameters.get("preset");
  if (asked !== null) {
    if (Object.hasOwn(presets, asked)) preset = asked as PresetName;
    else problems.push(`preset=${asked}: there is ${Object.keys(presets).join(", ")}`);
  }
  let config = { ...presets[preset] };
  for (const [key, text] of parameters) {
    if (key === "preset" || others.includes(key)) continue;
    if (!Object.hasOwn(settings, key)) {
      problems.push(`${key}: there is no such setting`);
      continue;
    }
    const { type } = settings[key as keyof Config];
    const value = type.read(text);
    if (!type.holds(value)) problems.push(`${key}=${text}: expected ${type.expected}`);
    else config = changed(config, { [key]: value });
  }
  try {
    checkConfig(config);
  } catch (error) {
    problems.push((error as Error).message);
    config = { ...presets[preset] };
  }
  return { preset, config, problems };
}

/** The part of the address after the question mark; empty for the default preset as it is. */
export function formatSettings({ preset, config }: Settings): string {
  const parameters = new URLSearchParams();
  if (preset !== defaultPreset) parameters.set("preset", preset);
  for (const key of configKeys) {
    const value = config[key];
    if (value !== null && value !== presets[preset][key]) parameters.set(key, String(value));
  }
  return parameters.toString();
}

/** A configuration with some values changed: steps and epochs take each other's place. */
export function changed(config: Config, changes: Partial<Config>): Config {
  const result = { ...config, ...changes };
  if (changes.steps != null) result.epochs = null;
  if (changes.epochs != null) result.steps = null;
  return result;
}
