/** The command line: what people may write, what it means, and the help that says so. One table serves all three. */
import { parseArgs } from "node:util";
import {
  type Config,
  changeNames,
  checkConfig,
  configKeys,
  type PresetName,
  presets,
  type Rule,
  rules,
  whole,
} from "../train/config.ts";
import { wrapped } from "./progress.ts";
import { UserError } from "./user_error.ts";

export type CommandName = "train" | "sample" | "timelapse" | "export" | "evaluate" | "prepare" | "verify" | "bench";

/** What to do when training goes wrong. */
export type OnTrouble = "stop" | "rollback" | "warn";

/** A new run. Its configuration is `resolveConfig(preset, overrides)`. */
export interface NewRun {
  command: "train";
  resume: null;
  /** `painted`, or the path of a folder or a zip. */
  data: string;
  /** How photographs that are not square become square. */
  fit: "crop" | "stretch";
  /** null = nobody chose: the adapter decides. */
  preset: PresetName | null;
  overrides: Partial<Config>;
  /** null = a new folder under runs/. */
  out: string | null;
  dryRun: boolean;
  /** `auto`, `measure`, `table` or the path of a file. */
  variants: string;
  onTrouble: OnTrouble;
  adapter: string;
  json: boolean;
}

/** An earlier run that goes on; its configuration is `resolveConfig(the checkpoint's, overrides)`. */
export interface ResumedRun {
  command: "train";
  /** The run's folder. */
  resume: string;
  /** Where its pictures are now; null = where they were. */
  data: string | null;
  overrides: Partial<Pick<Config, "steps" | "epochs" | "sampleEvery" | "saveEvery" | "metricsEvery">>;
  onTrouble: OnTrouble;
  adapter: string;
  json: boolean;
}

export interface SampleCommand {
  command: "sample";
  /** A run's folder, a checkpoint or a generator file; null = the weights that come with the package. */
  source: string | null;
  /** Pictures, or with `walk` ways side by side. */
  n: number;
  seed: number;
  /** null = as square as it gets. */
  columns: number | null;
  /** A film of ways through latent space: how many cats each passes. */
  walk: { stops: number; fps: number } | null;
  /** null = a name of the command's choice. */
  out: string | null;
  adapter: string;
  json: boolean;
}

export interface TimelapseCommand {
  command: "timelapse";
  /** A run's folder. */
  run: string;
  /** null = timelapse.gif in it. */
  out: string | null;
  fps: number;
  /** Only so much of every grid, from its upper left; null = all. */
  grid: Grid | null;
  json: boolean;
}

/** Of pictures. */
export interface Grid {
  columns: number;
  rows: number;
}

export interface ExportCommand {
  command: "export";
  /** A run's folder, a checkpoint or a generator file. */
  source: string;
  out: string;
  /** Every number as f32. */
  f32: boolean;
  /** null = the one that a generator file has already. */
  credit: string | null;
  adapter: string;
  json: boolean;
}

export interface EvaluateCommand {
  command: "evaluate";
  /** A run's folder, a checkpoint or a generator file. */
  source: string;
  /** `painted`, or the path of a folder or a zip; null = the run's own pictures. */
  data: string | null;
  /** null = as in the run. */
  fit: "crop" | "stretch" | null;
  n: number;
  seed: number;
  /** A PNG to write; null = none. */
  nearest: string | null;
  adapter: string;
  json: boolean;
}

export interface PrepareCommand {
  command: "prepare";
  /** The path of a folder or a zip. */
  source: string;
  /** The folder to make. */
  out: string;
  size: number;
  fit: "crop" | "stretch";
  dropDuplicates: boolean;
  /** The contact sheet's. */
  seed: number;
  json: boolean;
}

const fits = ["crop", "stretch"] as const;

export interface VerifyCommand {
  command: "verify";
  seed: number;
  quick: boolean;
  adapter: string;
  json: boolean;
}

export interface BenchCommand {
  command: "bench";
  /** Only what has this in its name. */
  filter: string | null;
  quick: boolean;
  /** Steps of every preset, however slow. */
  all: boolean;
  /** An earlier result. */
  compare: string | null;
  /** Show what calibration measures instead. */
  variants: boolean;
  /** Files to write: one of the user's choice, the adapter's in bench/results, and the README's block. */
  json: string | null;
  save: boolean;
  readme: boolean;
  adapter: string;
}

