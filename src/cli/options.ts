/** A command's options as a table, and the parser for command lines. */
import { parseArgs } from "node:util";
import { onOff, type ValueType } from "../train/value_types.ts";
import { nearest } from "./nearest.ts";
import { UserError } from "./user_error.ts";

export interface Option<T = unknown> {
  /** `onOff`: a switch, which is given without a value. */
  readonly type: ValueType<unknown>;
  /** The value where the option is not given. */
  readonly default: T;
  /** One sentence without its full stop. */
  readonly help: string;
  /** A switch that `--no-…` turns off. */
  readonly negatable?: boolean;
  /** The heading in the help; "Options" by default. */
  readonly section?: string;
}

/** An argument without a name. */
export interface Positional {
  /** Stands for the argument in the help: `RUN`. */
  readonly placeholder: string;
  readonly help: string;
  readonly required: boolean;
}

/** What a command takes and what its help says. Keys are camelCase: `dryRun` is written `--dry-run`. */
export interface Spec {
  readonly summary: string;
  /** Follows the summary in the command's own help. */
  readonly note?: string;
  /** In their order, the required ones first. */
  readonly positionals?: Readonly<Record<string, Positional>>;
  readonly options: Readonly<Record<string, Option>>;
  /** Option → the option that it requires. */
  readonly requires?: Readonly<Record<string, string>>;
  readonly conflicts?: readonly { option: string; with: readonly string[]; why: string }[];
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** How to run it, with a command line, before the examples. */
  readonly remark?: { text: string; line: string };
}

/** The values of a command line: of every option, or its default, and of the positional arguments. */
export type ValuesOf<S extends Spec> = {
  [K in keyof S["options"]]: S["options"][K] extends Option<infer T> ? T : never;
} & {
  [K in keyof S["positionals"]]: S["positionals"][K] extends { required: true } ? string : string | null;
};

export interface Line<S extends Spec> {
  readonly values: ValuesOf<S>;
  /** Keys of the options that were given. */
  readonly given: ReadonlySet<string>;
}

/** @param initial the default; null for none */
export function option<T>(type: ValueType<T>, initial: T, help: string): Option<T>;
export function option<T>(type: ValueType<T>, initial: null, help: string): Option<T | null>;
export function option(type: ValueType<unknown>, initial: unknown, help: string): Option {
  return { type, default: initial, help };
}

export const flag = (help: string): Option<boolean> => ({ type: onOff, default: false, help });

export const required = (placeholder: string, help: string) => ({ placeholder, help, required: true }) as const;
export const optional = (placeholder: string, help: string) => ({ placeholder, help, required: false }) as const;

/** Any text. @param placeholder stands for it in the help */
export function text(placeholder: string): ValueType<string> {
  return { expected: placeholder, placeholder, holds: (value) => typeof value === "string", read: (value) => value };
}

/** @param options of a command @returns the same options under a heading of the help */
export function inSection<O extends Record<string, Option>>(section: string, options: O): O {
  return Object.fromEntries(Object.entries(options).map(([key, row]) => [key, { ...row, section }])) as O;
}

/** lrD → lr-d */
export function kebab(key: string): string {
  return key.replaceAll("_", "-").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export function usage(name: string, { positionals = {}, options }: Spec): string {
  const words = Object.values(positionals).map(({ placeholder, required }) =>
    required ? placeholder : `[${placeholder}]`,
  );
  return ["catgan", name, ...words, ...(Object.keys(options).length > 0 ? ["[options]"] : [])].join(" ");
}

/**
 * @param args what follows the command's name
 * @returns null when help is asked for
 * @throws a one-line UserError: the option, what was given, what was expected, and the nearest option for a typo
 */
export function readLine<S extends Spec>(name: string, spec: S, args: string[]): Line<S> | null {
  const { options, positionals = {} } = spec;
  const tokens = tokensOf(args, options);
  if (tokens.some((token) => token.kind === "option" && token.name === "help")) return null;
  const values = new Map<string, unknown>(Object.entries(options).map(([key, row]) => [key, row.default]));
  const given = new Set<string>();
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const [key, value] = readOption(name, options, token);
    values.set(key, value);
    given.add(key);
  }
  const misused = (what: string) => new UserError(`${what}; usage: ${usage(name, spec)}`);
  const expected = Object.entries(positionals);
  for (const [i, [key, { placeholder, required }]] of expected.entries()) {
    if (required && !words[i]) throw misused(`${placeholder} is missing`);
    values.set(key, words[i] ?? null);
  }
  if (words.length > expected.length) throw misused(`unexpected argument ${words[expected.length]}`);
  checkCombinations(spec, given);
  return { values: Object.fromEntries(values) as ValuesOf<S>, given };
}

function tokensOf(args: string[], options: Spec["options"]) {
  const types = Object.entries(options).map(
    ([key, { type }]) => [kebab(key), { type: type === onOff ? "boolean" : "string" } as const] as const,
  );
  return parseArgs({
    args,
    options: { ...Object.fromEntries(types), help: { type: "boolean", short: "h" } },
    // The errors of parseArgs suggest no option and take several lines, so `readOption` checks the tokens.
    strict: false,
    allowPositionals: true,
    tokens: true,
  }).tokens;
}

interface OptionToken {
  name: string;
  rawName: string;
  value?: string;
  /** Written as `--name=value`. */
  inlineValue?: boolean;
}

function readOption(
  command: string,
  options: Spec["options"],
  { name, rawName, value, inlineValue }: OptionToken,
): [key: string, value: unknown] {
  const rows = Object.entries(options);
  const negated = rows.find(([key, { negatable }]) => negatable && rawName === `--no-${kebab(key)}`);
  const found = negated ?? rows.find(([key]) => kebab(key) === name);
  if (!found) {
    const names = rows.flatMap(([key, { negatable }]) => (negatable ? [kebab(key), `no-${kebab(key)}`] : [kebab(key)]));
    const near = nearest(kebab(rawName.replace(/^-+/, "")), names);
    const hint = near ? `did you mean --${near}?` : `catgan ${command} --help lists them`;
    throw new UserError(`${rawName}: unknown option; ${hint}`);
  }
  const [key, { type, negatable }] = found;
  if (type === onOff) {
    if (!inlineValue) return [key, !negated];
    const forms = negatable ? `--${kebab(key)} or --no-${kebab(key)}` : rawName;
    throw new UserError(`${rawName}=${value}: takes no value, expected ${forms}`);
  }
  if (!value || (!inlineValue && value.startsWith("--"))) {
    throw new UserError(`${rawName}: its value is missing, expected ${rawName} ${type.placeholder}`);
  }
  const read = type.read(value);
  if (!type.holds(read)) throw new UserError(`${rawName} ${value}: expected ${type.expected}`);
  return [key, read];
}

function checkCombinations({ requires = {}, conflicts = [] }: Spec, given: ReadonlySet<string>): void {
  for (const [key, other] of Object.entries(requires)) {
    if (given.has(key) && !given.has(other)) throw new UserError(`--${kebab(key)} requires --${kebab(other)}`);
  }
  for (const { option, with: others, why } of conflicts) {
    const other = others.find((key) => given.has(key));
    if (!given.has(option) || other === undefined) continue;
    throw new UserError(`--${kebab(other)} cannot be combined with --${kebab(option)}: ${why}`);
  }
}
