/** When a change of a hyper-parameter takes effect. */
import type { Config } from "../train/config.ts";

/**
 * at once: from the next step on. between steps: the step is built anew, which takes a moment, and the run goes on.
 * new run: networks, pictures or random numbers would be others.
 */
export type When = "at once" | "between steps" | "new run";

/** Of any change, but for `ema`. */
export const when: Readonly<Record<keyof Config, When>> = {
  steps: "at once",
  epochs: "at once",
  seed: "new run",
  batch: "new run",
  lrD: "at once",
  lrG: "at once",
  lrDecayFrom: "at once",
  lrDecaySteps: "at once",
  lrDecayTo: "at once",
  loss: "between steps",
  smoothing: "between steps",
  r1: "between steps",
  r2: "between steps",
  r1Every: "between steps",
  ema: "between steps",
  flips: "between steps",
  augment: "between steps",
  beta1: "between steps",
  beta2: "between steps",
  size: "new run",
  base: "new run",
  baseD: "new run",
  z: "new run",
  kernel: "new run",
  slope: "between steps",
  normD: "new run",
  normDFirst: "new run",
  spectralNormD: "new run",
  minibatchStddev: "new run",
  smoothFilter: "new run",
  sampleEvery: "at once",
  saveEvery: "at once",
  metricsEvery: "at once",
};

/** When a change from one configuration to another takes effect, as far as this value is concerned. */
export function whenChanged(key: keyof Config, before: Config, after: Config): When {
  // With and without an average are other sets of tensors.
  if (key === "ema" && before.ema > 0 !== after.ema > 0) return "new run";
  return when[key];
}
