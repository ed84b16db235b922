/** The configuration of a run: everything that decides its numbers, besides the pictures and the machine. */

import type { Changes } from "../kernels/augment.ts";
import { groupSize } from "../nn/minibatch_group.ts";

export interface Config {
  /** Height and width of the pictures, in pixels: 16, 32, 64 or 128. */
  size: number;
  /** Channels of the generator's last feature map; each earlier one has twice as many. */
  base: number;
  /** Channels of the discriminator's first feature map; each later one has twice as many. */
  baseD: number;
  batch: number;
  /** How many random numbers the generator starts from. */
  z: number;
  /** Height and width of every filter; with `smoothFilter`, of the filter that results. */
  kernel: number;
  /** Leaky ReLU's slope for negative numbers. */
  slope: number;
  normD: "batch" | "none";
  /** Batch-norm on the discriminator's first layer too. */
  normDFirst: boolean;
  /** The discriminator's weights are divided by their spectral norms. */
  spectralNormD: boolean;
  /** The discriminator sees how much pictures differ, four at a time. */
  minibatchStddev: boolean;
  /** Stride-2 transposed filters are parameters convolved with a 2×2 box: no checkerboard. */
  smoothFilter: boolean;
  lrD: number;
  lrG: number;
  /** The step after which both learning rates decrease linearly; 0 = never. */
  lrDecayFrom: number;
  /** How many steps the decrease takes; then they stay constant. */
  lrDecaySteps: number;
  /** The fraction of the learning rates that remains afterwards. */
  lrDecayTo: number;
  beta1: number;
  beta2: number;
  /** Cross-entropy with labels, a margin, or pairs of a real and a fake picture. */
  loss: "bce" | "hinge" | "relativistic";
  /** Real pictures are labelled 1 − smoothing in the discriminator's cross-entropy. */
  smoothing: number;
  /** Weight γ of the R1 penalty, on D's slope at real pictures; 0 = none. */
  r1: number;
  /** Weight γ of the R2 penalty, on D's slope at fakes; 0 = none. */
  r2: number;
  /** Steps from one penalty to the next, R1 and R2 on the same, each weighted by as much. */
  r1Every: number;
  /** Decay a step of the averaged generator that samples are drawn from; 0 = none. */
  ema: number;
  /** Every other picture, by chance, is mirrored. */
  flips: boolean;
  /** What is changed, by chance, of every picture that D sees: `none`, or a comma list out of `changeNames`. */
  augment: string;
  /** Length from the run's beginning, in steps or in epochs: exactly one is set. */
  steps: number | null;
  epochs: number | null;
  /** u32: initial parameters, noise, order of pictures and painted cats follow from it. */
  seed: number;
  /** Steps from one sample grid to the next; 0 = only at the end. */
  sampleEvery: number;
  /** Epochs from one checkpoint to the next; 0 = only at the end. */
  saveEvery: number;
  /** Steps from one measurement of the pictures' quality to the next; 0 = none. */
  metricsEvery: number;
}

/** Changes of what D sees, in the order in which they are made. */
export const changeNames = ["color", "translation", "cutout"] as const;

export const adamEpsilon = 1e-8;

export type PresetName = "tiny" | "steady" | "steady128" | "article";

const tiny: Config = {
  size: 32,
  base: 8,
  baseD: 16,
  batch: 16,
  z: 100,
  kernel: 5,
  slope: 0.2,
  normD: "none",
  normDFirst: false,
  spectralNormD: false,
  minibatchStddev: false,
  smoothFilter: false,
  lrD: 1e-3,
  lrG: 2e-3,
  lrDecayFrom: 0,
  lrDecaySteps: 1000,
  lrDecayTo: 0.1,
  beta1: 0,
  beta2: 0.999,
  loss: "bce",
  smoothing: 0,
  r1: 1,
  r2: 0,
  r1Every: 8,
  ema: 0.97,
  flips: false,
  augment: "none",
  steps: 800,
  epochs: null,
  seed: 1,
  sampleEvery: 50,
  saveEvery: 5,
  metricsEvery: 0,
};

// Without `augment`: thousands of photographs need none, and shifted by chance G learns one pose (docs/augmentation.md).
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

/** `tiny` for painted cats in minutes without a GPU, `steady` for photographs on any GPU, `article` as it was published. */
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

/** What one value of a configuration may be. */
export interface Rule {
  /** In words: `a whole number from 1 to 256`. */
  expected: string;
  holds(value: unknown): boolean;
}

const sizes = [16, 32, 64, 128];
const boolean: Rule = { expected: "true or false", holds: (value) => typeof value === "boolean" };
const share: Rule = {
  expected: "a number of at least 0 and below 1",
  holds: (value) => typeof value === "number" && value >= 0 && value < 1,
};
const rate: Rule = {
  expected: "a number above 0 and at most 1",
  holds: (value) => typeof value === "number" && value > 0 && value <= 1,
};
const penalty: Rule = {
  expected: "a number from 0 (none) to 1000",
  holds: (value) => typeof value === "number" && value >= 0 && value <= 1000,
};