export type Command =
  | NewRun
  | ResumedRun
  | SampleCommand
  | TimelapseCommand
  | ExportCommand
  | EvaluateCommand
  | PrepareCommand
  | VerifyCommand
  | BenchCommand
  | { command: "help"; topic: CommandName | null }
  | { command: "version" };

interface Option {
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
const help: Option = { name: "help", help: "print this" };

const commands: Record<CommandName, CommandTable> = {
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
            help: "painted cats (the default), your JPEG and PNG photographs, or what catgan prepare made of them",
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
            value: "DIR",
            help: "go on with an earlier run; beside it only --data (where the pictures are now), --steps, --epochs, --sample-every, --save-every, --metrics-every, --on-trouble, --adapter and --json",
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
      ["catgan train --resume runs/mine --steps 1600", "go on until step 1600"],
    ],
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
          { name: "out", value: "FILE", help: "the file to write" },
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
          adapter,
          json,
          help,
        ],
      },
    ],
    examples: [
      ["catgan verify", "exits with 1 where one is wrong"],
      ["catgan verify --adapter software --quick", ""],
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
};

/** Options that a resumed run may be given: how long, how often and where, not which numbers. */
const resumable = [
  "resume",
  "data",
  "steps",
  "epochs",
  "sample-every",
  "save-every",
  "metrics-every",
  "on-trouble",
  "adapter",
  "json",
];

/**
 * @param argv what follows the program's name
 * @throws UserError one line: the option, what came, what was expected, and the nearest option for a typo
 */
export function parseCommand(argv: string[]): Command {
  const [first, ...rest] = argv;
  if (first === undefined || first === "--help" || first === "-h") return { command: "help", topic: null };
  if (first === "--version") return { command: "version" };
  if (!Object.hasOwn(commands, first)) {
    const names = Object.keys(commands);
    const near = nearest(first, names);
    throw new UserError(
      `catgan ${first}: unknown command, expected ${listed(names)}${near ? `; did you mean ${near}?` : ""}`,
    );
  }
  const command = first as CommandName;
  const given = parseOptions(command, rest);
  if (given.options.has("help")) return { command: "help", topic: command };
  switch (command) {
    case "train":
      return parseTrain(given);
    case "sample":
      return parseSample(given);
    case "timelapse":
      return parseTimelapse(given);
    case "export":
      return parseExport(given);
    case "evaluate":
      return parseEvaluate(given);
    case "prepare":
      return parsePrepare(given);
    case "verify":
      return parseVerify(given);
    case "bench":
      return parseBench(given);
  }
}

/**
 * The configuration that a preset, or an earlier run's configuration, becomes by overrides; steps replace epochs and
 * the reverse.
 * @throws UserError when the values do not go together
 */
export function resolveConfig(start: PresetName | Config, overrides: Partial<Config>): Config {
  const config: Config = { ...(typeof start === "string" ? presets[start] : start), ...overrides };
  if (overrides.steps != null && overrides.epochs == null) config.epochs = null;
  if (overrides.epochs != null && overrides.steps == null) config.steps = null;
  try {
    checkConfig(config);
  } catch (error) {
    throw new UserError((error as Error).message);
  }
  return config;
}

/** A new run's configuration: the preset that was chosen, or the one that suits the adapter, and the overrides. */
export function chooseConfig({ preset, overrides }: NewRun, software: boolean) {
  const name: PresetName = preset ?? (software ? "tiny" : "steady");
  const why = software ? "tiny, since no real GPU is used" : "steady, since there is a GPU";
  return {
    config: resolveConfig(name, overrides),
    preset: name,
    origin: preset ?? `${why} (--preset chooses another)`,
  };
}

// ---- the commands ----

interface Given {
  command: CommandName;
  /** Option → its text, or on or off. */
  options: Map<string, string | boolean>;
  positionals: string[];
}

