/** Settings and the address: a preset and what differs from it, as `?preset=steady&seed=7&lrD=0.0002`. */
import { changed } from "../train/changes.ts";
import { type Config, checkConfig, configKeys, type PresetName, presets } from "../train/config.ts";
import { settings } from "../train/settings.ts";
import { listed } from "../train/value_types.ts";

export interface Settings {
  preset: PresetName;
  config: Config;
}

export const defaultPreset: PresetName = "tiny";

/** Parameters of the address that are not settings. */
const others = ["test"];

/**
 * @param query of an address, with or without its question mark
 * @returns the settings, and one line for each part of the address that was not understood and is ignored
 */
export function parseSettings(query: string): Settings & { problems: string[] } {
  const parameters = new URLSearchParams(query);
  const problems: string[] = [];
  let preset = defaultPreset;
  const asked = parameters.get("preset");
  if (asked !== null) {
    if (Object.hasOwn(presets, asked)) preset = asked as PresetName;
    else problems.push(`preset=${asked}: expected ${listed(Object.keys(presets))}`);
  }
  let config = { ...presets[preset] };
  for (const [key, text] of parameters) {
    if (key === "preset" || others.includes(key)) continue;
    if (!Object.hasOwn(settings, key)) {
      problems.push(`${key}: unknown setting`);
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

/** The part of the address after the question mark; empty for the unchanged default preset. */
export function formatSettings({ preset, config }: Settings): string {
  const parameters = new URLSearchParams();
  if (preset !== defaultPreset) parameters.set("preset", preset);
  for (const key of configKeys) {
    const value = config[key];
    if (value !== null && value !== presets[preset][key]) parameters.set(key, String(value));
  }
  return parameters.toString();
}
