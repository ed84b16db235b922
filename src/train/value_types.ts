/** Types of values that users enter: what is allowed, how text becomes a value, and how a form edits it. */

export interface ValueType<T> {
  /** In words: `a whole number from 1 to 256`. */
  readonly expected: string;
  /** Stands for the value in `--help`: `N`, or `crop|stretch`. */
  readonly placeholder: string;
  holds(value: unknown): value is T;
  /** Parses a text. The result does not pass `holds` if the text is invalid. */
  read(text: string): unknown;
}

/** The type of a setting, which the page's form edits as well. */
export interface SettingType<T> extends ValueType<T> {
  readonly input: Input;
}

export type Input =
  | { readonly kind: "number"; readonly step: number | "any" }
  /** A list: value → label. */
  | { readonly kind: "choice"; readonly labels: Readonly<Record<string, string>> }
  | { readonly kind: "switch" };

/** A whole number within bounds, both allowed. */
export function whole(min: number, max: number): SettingType<number> {
  return {
    expected: `a whole number from ${min} to ${max}`,
    placeholder: "N",
    input: { kind: "number", step: 1 },
    holds: (value): value is number => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
    read: readNumber,
  };
}

/**
 * A number that need not be whole.
 * @param expected in words @param step of the form's up and down buttons
 */
export function real(expected: string, isIn: (value: number) => boolean, step: number | "any" = "any") {
  const type: SettingType<number> = {
    expected,
    placeholder: "X",
    input: { kind: "number", step },
    holds: (value): value is number => typeof value === "number" && isIn(value),
    read: readNumber,
  };
  return type;
}

/** @param labels what a form calls the values, where it is not the value itself */
export function oneOf<const T extends string | number>(
  values: readonly T[],
  labels: Partial<Record<T, string>> = {},
): SettingType<T> {
  return {
    expected: listed(values),
    placeholder: values.join("|"),
    input: { kind: "choice", labels: Object.fromEntries(values.map((value) => [value, labels[value] ?? `${value}`])) },
    holds: (value): value is T => values.includes(value as T),
    read: (text) => values.find((value) => String(value) === text),
  };
}

/** `none`, or some of the names, separated by commas. @param labels the combinations that a form offers */
export function someOf(names: readonly string[], labels: Readonly<Record<string, string>>): SettingType<string> {
  return {
    expected: `none, or a comma-separated list of ${names.join(", ")}`,
    placeholder: "none|LIST",
    input: { kind: "choice", labels },
    holds(value): value is string {
      if (typeof value !== "string") return false;
      const list = value.split(",");
      return value === "none" || (new Set(list).size === list.length && list.every((name) => names.includes(name)));
    },
    read: (text) => text,
  };
}

/** On the command line it needs no value: `--flips`, `--no-flips`. */
export const onOff: SettingType<boolean> = {
  expected: "true or false",
  placeholder: "",
  input: { kind: "switch" },
  holds: (value) => typeof value === "boolean",
  read: (text) => (text === "true" ? true : text === "false" ? false : undefined),
};

/** A type's values and null, which stands for "not set" and is never written. */
export function orNull<T>(type: SettingType<T>): SettingType<T | null> {
  return { ...type, holds: (value): value is T | null => value === null || type.holds(value) };
}

/** Number() would also take "", "0x10" and "Infinity". */
function readNumber(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

/** `a, b or c` */
export function listed(names: readonly (string | number)[]): string {
  return `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}
