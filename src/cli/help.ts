/** The help of the program and of its commands, in lines of at most 80 columns. */
import { onOff } from "../train/value_types.ts";
import { type CommandName, specs } from "./commands.ts";
import { flag, kebab, type Option, type Spec, usage } from "./options.ts";
import { wrapped } from "./progress.ts";

const helpWidth = 80;
const helpColumn = 26;

/** @param command null for the program's own help */
export function helpText(command: CommandName | null = null): string {
  return command === null ? programHelp() : commandHelp(command, specs[command]);
}

function programHelp(): string {
  return [
    "catgan trains a DCGAN to draw cats, with hand-written WebGPU kernels.",
    "",
    "Usage: catgan COMMAND [options]",
    "",
    ...Object.entries(specs).map(([name, { summary }]) => row(name, summary, 13)),
    "",
    "catgan COMMAND --help explains a command, catgan --version prints the version.",
    "",
  ].join("\n");
}

function commandHelp(command: CommandName, spec: Spec): string {
  const { summary, note, positionals = {}, options, remark, examples } = spec;
  const lines = [
    `Usage: ${usage(command, spec)}`,
    "",
    ...wrapped(summary, helpWidth),
    ...(note ? wrapped(note, helpWidth) : []),
    "",
  ];
  if (Object.keys(positionals).length > 0) {
    const rows = Object.values(positionals).map(({ placeholder, help }) => row(placeholder, help, helpColumn));
    lines.push("Arguments:", ...rows, "");
  }
  for (const [title, rows] of sections(options)) lines.push(`${title}:`, ...rows, "");
  if (remark) lines.push(...wrapped(remark.text, helpWidth), "", `  ${remark.line}`, "");
  const widest = Math.max(...examples.map(([line]) => line.length));
  lines.push("Examples:", ...examples.map(([line, what]) => `  ${line.padEnd(widest)}  ${what}`.trimEnd()), "");
  return lines.join("\n");
}

function sections(options: Spec["options"]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let last = "Options";
  for (const [key, option] of Object.entries(options)) {
    last = option.section ?? "Options";
    found.set(last, [...(found.get(last) ?? []), optionRow(key, option)]);
  }
  return found.set(last, [...(found.get(last) ?? []), optionRow("help", flag("Print this help"))]);
}

function optionRow(key: string, { type, default: initial, negatable, help }: Option): string {
  const short = key === "help" ? "-h, " : "";
  const name = `${short}--${negatable ? "[no-]" : ""}${kebab(key)}`;
  const byDefault = type === onOff || initial === null ? "" : ` (default: ${initial})`;
  return row(type.placeholder ? `${name} ${type.placeholder}` : name, help + byDefault, helpColumn);
}

/** A name, then its description from `column` on, or below the name if that is too long. */
function row(name: string, meaning: string, column: number): string {
  const lines = wrapped(meaning, helpWidth - column).map((line) => " ".repeat(column) + line);
  const head = `  ${name}`;
  return head.length + 2 <= column
    ? [head.padEnd(column) + lines[0].trimStart(), ...lines.slice(1)].join("\n")
    : [head, ...lines].join("\n");
}
