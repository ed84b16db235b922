/** Configurations of runs: the presets, which values can be combined, and configurations from files. */
import type { Changes } from "../kernels/augment.ts";
import { groupSize } from "../nn/minibatch_group.ts";
import { type Config, settings } from "./settings.ts";

export type { Config };

export const configKeys = Object.keys(settings) as readonly (keyof Config)[];

/** The groups in which settings are shown, in the order of the table. */
export const settingGroups = [...new Set(configKeys.map((key) => settings[key].group))].map((title) => ({
  title,
  keys: configKeys.filter((key) => settings[key].group === title),
}));

export const adamEpsilon = 1e-8;

export type PresetName = "tiny" | "steady" | "steady128" | "article";

const tiny = Object.fromEntries(configKeys.map((key) => [key, settings[key].default])) as unknown as Config;

// Without `augment`: thousands of photographs need none, and with random shifts G learns a single pose
// (docs/augmentation.md).
const steady: Config = {
  ...tiny,
  size: 64,
  base: 16,
  baseD: 32,
  smoothFilter: true,
  lrD: 4e-4,
  lrG: 8e-4,
  loss: "relativistic",
  r2: 1,
  ema: 0.995,
  flips: true,
  steps: 1600,
  saveEvery: 1,
};

/** `tiny` for painted cats in minutes without a GPU, `steady` for photographs on any GPU, `article` as published. */
export const presets: Readonly<Record<PresetName, Readonly<Config>>> = {
  tiny,
  steady,
  // R1 and R2 sum over pixels, of which there are four times as many.
  steady128: { ...steady, size: 128, r1: 4, r2: 4, steps: 20_000, sampleEvery: 200 },
  article: {
    ...tiny,
    size: 128,
    base: 64,
    baseD: 64,
    batch: 64,
    normD: "batch",
    lrD: 5e-5,
    lrG: 2e-4,
    beta1: 0.5,
    smoothing: 0.1,
    r1: 0,
    ema: 0,
    steps: null,
    epochs: 215,
    sampleEvery: 10,
  },
};

/** The settings that files of earlier versions lack, with the values that those versions used. */
const implied = Object.fromEntries(
  configKeys.flatMap((key) => {
    const { ifMissing } = settings[key];
    return ifMissing === undefined ? [] : [[key, ifMissing]];
  }),
) as Partial<Config>;

/** A configuration from a file, which an earlier version may have written. */
export const completed = (config: Config): Config => ({ ...implied, ...config });

/** The random changes to what D sees; null for none. */
export function changesOf({ augment }: Pick<Config, "augment">): Changes | null {
  if (augment === "none") return null;
  const asked = augment.split(",");
  return {
    color: asked.includes("color"),
    translation: asked.includes("translation"),
    cutout: asked.includes("cutout"),
  };
}

/** @throws a one-line Error that names the first wrong value, what it is and what was expected */
export function checkConfig(config: Config): void {
  for (const key of configKeys) {
    const { type } = settings[key];
    if (!type.holds(config[key])) {
      throw new Error(`configuration: ${key} is ${show(config[key])}, expected ${type.expected}`);
    }
  }
  const { steps, epochs, batch, kernel, smoothFilter, normD, normDFirst, minibatchStddev, loss, smoothing } = config;
  if ((steps === null) === (epochs === null)) {
    throw new Error(`configuration: steps is ${steps} and epochs is ${epochs}, expected one of them, the other null`);
  }
  if (smoothFilter && kernel < 2) {
    throw new Error("configuration: kernel is 1 and smoothFilter is true, which needs filters at least 2 wide");
  }
  if (normDFirst && normD === "none") {
    throw new Error("configuration: normDFirst is true, which needs normD batch, but normD is none");
  }
  if (minibatchStddev && (batch < 2 || batch % groupSize(batch) !== 0)) {
    throw new Error(
      `configuration: batch is ${batch} and minibatchStddev compares groups of four pictures, expected 2, 3 or a multiple of 4`,
    );
  }
  if (smoothing > 0 && loss !== "bce") {
    throw new Error(
      `configuration: smoothing is ${smoothing} and loss is ${loss}, which has no labels to smooth: ` +
        "set smoothing to 0 (--smoothing 0) or loss to bce (--loss bce)",
    );
  }
  for (const key of ["r1", "r2"] as const) {
    if (config[key] > 0 && normD === "batch") {
      throw new Error(
        `configuration: ${key} is ${config[key]} and normD is batch, but batch-norm has no second derivative here: ` +
          `set ${key} to 0 (--${key} 0) or normD to none (--norm-d none)`,
      );
    }
  }
}

/**
 * A configuration from a file.
 * @param json from JSON.parse: an object with exactly the keys of Config, except those that earlier versions did not have
 * @throws a one-line Error: not an object, a missing or unknown key, or as `checkConfig`
 */
export function parseConfig(json: unknown): Config {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new Error(`configuration: ${show(json)}, expected an object`);
  }
  for (const key of Object.keys(json)) {
    if (!Object.hasOwn(settings, key)) throw new Error(`configuration: unknown key ${show(key)}`);
  }
  const config = completed(json as Config);
  for (const key of configKeys) {
    if (!Object.hasOwn(config, key)) throw new Error(`configuration: ${key} is missing`);
  }
  checkConfig(config);
  return config;
}

/** A value from a file, in one short line. */
function show(value: unknown): string {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length <= 60 ? value : `${value.slice(0, 60)}…`);
}