function parseTrain(given: Given): NewRun | ResumedRun {
  refusePositionals(given, 0);
  if (given.options.has("steps") && given.options.has("epochs")) {
    throw new UserError("--steps and --epochs both set the run's length: give one of them");
  }
  const overrides = configOverrides(given);
  const shared = {
    command: "train",
    onTrouble: choice(given, "on-trouble", ["stop", "rollback", "warn"]) ?? "rollback",
    adapter: text(given, "adapter") ?? "auto",
    json: flag(given, "json"),
  } as const;
  const resume = text(given, "resume");
  if (resume !== null) {
    const refused = [...given.options.keys()].find((name) => !resumable.includes(name));
    if (refused !== undefined) {
      const allowed = resumable.slice(1).map((name) => `--${name}`);
      throw new UserError(`--${refused} cannot be given with --resume, beside which may stand ${listed(allowed)}`);
    }
    return { ...shared, resume, data: text(given, "data"), overrides };
  }
  const preset = choice(given, "preset", Object.keys(presets) as PresetName[]);
  if (preset !== null) resolveConfig(preset, overrides);
  return {
    ...shared,
    resume,
    data: text(given, "data") ?? "painted",
    fit: choice(given, "fit", fits) ?? "crop",
    preset,
    overrides,
    out: text(given, "out"),
    dryRun: flag(given, "dry-run"),
    variants: text(given, "variants") ?? "auto",
  };
}

function parseSample(given: Given): SampleCommand {
  refusePositionals(given, 1);
  const size = grid(given);
  const walks = flag(given, "walk");
  const refuse = (names: readonly string[], why: string) => {
    const name = names.find((one) => given.options.has(one));
    if (name) throw new UserError(`--${name} ${why}`);
  };
  if (size) refuse(["n", "columns"], "cannot be given with --grid, which says both");
  if (walks)
    refuse(["n", "columns"], "cannot be given with --walk: --grid CxR says how many ways, --stops how many cats");
  else refuse(["stops", "fps"], "is of --walk: give that too");
  const stops = number(given, "stops", whole(2, 1000)) ?? 6;
  return {
    command: "sample",
    source: given.positionals[0] ?? null,
    n: size ? size.columns * size.rows : walks ? 1 : (number(given, "n", whole(1, 4096)) ?? 16),
    seed: number(given, "seed", rules.seed) ?? 1,
    columns: size?.columns ?? number(given, "columns", whole(1, 4096)),
    walk: walks ? { stops, fps: number(given, "fps", framesPerSecond) ?? 20 } : null,
    out: text(given, "out"),
    adapter: text(given, "adapter") ?? "auto",
    json: flag(given, "json"),
  };
}

function parseTimelapse(given: Given): TimelapseCommand {
  refusePositionals(given, 1);
  const [run] = given.positionals;
  if (!run) throw new UserError(`catgan timelapse: expected a run's folder: ${commands.timelapse.usage}`);
  return {
    command: "timelapse",
    run,
    out: text(given, "out"),
    fps: number(given, "fps", framesPerSecond) ?? 8,
    grid: grid(given),
    json: flag(given, "json"),
  };
}

function parseExport(given: Given): ExportCommand {
  refusePositionals(given, 2);
  const [source, out] = given.positionals;
  if (!out) throw new UserError(`catgan export: expected a run and the file to write: ${commands.export.usage}`);
  return {
    command: "export",
    source,
    out,
    f32: flag(given, "f32"),
    credit: text(given, "credit"),
    adapter: text(given, "adapter") ?? "auto",
    json: flag(given, "json"),
  };
}

function parseEvaluate(given: Given): EvaluateCommand {
  refusePositionals(given, 1);
  const [source] = given.positionals;
  if (!source) {
    throw new UserError("catgan evaluate: nothing to evaluate, expected a run's folder or a .safetensors file");
  }
  return {
    command: "evaluate",
    source,
    data: text(given, "data"),
    fit: choice(given, "fit", fits),
    n: number(given, "n", whole(6, 4096)) ?? 1024,
    seed: number(given, "seed", rules.seed) ?? 1,
    nearest: text(given, "nearest"),
    adapter: text(given, "adapter") ?? "auto",
    json: flag(given, "json"),
  };
}

function parsePrepare(given: Given): PrepareCommand {
  refusePositionals(given, 2);
  const [source, out] = given.positionals;
  if (!source || !out) {
    throw new UserError("catgan prepare: expected two places, a folder or a zip of pictures and a new folder");
  }
  return {
    command: "prepare",
    source,
    out,
    size: number(given, "size", rules.size) ?? 64,
    fit: choice(given, "fit", fits) ?? "crop",
    dropDuplicates: flag(given, "drop-duplicates"),
    seed: number(given, "seed", rules.seed) ?? 1,
    json: flag(given, "json"),
  };
}

