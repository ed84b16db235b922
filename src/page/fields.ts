/** What people are told of every hyper-parameter. */
import type { Config } from "../train/config.ts";

export interface Field {
  label: string;
  /** One sentence on what it does. */
  does: string;
  /** Left out: a whole number. */
  input?:
    | { kind: "number"; step: number | "any" }
    | { kind: "choice"; options: Record<string, string> }
    | { kind: "switch" };
}

const number = (step: number | "any") => ({ kind: "number", step }) as const;
const toggle = { kind: "switch" } as const;

export const fields: Readonly<Record<keyof Config, Field>> = {
  steps: {
    label: "Steps",
    does: "In each step both networks see one batch of pictures and learn from it.",
  },
  epochs: {
    label: "Epochs",
    does: "The same counted in passes over all pictures.",
  },
  seed: {
    label: "Seed",
    does: "All chance follows from it: the same seed gives the same run.",
  },
  batch: {
    label: "Batch",
    does: "Pictures in a step; more give calmer gradients and take more time and memory.",
  },
  lrD: {
    label: "Learning rate, D",
    does: "How far the discriminator moves in a step; too high and it wins, too low and G learns nothing from it.",
    input: number("any"),
  },
  lrG: {
    label: "Learning rate, G",
    does: "How far the generator moves in a step.",
    input: number("any"),
  },
  lrDecayFrom: {
    label: "Decay after step",
    does: "After this step both learning rates decrease, which calms the end of long runs; 0: never.",
  },
  lrDecaySteps: {
    label: "Decay for … steps",
    does: "The learning rates decrease linearly for this many steps, then stay constant.",
  },
  lrDecayTo: {
    label: "Decay to",
    does: "The fraction of the learning rates that remains after the decay.",
    input: number("any"),
  },
  loss: {
    label: "Loss",
    does: "What the networks play for: cross-entropy with labels, a margin (hinge), or a real picture above a fake, pair by pair.",
    input: { kind: "choice", options: { bce: "cross-entropy", hinge: "hinge", relativistic: "relativistic" } },
  },
  smoothing: {
    label: "Label smoothing",
    does: "Real pictures are labelled 1 minus this, so that the discriminator is never too sure.",
    input: number(0.05),
  },
  r1: {
    label: "R1 penalty",
    does: "Keeps the discriminator smooth around real pictures, which keeps training stable; 0: off.",
    input: number("any"),
  },
  r2: {
    label: "R2 penalty",
    does: "The same around the generator's pictures, which a relativistic loss needs; 0: off.",
    input: number("any"),
  },
  r1Every: {
    label: "Penalty every … steps",
    does: "The penalties are dear, so only every so many steps have them, weighted by as much.",
  },
  ema: {
    label: "Averaging of G",
    does: "Samples are drawn from a moving average of the generator; this is its decay a step.",
    input: number("any"),
  },
  flips: {
    label: "Mirror pictures",
    does: "Every other picture, by chance, is shown mirrored.",
    input: toggle,
  },
  augment: {
    label: "Augment",
    does: "The discriminator sees every picture, real or drawn, changed by chance: good for few pictures.",
    input: {
      kind: "choice",
      options: {
        none: "nothing",
        translation: "place",
        "translation,cutout": "place, hole",
        "color,translation": "colour, place",
        "color,translation,cutout": "colour, place, hole",
      },
    },
  },
  beta1: {
    label: "Adam β₁",
    does: "How long Adam remembers the direction of earlier gradients; 0: not at all.",
    input: number("any"),
  },
  beta2: {
    label: "Adam β₂",
    does: "How long Adam remembers gradients' size, by which it scales each weight's step.",
    input: number("any"),
  },
  size: {
    label: "Picture size",
    does: "Height and width of the pictures in pixels; twice the size is about four times the work.",
    input: { kind: "choice", options: { 16: "16 × 16", 32: "32 × 32", 64: "64 × 64", 128: "128 × 128" } },
  },
  base: {
    label: "Channels, G",
    does: "Feature maps of the generator's last layer; earlier layers have twice as many each.",
  },
  baseD: {
    label: "Channels, D",
    does: "Feature maps of the discriminator's first layer; later layers have twice as many each.",
  },
  z: {
    label: "Latent numbers",
    does: "How many random numbers a picture grows from.",
  },
  kernel: {
    label: "Filter width",
    does: "Height and width of every convolution's filter.",
  },
  slope: {
    label: "Leaky slope",
    does: "Leaky ReLU lets this share of negative numbers through.",
    input: number("any"),
  },
  normD: {
    label: "Norm in D",
    does: "Batch-norm in the discriminator, as in the article, or none, which holds better with R1.",
    input: { kind: "choice", options: { none: "none", batch: "batch-norm" } },
  },
  normDFirst: {
    label: "Norm on D's first layer",
    does: "Batch-norm there too, as the article's notebook has it.",
    input: toggle,
  },
  spectralNormD: {
    label: "Spectral norm in D",
    does: "Every weight of the discriminator is divided by the most that it can stretch anything; suits the hinge loss.",
    input: toggle,
  },
  minibatchStddev: {
    label: "Minibatch spread",
    does: "The discriminator sees how much the pictures of a batch differ, so a generator that repeats itself is caught.",
    input: toggle,
  },
  smoothFilter: {
    label: "Smooth filters",
    does: "The generator's filters are blurred a little, which leaves no checkerboard.",
    input: toggle,
  },
  sampleEvery: {
    label: "Grid every … steps",
    does: "How often a grid is kept for the timeline; 0 keeps only the last.",
  },
  saveEvery: {
    label: "Save every … epochs",
    does: "How often the run is saved, besides every half minute or so.",
  },
  metricsEvery: {
    label: "Measure every … steps",
    does: "How often drawings are held against real pictures (SWD), which takes a moment; 0: never.",
  },
};

export const groups: readonly { title: string; keys: readonly (keyof Config)[] }[] = [
  { title: "Run", keys: ["steps", "epochs", "seed", "batch", "sampleEvery", "saveEvery", "metricsEvery"] },
  {
    title: "Learning",
    keys: [
      "lrD",
      "lrG",
      "lrDecayFrom",
      "lrDecaySteps",
      "lrDecayTo",
      "loss",
      "smoothing",
      "r1",
      "r2",
      "r1Every",
      "ema",
      "flips",
      "augment",
      "beta1",
      "beta2",
    ],
  },
  {
    title: "Networks",
    keys: [
      "size",
      "base",
      "baseD",
      "z",
      "kernel",
      "slope",
      "normD",
      "normDFirst",
      "spectralNormD",
      "minibatchStddev",
      "smoothFilter",
    ],
  },
];
