/**
 * The one directive of shaders/: it repeats a statement, or a group in braces, for every value of an index.
 *
 *     // @repeat i in 0..ROWS
 *     let row_i = row_at(min(row + i, rows - 1u));
 *
 * with ROWS = 2 becomes
 *
 *     let row_0 = row_at(min(row + 0u, rows - 1u));
 *     let row_1 = row_at(min(row + 1u, rows - 1u));
 *
 * In the repeated text, `i` by itself becomes the number, and `_i` in a name becomes its digits. Consecutive directives
 * nest, the last one innermost. A list item that ends with a comma is repeated like a statement. This is not a loop over an
 * array because CPU adapters keep an array in memory, but named vectors in registers.
 */

/** Text with its directives expanded. */
export interface Repeated {
  readonly text: string;
  /** For every line of `text`, the 1-based source line that it comes from. */
  readonly lines: readonly number[];
}

interface Line {
  text: string;
  from: number;
}

const directive = /^\s*\/\/ @repeat (\w+) in (\w+)\.\.(\w+)$/;

/**
 * @param value gives the value of an override that is named as a bound
 * @throws Error with the line of a directive that is malformed or has nothing to repeat
 */
export function repeat(source: string, value: (name: string) => number): Repeated {
  const lines = source.split("\n").map((text, i) => ({ text, from: i + 1 }));
  const done = repeatLines(lines, value);
  return { text: done.map(({ text }) => text).join("\n"), lines: done.map(({ from }) => from) };
}

function repeatLines(lines: readonly Line[], value: (name: string) => number): Line[] {
  const done: Line[] = [];
  for (let at = 0; at < lines.length; ) {
    const { text, from } = lines[at++];
    if (!text.includes("// @repeat")) {
      done.push({ text, from });
      continue;
    }
    const found = directive.exec(text);
    if (!found) throw new Error(`line ${from}: expected // @repeat <index> in <first>..<end>, got ${text.trim()}`);
    const [, index, first, end] = found;
    const bound = (word: string) => (/^\d+$/.test(word) ? Number(word) : value(word));
    const statement = statementAt(lines, at, from);
    at += statement.length;
    const repeated = isGroup(statement) ? statement.slice(1, -1).map(outdented) : statement;
    for (let n = bound(first); n < bound(end); n++) done.push(...repeatLines(repeated.map(withIndex(index, n)), value));
  }
  return done;
}

const indentOf = (text: string) => /^ */.exec(text)![0];
const isGroup = ([first]: readonly Line[]) => first.text.trim() === "{";

const outdented = ({ text, from }: Line): Line => ({ text: text.replace(/^ {2}/, ""), from });

/** A statement: its own directives, then one line, or several up to the closing bracket at the same indent. */
function statementAt(lines: readonly Line[], start: number, directiveLine: number): Line[] {
  let end = start;
  while (end < lines.length && lines[end].text.includes("// @repeat")) end++;
  const opening = lines[end]?.text ?? "";
  if (opening.trim() === "") throw new Error(`line ${directiveLine}: @repeat has no statement below it`);
  if (/[({]$/.test(opening)) {
    const indent = indentOf(opening);
    do end++;
    while (end < lines.length && !(indentOf(lines[end].text) === indent && /^\s*[)}]/.test(lines[end].text)));
    if (end === lines.length) throw new Error(`line ${directiveLine}: the brackets below @repeat are not closed`);
  }
  return lines.slice(start, end + 1);
}

/** Sets an index to a number: `i` becomes `2u`, `row_i` becomes `row_2`. Comments stay as they are. */
const withIndex =
  (index: string, n: number) =>
  ({ text, from }: Line): Line => {
    if (/^\s*\/\//.test(text)) return { text, from };
    const set = text.replace(/[A-Za-z_]\w*/g, (name) => {
      if (name === index) return `${n}u`;
      const [stem, ...indices] = name.split("_");
      return [stem, ...indices.map((part) => (part === index ? String(n) : part))].join("_");
    });
    return { text: set, from };
  };