function parseVerify(given: Given): VerifyCommand {
  refusePositionals(given, 0);
  return {
    command: "verify",
    seed: number(given, "seed", rules.seed) ?? 1,
    quick: flag(given, "quick"),
    adapter: text(given, "adapter") ?? "auto",
    json: flag(given, "json"),
  };
}

function parseBench(given: Given): BenchCommand {
  refusePositionals(given, 0);
  const refuse = (option: string, others: string[], why: string) => {
    const other = others.find((name) => given.options.has(name));
    if (flag(given, option) && other) throw new UserError(`--${option} ${why}: leave --${other} away`);
  };
  const parts = ["filter", "quick", "variants"];
  refuse("save", parts, "keeps whole results");
  refuse("readme", parts, "keeps whole results");
  refuse("variants", ["filter", "quick", "all", "compare"], "measures nothing else");
  return {
    command: "bench",
    filter: text(given, "filter"),
    quick: flag(given, "quick"),
    all: flag(given, "all"),
    compare: text(given, "compare"),
    variants: flag(given, "variants"),
    json: text(given, "json"),
    save: flag(given, "save"),
    readme: flag(given, "readme"),
    adapter: text(given, "adapter") ?? "auto",
  };
}

function configOverrides(given: Given): Partial<Config> {
  const overrides: Record<string, unknown> = {};
  for (const key of configKeys) {
    const name = kebab(key);
    const value = given.options.get(name);
    if (typeof value === "boolean") overrides[key] = value;
    else if (value !== undefined && typeof presets.tiny[key] === "string") {
      overrides[key] = held(name, value, value, rules[key]);
    } else if (value !== undefined) overrides[key] = number(given, name, rules[key]);
  }
  return overrides;
}

// ---- single options ----

