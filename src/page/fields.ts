/** What people are told of every hyper-parameter, and when a change of it takes effect. */
import type { Config } from "../train/config.ts";

/**
 * at once: from the next step on. between steps: the step is built anew, which takes a moment, and the run goes on.
 * new run: networks, pictures or random numbers would be others.
 */
export type When = "at once" | "between steps" | "new run";

export interface Field {
  label: string;
  /** One sentence on what it does. */
  does: string;
  when: When;
  input:
    | { kind: "number"; step: number | "any" }
    | { kind: "choice"; options: Record<string, string> }
    | { kind: "switch" };
}

const number = (step: number | "any" = 1) => ({ kind: "number", step }) as const;
const toggle = { kind: "switch" } as const;

export const fields: Readonly<Record<keyof Config, Field>> = {
  steps: {
    label: "Steps",
    does: "How long to train: in each step both networks see one batch of pictures and learn from it.",
    when: "at once",
    input: number(),
  },
  epochs: {
    label: "Epochs",
    does: "How long to train, counted in passes over all pictures, instead of steps.",
    when: "at once",
    input: number(),
  },
  seed: {
    label: "Seed",
    does: "All chance follows from it (first weights, noise, order, painted cats): the same seed gives the same run.",
    when: "new run",
    input: number(),
  },
  batch: {
    label: "Batch",
    does: "Pictures in a step; more give calmer gradients and take more time and memory.",
    when: "new run",
    input: number(),
  },
  lrD: {
    label: "Learning rate, D",
    does: "How far the discriminator moves in a step; too high and it wins or diverges, too low and G learns nothing from it.",
    when: "at once",
    input: number("any"),
  },
  lrG: {
    label: "Learning rate, G",
    does: "How far the generator moves in a step.",
    when: "at once",
    input: number("any"),
  },
  smoothing: {
    label: "Label smoothing",
    does: "Real pictures are labelled 1 minus this, so that the discriminator never becomes too sure of itself.",
    when: "between steps",
    input: number(0.05),
  },
  r1: {
    label: "R1 penalty",
    does: "Keeps the discriminator smooth around real pictures, which keeps training stable; 0 switches it off.",
    when: "between steps",
    input: number("any"),
  },
  r1Every: {
    label: "R1 every … steps",
    does: "The penalty is dear, so only every so many steps have it, weighted by as much.",
    when: "between steps",
    input: number(),
  },
  ema: {
    label: "Averaging of G",
    does: "Samples are drawn from a moving average of the generator, which is steadier; this is its decay a step.",
    when: "between steps",
    input: number("any"),
  },
  flips: {
    label: "Mirror pictures",
    does: "Every other picture, by chance, is shown mirrored: twice the variety for free.",
    when: "between steps",
    input: toggle,
  },
  beta1: {
    label: "Adam β₁",
    does: "How long Adam remembers the direction of earlier gradients; 0 means not at all, as many GANs like it.",
    when: "between steps",
    input: number("any"),
  },
  beta2: {
    label: "Adam β₂",
    does: "How long Adam remembers the size of earlier gradients, by which it scales each weight's step.",
    when: "between steps",
    input: number("any"),
  },
  size: {
    label: "Picture size",
    does: "Height and width of the pictures in pixels; twice the size is about four times the work.",
    when: "new run",
    input: { kind: "choice", options: { 16: "16 × 16", 32: "32 × 32", 64: "64 × 64", 128: "128 × 128" } },
  },
  base: {
    label: "Channels, G",
    does: "Feature maps of the generator's last layer; earlier layers have twice as many each.",
    when: "new run",
    input: number(),
  },
  baseD: {
    label: "Channels, D",
    does: "Feature maps of the discriminator's first layer; later layers have twice as many each.",
    when: "new run",
    input: number(),
  },
  z: {
    label: "Latent numbers",
    does: "How many random numbers a picture grows from.",
    when: "new run",
    input: number(),
  },
  kernel: {
    label: "Filter width",
    does: "Height and width of every convolution's filter.",
    when: "new run",
    input: number(),
  },
  slope: {
    label: "Leaky slope",
    does: "Leaky ReLU lets this share of negative numbers through.",
    when: "between steps",
    input: number("any"),
  },
  normD: {
    label: "Norm in D",
    does: "Batch-norm in the discriminator, as in the article, or none, which holds better with R1.",
    when: "new run",
    input: { kind: "choice", options: { none: "none", batch: "batch-norm" } },
  },
  normDFirst: {
    label: "Norm on D's first layer",
    does: "Batch-norm there too, as the article's notebook has it.",
    when: "new run",
    input: toggle,
  },
  smoothFilter: {
    label: "Smooth filters",
    does: "The generator's filters are blurred a little, which leaves no checkerboard.",
    when: "new run",
    input: toggle,
  },
  sampleEvery: {
    label: "Grid every … steps",
    does: "How often a grid is kept for the timeline; 0 keeps only the last.",
    when: "at once",
    input: number(),
  },
  saveEvery: {
    label: "Save every … epochs",
    does: "How often the run is saved, besides every half minute or so.",
    when: "at once",
    input: number(),
  },
};

export const groups: readonly { title: string; keys: readonly (keyof Config)[] }[] = [
  { title: "Run", keys: ["steps", "epochs", "seed", "batch", "sampleEvery", "saveEvery"] },
  { title: "Learning", keys: ["lrD", "lrG", "smoothing", "r1", "r1Every", "ema", "flips", "beta1", "beta2"] },
  { title: "Networks", keys: ["size", "base", "baseD", "z", "kernel", "slope", "normD", "normDFirst", "smoothFilter"] },
];

/** When a change from one configuration to another takes effect, as far as this value is concerned. */
export function whenChanged(key: keyof Config, before: Config, after: Config): When {
  // With and without an average are other sets of tensors.
  if (key === "ema" && before.ema > 0 !== after.ema > 0) return "new run";
  return fields[key].when;
}
