/** The help, in lines of at most 80 columns. */
import type { CommandName } from "./command.ts";
import { commands, type Option } from "./option_table.ts";
import { wrapped } from "./progress.ts";

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
  const { usage, summary, note, sections, remark, examples } = commands[command];
  const lines = [`Usage: ${usage}`, "", ...wrapped(summary, helpWidth), ...(note ? wrapped(note, helpWidth) : []), ""];
  for (const { title, options } of sections) {
    lines.push(`${title}:`, ...options.map(optionRow), "");
  }
  if (remark) lines.push(...wrapped(remark.text, helpWidth), "", `  ${remark.line}`, "");
  const widest = Math.max(...examples.map(([line]) => line.length));
  lines.push("Examples:", ...examples.map(([line, what]) => `  ${line.padEnd(widest)}  ${what}`.trimEnd()), "");
  return lines.join("\n");
}

function optionRow({ name, value, negatable, help }: Option): string {
  const short = name === "help" ? "-h, " : "";
  return row(`${short}--${negatable ? "[no-]" : ""}${name}${value ? ` ${value}` : ""}`, help, helpColumn);
}

/** A name, then its description from `column` on, or below the name if that is too long. */
function row(name: string, meaning: string, column: number): string {
  const lines = wrapped(meaning, helpWidth - column).map((line) => " ".repeat(column) + line);
  const head = `  ${name}`;
  return head.length + 2 <= column
    ? [head.padEnd(column) + lines[0].trimStart(), ...lines.slice(1)].join("\n")
    : [head, ...lines].join("\n");
}