function parseOptions(command: CommandName, args: string[]): Given {
  const options = commands[command].sections.flatMap((section) => section.options);
  const { tokens } = parseArgs({
    args,
    options: Object.fromEntries(
      options.map(({ name, value }) => [
        name,
        { type: value ? "string" : "boolean", ...(name === "help" && { short: "h" }) },
      ]),
    ),
    // parseArgs' own errors name no near option and take several lines; the tokens are judged here.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given: Given = { command, options: new Map(), positionals: [] };
  for (const token of tokens) {
    if (token.kind === "positional") given.positionals.push(token.value);
    if (token.kind !== "option") continue;
    const { rawName, value, inlineValue } = token;
    const negated = options.find(({ name, negatable }) => negatable && rawName === `--no-${name}`);
    const option = negated ?? options.find(({ name }) => name === token.name);
    if (!option) throw new UserError(unknownOption(command, rawName, options));
    if (!option.value) {
      if (inlineValue) {
        const forms = option.negatable ? `--${option.name} or --no-${option.name}` : rawName;
        throw new UserError(`${rawName}=${value}: takes no value, expected ${forms}`);
      }
      given.options.set(option.name, !negated);
    } else if (!value || (!inlineValue && value.startsWith("--"))) {
      throw new UserError(`${rawName}: its value is missing, expected ${rawName} ${option.value}`);
    } else {
      given.options.set(option.name, value);
    }
  }
  return given;
}

function unknownOption(command: CommandName, rawName: string, options: readonly Option[]): string {
  const names = options.flatMap(({ name, negatable }) => (negatable ? [name, `no-${name}`] : [name]));
  const near = nearest(kebab(rawName.replace(/^-+/, "")), names);
  return `${rawName}: unknown option; ${near ? `did you mean --${near}?` : `catgan ${command} --help lists them`}`;
}

function refusePositionals({ command, positionals }: Given, allowed: number): void {
  if (positionals.length > allowed) {
    throw new UserError(`catgan ${command}: ${positionals[allowed]} is no option; usage: ${commands[command].usage}`);
  }
}

function text(given: Given, name: string): string | null {
  const value = given.options.get(name);
  return typeof value === "string" ? value : null;
}

function flag(given: Given, name: string): boolean {
  return given.options.get(name) === true;
}

function choice<T extends string>(given: Given, name: string, allowed: readonly T[]): T | null {
  const value = text(given, name);
  if (value === null) return null;
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new UserError(`--${name} ${value}: expected ${listed(allowed)}`);
  return found;
}

function number(given: Given, name: string, rule: Rule): number | null {
  const value = text(given, name);
  if (value === null) return null;
  // Number() would also take "", "0x10" and "Infinity".
  const parsed = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : Number.NaN;
  return held(name, value, parsed, rule);
}

/** The value that was meant by what was written, if it keeps its rule. */
function held<T>(name: string, written: string, value: T, rule: Rule): T {
  if (!rule.holds(value)) throw new UserError(`--${name} ${written}: expected ${rule.expected}`);
  return value;
}

/** GIF counts hundredths of a second, and players slow down what is shorter than two. */
const framesPerSecond = whole(1, 50);

function grid(given: Given): Grid | null {
  const value = text(given, "grid");
  if (value === null) return null;
  const [, columns, rows] = (/^(\d{1,4})[x×](\d{1,4})$/.exec(value) ?? []).map(Number);
  if (!whole(1, 4096).holds(columns * rows)) {
    throw new UserError(`--grid ${value}: expected columns and rows, as in 8x8, of at most 4096 pictures`);
  }
  return { columns, rows };
}

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

/** a, b or c */
function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}

/** The name that was probably meant: the fewest slips of the finger away, or one that begins the same; else null. */
function nearest(typo: string, names: readonly string[]): string | null {
  const close = names
    .map((name) => ({ name, slips: slips(typo, name) }))
    .filter(({ slips }) => slips <= Math.floor(typo.length / 3))
    .sort((a, b) => a.slips - b.slips);
  const begins = (name: string) =>
    (typo.length >= 2 && name.startsWith(typo)) || (name.length >= 3 && typo.startsWith(name));
  return close[0]?.name ?? names.find(begins) ?? null;
}

/** Insertions, deletions, substitutions and swaps of neighbours from a to b (Damerau–Levenshtein, each place once). */
function slips(a: string, b: string): number {
  const table = Array.from({ length: a.length + 1 }, (_, i) => [i]);
  for (let j = 1; j <= b.length; j++) table[0][j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const differs = a[i - 1] === b[j - 1] ? 0 : 1;
      table[i][j] = Math.min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + differs);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        table[i][j] = Math.min(table[i][j], table[i - 2][j - 2] + 1);
      }
    }
  }
  return table[a.length][b.length];
}

// ---- help ----

const helpWidth = 80;
const helpColumn = 26;

/** The help of a command, or of the program; lines of at most 80 columns. */
export function helpText(command: CommandName | null = null): string {
  if (command === null) {
    const lines = Object.entries(commands).map(([name, { summary }]) => row(name, summary, 10));
    return [
      "catgan: teaches a DCGAN to draw cats on WebGPU.",
      "",
      "Usage: catgan COMMAND [options]",
      "",
      ...lines,
      "",
      "catgan COMMAND --help tells more; catgan --version tells which this is.",
      "",
    ].join("\n");
  }
  const { usage, summary, note, sections, examples } = commands[command];
  const lines = [`Usage: ${usage}`, "", ...wrapped(summary, helpWidth), ...(note ? wrapped(note, helpWidth) : []), ""];
  for (const { title, options } of sections) {
    lines.push(`${title}:`, ...options.map(optionRow), "");
  }
  const widest = Math.max(...examples.map(([line]) => line.length));
  lines.push("Examples:", ...examples.map(([line, what]) => `  ${line.padEnd(widest)}  ${what}`.trimEnd()), "");
  return lines.join("\n");
}

function optionRow({ name, value, negatable, help }: Option): string {
  const short = name === "help" ? "-h, " : "";
  return row(`${short}--${negatable ? "[no-]" : ""}${name}${value ? ` ${value}` : ""}`, help, helpColumn);
}

/** A name, then its meaning from `column` on: below the name where that is too long. */
function row(name: string, meaning: string, column: number): string {
  const lines = wrapped(meaning, helpWidth - column).map((line) => " ".repeat(column) + line);
  const head = `  ${name}`;
  return head.length + 2 <= column
    ? [head.padEnd(column) + lines[0].trimStart(), ...lines.slice(1)].join("\n")
    : [head, ...lines].join("\n");
}
