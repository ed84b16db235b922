/**
 * Every setting of a run, one row each. Everything about a setting follows from its row: `Config` and
 * its checks, files of earlier versions, the options and the help of `catgan train`, what `--resume` may change, the
 * page's form, and docs/settings.md.
 */
import { group, type Setting } from "./setting.ts";
import { oneOf, onOff, orNull, real, someOf, whole } from "./value_types.ts";

const fraction = (step?: number) =>
  real("a number of at least 0 and below 1", (value) => value >= 0 && value < 1, step);
const rate = real("a number above 0 and at most 1", (value) => value > 0 && value <= 1);
const penalty = real("a number from 0 (off) to 1000", (value) => value >= 0 && value <= 1000);

/** Random changes to what the discriminator sees, in the order in which they are applied. */
const changeNames = ["color", "translation", "cutout"] as const;

export const settings = {
  ...group("Run", {
    steps: {
      type: orNull(whole(1, 1e9)),
      default: 800,
      label: "Steps",
      help: "Length of the run; in each step both networks learn from one batch of pictures",
      takesEffect: "at once",
      resumable: "always",
    },
    epochs: {
      type: orNull(whole(1, 1e9)),
      default: null,
      label: "Epochs",
      help: "Length of the run in passes over all pictures, instead of steps",
      takesEffect: "at once",
      resumable: "always",
    },
    seed: {
      type: whole(0, 2 ** 32 - 1),
      default: 1,
      label: "Seed",
      help: "Random seed: the same seed gives the same run",
      takesEffect: "new run",
    },
    batch: {
      type: whole(1, 4096),
      default: 16,
      label: "Batch",
      help: "Pictures per step; more give smoother gradients and take more time and memory",
      takesEffect: "new run",
    },
    sampleEvery: {
      type: whole(0, 1e9),
      default: 50,
      label: "Grid every … steps",
      help: "Steps between sample grids; 0: only at the end",
      takesEffect: "at once",
      resumable: "always",
    },
    saveEvery: {
      type: whole(0, 1e9),
      default: 5,
      label: "Save every … epochs",
      help: "Epochs between checkpoints; 0: only at the end (the page also saves every half minute)",
      takesEffect: "at once",
      resumable: "always",
    },
    metricsEvery: {
      type: whole(0, 1e9),
      default: 0,
      label: "Measure every … steps",
      help: "Steps between measurements of how far samples are from real pictures (SWD), which take a moment; 0: never",
      takesEffect: "at once",
      resumable: "always",
      ifMissing: 0,
    },
  }),
  ...group("Training", {
    lrD: {
      type: rate,
      default: 1e-3,
      label: "Learning rate, D",
      help: "Learning rate of the discriminator; if it is too high, D wins and the generator stops learning",
      takesEffect: "at once",
    },
    lrG: {
      type: rate,
      default: 2e-3,
      label: "Learning rate, G",
      help: "Learning rate of the generator",
      takesEffect: "at once",
    },
    lrDecayFrom: {
      type: whole(0, 1e9),
      default: 0,
      label: "Decay after step",
      help: "Step after which both learning rates decrease linearly, which calms the end of long runs; 0: never",
      takesEffect: "at once",
      resumable: "before the decay",
      ifMissing: 0,
    },
    lrDecaySteps: {
      type: whole(1, 1e9),
      default: 1000,
      label: "Decay for … steps",
      help: "Steps over which the learning rates decrease; afterwards they stay constant",
      takesEffect: "at once",
      resumable: "before the decay",
      ifMissing: 1000,
    },
    lrDecayTo: {
      type: rate,
      default: 0.1,
      label: "Decay to",
      help: "Fraction of the learning rates that remains after the decay",
      takesEffect: "at once",
      resumable: "before the decay",
      ifMissing: 0.1,
    },
    loss: {
      type: oneOf(["bce", "hinge", "relativistic"], { bce: "cross-entropy" }),
      default: "bce",
      label: "Loss",
      help: "Cross-entropy with labels (bce), a margin (hinge), or each real picture against a generated one (relativistic)",
      takesEffect: "between steps",
      ifMissing: "bce",
    },
    smoothing: {
      type: fraction(0.05),
      default: 0,
      label: "Label smoothing",
      help: "Real pictures are labelled 1 minus this, so that the discriminator never gets too sure; with cross-entropy only",
      takesEffect: "between steps",
    },
    r1: {
      type: penalty,
      default: 1,
      label: "R1 penalty",
      help: "Weight of a penalty on the discriminator's gradient at real pictures, which keeps training stable; 0: off",
      takesEffect: "between steps",
    },
    r2: {
      type: penalty,
      default: 0,
      label: "R2 penalty",
      help: "Weight of the same penalty at generated pictures, which the relativistic loss needs; 0: off",
      takesEffect: "between steps",
      ifMissing: 0,
    },
    r1Every: {
      type: whole(1, 1e6),
      default: 8,
      label: "Penalty every … steps",
      help: "Penalties are expensive, so they run every N steps with N times the weight",
      takesEffect: "between steps",
    },
    ema: {
      type: fraction(),
      default: 0.97,
      label: "Averaging of G",
      help: "Samples are drawn from a moving average of the generator with this decay per step; 0: off",
      takesEffect: "between steps",
      toggleNeedsNewRun: true,
    },
    flips: {
      type: onOff,
      default: false,
      label: "Mirror pictures",
      help: "Each picture is mirrored half the time, at random",
      takesEffect: "between steps",
    },
    augment: {
      type: someOf(changeNames, {
        none: "off",
        translation: "shift",
        "translation,cutout": "shift, cutout",
        "color,translation": "colour, shift",
        "color,translation,cutout": "colour, shift, cutout",
      }),
      default: "none",
      label: "Augment",
      help: "The discriminator sees every picture, real or generated, randomly changed; useful with few pictures",
      takesEffect: "between steps",
      ifMissing: "none",
    },
    beta1: {
      type: fraction(),
      default: 0,
      label: "Adam β₁",
      help: "Decay per step of Adam's average of gradients; 0: no memory of earlier gradients",
      takesEffect: "between steps",
    },
    beta2: {
      type: fraction(),
      default: 0.999,
      label: "Adam β₂",
      help: "Decay per step of Adam's average of squared gradients, which scales each weight's step",
      takesEffect: "between steps",
    },
  }),
  ...group("Networks", {
    size: {
      type: oneOf<number>([16, 32, 64, 128], { 16: "16 × 16", 32: "32 × 32", 64: "64 × 64", 128: "128 × 128" }),
      default: 32,
      label: "Picture size",
      help: "Height and width of the pictures in pixels; twice the size is about four times the work",
      takesEffect: "new run",
    },
    base: {
      type: whole(1, 256),
      default: 8,
      label: "Channels, G",
      help: "Channels of the generator's last feature map; each earlier one has twice as many",
      takesEffect: "new run",
    },
    baseD: {
      type: whole(1, 256),
      default: 16,
      label: "Channels, D",
      help: "Channels of the discriminator's first feature map; each later one has twice as many",
      takesEffect: "new run",
    },
    z: {
      type: whole(1, 4096),
      default: 100,
      label: "Latent numbers",
      help: "Random numbers that each picture is generated from",
      takesEffect: "new run",
    },
    kernel: {
      type: whole(1, 7),
      default: 5,
      label: "Filter width",
      help: "Height and width of every convolution filter",
      takesEffect: "new run",
    },
    slope: {
      type: fraction(),
      default: 0.2,
      label: "Leaky slope",
      help: "Slope of leaky ReLU for negative inputs",
      takesEffect: "between steps",
    },
    normD: {
      type: oneOf(["none", "batch"], { batch: "batch-norm" }),
      default: "none",
      label: "Norm in D",
      help: "Batch normalisation in the discriminator, as in the article; it rules out the R1 and R2 penalties",
      takesEffect: "new run",
    },
    normDFirst: {
      type: onOff,
      default: false,
      label: "Norm on D's first layer",
      help: "Batch normalisation on the discriminator's first layer too, as in the article's notebook",
      takesEffect: "new run",
    },
    spectralNormD: {
      type: onOff,
      default: false,
      label: "Spectral norm in D",
      help: "Each weight of the discriminator is divided by its largest singular value; suits the hinge loss",
      takesEffect: "new run",
      ifMissing: false,
    },
    minibatchStddev: {
      type: onOff,
      default: false,
      label: "Minibatch spread",
      help: "The discriminator sees how much pictures of a batch differ, which exposes a generator that repeats itself",
      takesEffect: "new run",
      ifMissing: false,
    },
    smoothFilter: {
      type: onOff,
      default: false,
      label: "Smooth filters",
      help: "The generator's filters are slightly blurred, which avoids a checkerboard pattern",
      takesEffect: "new run",
    },
  }),
};

/** Everything that decides a run's numbers, except the pictures and the machine. Of `steps` and `epochs` one is null. */
export type Config = {
  [K in keyof typeof settings]: (typeof settings)[K] extends Setting<infer T> ? T : never;
};