/** The rule of every value by itself, steps and epochs where they are set; `checkConfig` has those between values. */
export const rules: Readonly<Record<keyof Config, Rule>> = {
  size: { expected: "16, 32, 64 or 128", holds: (value) => sizes.includes(value as number) },
  base: whole(1, 256),
  baseD: whole(1, 256),
  batch: whole(1, 4096),
  z: whole(1, 4096),
  kernel: whole(1, 7),
  slope: share,
  normD: word("batch", "none"),
  normDFirst: boolean,
  spectralNormD: boolean,
  minibatchStddev: boolean,
  smoothFilter: boolean,
  lrD: rate,
  lrG: rate,
  lrDecayFrom: whole(0, 1e9),
  lrDecaySteps: whole(1, 1e9),
  lrDecayTo: rate,
  beta1: share,
  beta2: share,
  loss: word("bce", "hinge", "relativistic"),
  smoothing: share,
  r1: penalty,
  r2: penalty,
  r1Every: whole(1, 1e6),
  ema: share,
  flips: boolean,
  augment: {
    expected: `none, or a comma list out of ${changeNames.join(", ")}`,
    holds: (value) => value === "none" || (typeof value === "string" && isListOf(changeNames, value.split(","))),
  },
  steps: whole(1, 1e9),
  epochs: whole(1, 1e9),
  seed: whole(0, 2 ** 32 - 1),
  sampleEvery: whole(0, 1e9),
  saveEvery: whole(0, 1e9),
  metricsEvery: whole(0, 1e9),
};

/** What keys that earlier versions did not have mean where a file lacks them. */
const meantBefore: Partial<Config> = {
  spectralNormD: false,
  minibatchStddev: false,
  loss: "bce",
  r2: 0,
  augment: "none",
  metricsEvery: 0,
  lrDecayFrom: 0,
  lrDecaySteps: 1000,
  lrDecayTo: 0.1,
};

/** A configuration of a file, which an earlier version may have written. */
export const completed = (config: Config): Config => ({ ...meantBefore, ...config });

export const configKeys = Object.keys(rules) as readonly (keyof Config)[];

/** Whether these are some of the names, none of them twice. */
function isListOf(names: readonly string[], list: readonly string[]): boolean {
  return new Set(list).size === list.length && list.every((name) => names.includes(name));
}

/** Which changes of what D sees a configuration asks for; null for none. */
export function changesOf({ augment }: Pick<Config, "augment">): Changes | null {
  if (augment === "none") return null;
  const asked = augment.split(",");
  return {
    color: asked.includes("color"),
    translation: asked.includes("translation"),
    cutout: asked.includes("cutout"),
  };
}

/** The rule for a whole number within bounds, both allowed. */
export function whole(least: number, most: number): Rule {
  return {
    expected: `a whole number from ${least} to ${most}`,
    holds: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
  };
}

function word(...choices: string[]): Rule {
  const expected = `${choices.slice(0, -1).join(", ")} or ${choices[choices.length - 1]}`;
  return { expected, holds: (value) => choices.includes(value as string) };
}

/** @throws Error with one line that names the first value at fault, what it is and what was expected */
export function checkConfig(config: Config): void {
  for (const key of configKeys) {
    if ((key === "steps" || key === "epochs") && config[key] === null) continue;
    if (!rules[key].holds(config[key])) {
      throw new Error(`configuration: ${key} is ${show(config[key])}, expected ${rules[key].expected}`);
    }
  }
  const { steps, epochs, batch, kernel, smoothFilter, normD, normDFirst, minibatchStddev, loss, smoothing } = config;
  if ((steps === null) === (epochs === null)) {
    throw new Error(`configuration: steps is ${steps} and epochs is ${epochs}, expected one of them, the other null`);
  }
  if (smoothFilter && kernel < 2) {
    throw new Error("configuration: kernel is 1, a smooth filter (smoothFilter) is at least 2 wide");
  }
  if (normDFirst && normD === "none") {
    throw new Error("configuration: normDFirst wants batch-norm on D's first layer, normD none wants it nowhere");
  }
  if (minibatchStddev && (batch < 2 || batch % groupSize(batch) !== 0)) {
    throw new Error(
      `configuration: batch is ${batch} and minibatchStddev compares pictures by fours, expected 2, 3 or a multiple of 4`,
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
 * A configuration out of a file.
 * @param json what JSON.parse gave: an object of exactly the keys of Config, those aside that an earlier version did not have
 * @throws Error in one line: no object, a key that is missing or unknown, or as `checkConfig`
 */
export function parseConfig(json: unknown): Config {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new Error(`configuration: ${show(json)}, expected an object`);
  }
  for (const key of Object.keys(json)) {
    if (!Object.hasOwn(rules, key)) throw new Error(`configuration: unknown key ${show(key)}`);
  }
  const config = completed(json as Config);
  for (const key of configKeys) {
    if (!Object.hasOwn(config, key)) throw new Error(`configuration: ${key} is missing`);
  }
  checkConfig(config);
  return config;
}

/** A value of a file, in one line that stays short. */
function show(value: unknown): string {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length <= 60 ? value : `${value.slice(0, 60)}…`);
}
