/** The command line understood: options by the table, values by their rules, and what is wrong in a line. */
import { parseArgs } from "node:util";
import {
  type Config,
  checkConfig,
  configKeys,
  type PresetName,
  presets,
  type Rule,
  rules,
  whole,
} from "../train/config.ts";
import type {
  BenchCommand,
  Command,
  CommandName,
  EvaluateCommand,
  ExportCommand,
  Grid,
  NewRun,
  PrepareCommand,
  ResumedRun,
  SampleCommand,
  ShaderCommand,
  TimelapseCommand,
  VerifyCommand,
} from "./command.ts";
import { commands, kebab, type Option } from "./option_table.ts";
import { UserError } from "./user_error.ts";

const fits = ["crop", "stretch"] as const;

/** Options that a resumed run may be given: how long, how often and where, not which numbers. */
const resumable = [
  "resume",
  "out",
  "data",
  "steps",
  "epochs",
  "sample-every",
  "save-every",
  "metrics-every",
  "lr-decay-from",
  "lr-decay-steps",
  "lr-decay-to",
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
    case "shader":
      return parseShader(given);
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
      throw new UserError(`--${refused} cannot be given with --resume (allowed: ${allowed.join(", ")})`);
    }
    return { ...shared, resume, out: text(given, "out"), data: text(given, "data"), overrides };
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
    force: flag(given, "force"),
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
    force: flag(given, "force"),
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
    force: flag(given, "force"),
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
    force: flag(given, "force"),
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

function parseShader(given: Given): ShaderCommand {
  refusePositionals(given, 2);
  const [name, variant = null] = given.positionals;
  if (!name) throw new UserError(`catgan shader: expected a file of shaders/: ${commands.shader.usage}`);
  return { command: "shader", name, variant };
}

function parseVerify(given: Given): VerifyCommand {
  refusePositionals(given, 0);
  return {
    command: "verify",
    seed: number(given, "seed", rules.seed) ?? 1,
    quick: flag(given, "quick"),
    filter: text(given, "filter"),
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

/** a, b or c */
export function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}

/** The name that was probably meant: the fewest slips of the finger away, or one that begins the same; else null. */
export function nearest(typo: string, names: readonly string[]): string | null {
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
