/** Every command with its options: what the parser takes and the help shows. */
import { type Config, changeNames, presets } from "../train/config.ts";
import type { CommandName } from "./command.ts";

export interface Option {
  name: string;
  /** What stands for the value in the help; an option without is on or off. */
  value?: string;
  /** Has a --no- form. */
  negatable?: boolean;
  help: string;
}

interface CommandTable {
  usage: string;
  summary: string;
  /** Follows the summary in the command's own help. */
  note?: string;
  sections: { title: string; options: Option[] }[];
  examples: [line: string, meaning: string][];
  /** A remark on how to run it, printed before the examples, and a command line as an illustration. */
  remark?: { text: string; line: string };
}

const adapter: Option = {
  name: "adapter",
  value: "auto|software|NAME",
  help: "auto (the default) takes a real GPU where there is one, else the software adapter; NAME is any part of a GPU's name",
};
const fit: Option = {
  name: "fit",
  value: "crop|stretch",
  help: "photographs that are not square: crop (the default) or stretch",
};
const json: Option = { name: "json", help: "print one JSON object a line, and nothing else" };
const force: Option = { name: "force", help: "replace a file that catgan did not write" };
const help: Option = { name: "help", help: "print this" };

export const commands: Record<CommandName, CommandTable> = {
  train: {
    usage: "catgan train [options]",
    summary: "Train a generator of cats. The run goes to a folder of its own.",
    note: "In brackets: what the presets tiny|steady|steady128|article have. Options win over presets.",
    sections: [
      {
        title: "Run",
        options: [
          {
            name: "data",
            value: "painted|DIR|ZIP",
            help: "painted cats (the default), your photographs, or what catgan prepare made of them",
          },
          fit,
          {
            name: "preset",
            value: "tiny|steady|steady128|article",
            help: "pictures of 32×32, 64×64 or 128×128; without this option the adapter decides",
          },
          setting("steps", "N", "length of the run, counted from its beginning"),
          setting("epochs", "N", "the same in passes over the pictures: give one of the two"),
          setting("seed", "N", "another seed, another run"),
          { name: "out", value: "DIR", help: "the run's folder, new or empty (default: runs/DATE-TIME-PRESET)" },
          {
            name: "resume",
            value: "RUN",
            help: "resume a run: give its folder, or a checkpoint file (for instance one downloaded from the page), which is continued in a new folder (--out); can be combined with --data (if the pictures have moved), --steps, --epochs, --sample-every, --save-every, --metrics-every, a learning-rate decay that has not begun (--lr-decay-…), --on-trouble, --adapter and --json",
          },
          { name: "dry-run", help: "print configuration, layers, memory and cost of a step; train nothing" },
        ],
      },
      {
        title: "Networks",
        options: [
          setting("size", "16|32|64|128", "height and width of the pictures"),
          setting("base", "N", "channels of the generator's last feature map"),
          setting("baseD", "N", "channels of the discriminator's first; --base does not change it"),
          setting("z", "N", "random numbers that a picture starts from"),
          setting("kernel", "N", "height and width of every filter"),
          setting("slope", "X", "leaky ReLU's, for negative numbers"),
          setting("normD", "batch|none", "batch-norm in the discriminator; batch needs --r1 0 and --r2 0"),
          setting("normDFirst", null, "batch-norm on its first layer too"),
          setting("spectralNormD", null, "divide the discriminator's weights by their spectral norms"),
          setting("minibatchStddev", null, "the discriminator sees how much pictures differ, four at a time"),
          setting("smoothFilter", null, "transposed filters that leave no checkerboard"),
        ],
      },
      {
        title: "Training",
        options: [
          setting("batch", "N", "pictures a step"),
          setting("lrD", "X", "learning rate of the discriminator"),
          setting("lrG", "X", "learning rate of the generator"),
          setting("lrDecayFrom", "N", "step after which both learning rates decrease linearly; 0: never"),
          setting("lrDecaySteps", "N", "length of that decrease in steps"),
          setting("lrDecayTo", "X", "fraction of the learning rates that remains afterwards"),
          setting("beta1", "X", "Adam's decay of the mean"),
          setting("beta2", "X", "Adam's decay of the mean square"),
          setting(
            "loss",
            "bce|hinge|relativistic",
            "cross-entropy with labels, a margin, or real beside fake in pairs",
          ),
          setting("smoothing", "X", "bce: real pictures are labelled 1 − X; the others need 0"),
          setting("r1", "X", "weight of the R1 penalty on D's slope at real pictures; 0: none"),
          setting("r2", "X", "weight of the R2 penalty on its slope at fakes; 0: none"),
          setting("r1Every", "N", "steps from one penalty, or pair of them, to the next"),
          setting("ema", "X", "decay of the averaged generator that samples are drawn from; 0: none"),
          setting("flips", null, "mirror every other picture, by chance"),
          setting(
            "augment",
            "none|LIST",
            `change by chance what D sees, real and drawn: a comma list out of ${changeNames.join(", ")}`,
          ),
        ],
      },
      {
        title: "Output",
        options: [
          setting("sampleEvery", "N", "steps from one sample grid to the next; 0: only at the end"),
          setting("metricsEvery", "N", "steps from one measurement of SWD to the next, and at the end; 0: none"),
          setting("saveEvery", "N", "epochs from one checkpoint to the next; 0: only at the end"),
          {
            name: "on-trouble",
            value: "stop|rollback|warn",
            help: "a sign of trouble is told once, with what usually helps. rollback (the default) also goes back to a checkpoint, with half the learning rates, when losses explode or numbers are not finite, three times at most; stop ends the run at any sign; warn only tells, until numbers are not finite",
          },
          adapter,
          {
            name: "variants",
            value: "auto|measure|table|FILE",
            help: "kernels: measure tries the variants once and remembers the fastest, table takes the built-in choices, auto (the default) measures on a GPU only; FILE is of catgan bench --variants --json",
          },
          json,
          help,
        ],
      },
    ],
    examples: [
      ["catgan train", "painted cats, in minutes"],
      ["catgan train --data photos/ --preset steady", "a folder of your own"],
      ["catgan train --preset article --dry-run", "what would it take?"],
      ["catgan train --resume runs/mine --steps 1600", "resume and train until step 1600"],
    ],
    remark: {
      text: "Closing the terminal stops training, as Ctrl-C does: the current step is finished and saved. nohup does not prevent this, because Node resets the signal that nohup ignores. To keep training, use tmux, or start it without a terminal:",
      line: "setsid catgan train > train.log 2>&1 &",
    },
  },
  sample: {
    usage: "catgan sample [RUN|FILE.safetensors] [options]",
    summary: "Draw pictures with a trained generator: the one that comes with catgan, a run's newest, or a file's.",
    sections: [
      {
        title: "Options",
        options: [
          { name: "n", value: "N", help: "how many pictures (default: 16)" },
          { name: "seed", value: "N", help: "another seed, other pictures (default: 1)" },
          { name: "columns", value: "N", help: "pictures in a row of the grid (default: as square as it gets)" },
          { name: "grid", value: "CxR", help: "C columns and R rows: --n and --columns in one" },
          {
            name: "walk",
            help: "an animated GIF: from cat to cat and back to the first; with --grid several such ways side by side",
          },
          { name: "stops", value: "N", help: "cats that each way of --walk passes (default: 6)" },
          { name: "fps", value: "N", help: "frames a second of --walk (default: 20)" },
          { name: "out", value: "FILE", help: "the file to write: .png, or .gif with --walk" },
          force,
          adapter,
          json,
          help,
        ],
      },
    ],
    examples: [
      ["catgan sample", "cats, without training"],
      ["catgan sample runs/mine --n 64 --out cats.png", ""],
      ["catgan sample step-000800.safetensors --seed 7", ""],
      ["catgan sample runs/mine --walk --grid 3x2", "six cats that turn into others"],
    ],
  },
  timelapse: {
    usage: "catgan timelapse RUN [options]",
    summary: "Make an animated GIF of a run's sample grids: how it learned. The run may still be going on.",
    sections: [
      {
        title: "Options",
        options: [
          { name: "out", value: "F.gif", help: "the file to write (default: timelapse.gif in the run's folder)" },
          force,
          { name: "fps", value: "N", help: "grids a second (default: 8)" },
          { name: "grid", value: "CxR", help: "only C columns and R rows of each grid: a smaller file" },
          json,
          help,
        ],
      },
    ],
    examples: [
      ["catgan timelapse runs/mine", ""],
      ["catgan timelapse runs/mine --grid 4x3 --fps 12 --out cats.gif", ""],
    ],
  },
  export: {
    usage: "catgan export RUN|FILE.safetensors OUT.safetensors [options]",
    summary: "Write a file with what drawing needs of a run, and nothing else: to give away, and to draw from.",
    sections: [
      {
        title: "Options",
        options: [
          { name: "f32", help: "keep every number; without it filters are rounded to f16, which is half as large" },
          {
            name: "credit",
            value: "TEXT",
            help: "whose pictures it learned from, and their licence: a line that is shown whenever it draws",
          },
          force,
          adapter,
          json,
          help,
        ],
      },
    ],
    examples: [
      ["catgan export runs/mine cats.safetensors", ""],
      ["catgan export runs/mine cats.safetensors --f32", "every number as it is"],
    ],
  },
  evaluate: {
    usage: "catgan evaluate RUN|FILE.safetensors [options]",
    summary: "Measure how like the real pictures a generator's are, beside what real ones score against real ones.",
    sections: [
      {
        title: "Options",
        options: [
          {
            name: "data",
            value: "painted|DIR|ZIP",
            help: "the real pictures (default: those that the run learned from)",
          },
          { name: "fit", value: "crop|stretch", help: "photographs that are not square (default: as in the run)" },
          {
            name: "n",
            value: "N",
            help: "pictures of each kind, at most half of the real ones (default: 1024); figures of different N do not compare",
          },
          { name: "seed", value: "N", help: "another seed, other fakes, halves, patches and directions (default: 1)" },
          {
            name: "nearest",
            value: "F.png",
            help: "write drawn pictures, each beside the real one nearest to it, those most like copies first",
          },
          force,
          adapter,
          json,
          help,
        ],
      },
    ],
    examples: [
      ["catgan evaluate runs/mine", ""],
      ["catgan evaluate cats.safetensors --data photos.zip --json", ""],
    ],
  },
  prepare: {
    usage: "catgan prepare SRC OUT [options]",
    summary:
      "Make square pictures of one size of a folder or a zip of photographs, to look at and to train on with --data OUT.",
    note: "Faces are cut out where there are landmarks (X.jpg.cat beside X.jpg, as in the CAT dataset). What is broken, too small or no RGB is refused and counted; near-duplicates are listed.",
    sections: [
      {
        title: "Options",
        options: [
          { name: "size", value: "16|32|64|128", help: "height and width (default: 64)" },
          fit,
          { name: "drop-duplicates", help: "of pictures that are nearly the same take only the first" },
          { name: "seed", value: "N", help: "another seed, other pictures on the contact sheet (default: 1)" },
          json,
          help,
        ],
      },
    ],
    examples: [
      ["catgan prepare CAT_DATASET/ faces64", "the CAT dataset's folders"],
      ["catgan prepare photos.zip cats128 --size 128", ""],
    ],
  },
  verify: {
    usage: "catgan verify [options]",
    summary: "Run every kernel on this machine's adapter and compare it with its f64 twin.",
    sections: [
      {
        title: "Options",
        options: [
          { name: "seed", value: "N", help: "another seed, other shapes and numbers (default: 1)" },
          { name: "quick", help: "fewer shapes" },
          { name: "filter", value: "TEXT", help: "check only kernels whose names contain TEXT" },
          adapter,
          json,
          help,
        ],
      },
    ],
    examples: [
      ["catgan verify", "exits with 1 if any kernel is wrong"],
      ["catgan verify --adapter software --quick", ""],
      ["catgan verify --filter batchNorm", ""],
    ],
  },
  bench: {
    usage: "catgan bench [options]",
    summary:
      "Check and time every kernel and whole training steps on this machine's adapter. A wrong kernel exits with 1.",
    sections: [
      {
        title: "Options",
        options: [
          { name: "filter", value: "TEXT", help: "only what has this in its name: a kernel, a layer, step, matrix" },
          { name: "quick", help: "fewer shapes, fewer repetitions: under a minute on two cores" },
          { name: "all", help: "steps of every preset, however long they take here" },
          { name: "variants", help: "the time of every way to compute each convolution, and which is taken" },
          { name: "compare", value: "FILE", help: "set an earlier result beside this one, and mark what differs" },
          {
            name: "json",
            value: "FILE",
            help: "write the result to a file; with --variants, for train --variants FILE",
          },
          { name: "save", help: "write it to bench/results, under the adapter's name" },
          { name: "readme", help: "the same, and bring the README's figures up to date" },
          adapter,
          help,
        ],
      },
    ],
    examples: [
      ["catgan bench", "some minutes"],
      ["catgan bench --quick --filter conv2d", ""],
      ["catgan bench --compare before.json", "faster or slower than before?"],
    ],
  },
  shader: {
    usage: "catgan shader NAME [VARIANT]",
    summary: "Print a kernel's complete program: its files joined and all repetitions expanded.",
    note: "NAME is a file in shaders/, without .wgsl. VARIANT is a tile size of a convolution pass: 8x8, or in quotes 'shared 64x64'.",
    sections: [{ title: "Options", options: [help] }],
    examples: [
      ["catgan shader conv2d 16x8", "the forward pass with 16 rows × 8 columns per thread"],
      ["catgan shader adam", ""],
    ],
  },
};

/** The option of a configuration's key; the help shows what the presets have. */
function setting(key: keyof Config, value: string | null, meaning: string): Option {
  const values = Object.values(presets).map((preset) => {
    const of = preset[key];
    return of === null ? "–" : typeof of === "boolean" ? (of ? "on" : "off") : String(of);
  });
  const shown = new Set(values).size === 1 ? values[0] : values.join("|");
  const name = kebab(key);
  return value === null
    ? { name, negatable: true, help: `${meaning} [${shown}]` }
    : { name, value, help: `${meaning} [${shown}]` };
}

/** lrD → lr-d */
export function kebab(key: string): string {
  return key.replaceAll("_", "-").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
