/**
 * The CSV files of a run: one row per step (losses.csv) or per measurement (metrics.csv).
 *
 * Users open them in spreadsheets, which save them in their own ways: with semicolons and decimal commas, with
 * CRLF, quotes or a byte order mark, with columns in another order, with additional columns. All of that is read.
 * Additional columns are kept, after ours. If lines cannot be read as rows, a copy of the file is kept under another
 * name.
 */
import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import Papa from "papaparse";
import { explained, namesIn, nullIfMissing, readIfThere, writeFileAtomically } from "./files.ts";

/** Text by column; a column that is missing is an empty cell. */
export type Row = Readonly<Record<string, string>>;

export class RunTable {
  /** The file's columns and its first line, as this process last wrote them; null where that is not known. */
  private written: { columns: readonly string[]; header: string } | null = null;

  /** @param columns ours, in the order in which they are written; one of them is `step` */
  constructor(
    readonly path: string,
    private readonly columns: readonly string[],
  ) {}

  /**
   * Appends rows; rows of the same steps that are already there are removed.
   * @returns one line about a copy that had to be kept; null when none had to be
   * @throws UserError when it cannot be written; the next attempt removes what this one has written
   */
  async append(rows: readonly Row[]): Promise<string | null> {
    if (rows.length === 0) return null;
    return await explained(`cannot write ${this.path}`, async () => {
      let aside: string | null = null;
      // Somebody may have edited or deleted the file meanwhile, or an earlier attempt may have failed halfway.
      if (this.written === null || !(await beginsWith(this.path, this.written.header))) {
        const steps = new Set(rows.map(({ step }) => Number(step)));
        aside = await this.normalise((row) => !steps.has(Number(row.step)));
      }
      const written = this.written!;
      // Unknown until the rows have been written.
      this.written = null;
      const file = await open(this.path, "r+");
      try {
        const { size } = await file.stat();
        const last = Buffer.alloc(1);
        await file.read(last, 0, 1, size - 1);
        const start = last.toString() === "\n" ? "" : "\n";
        await writeAll(file, start + textOf(written.columns, rows), size);
      } finally {
        await file.close();
      }
      this.written = written;
      return aside;
    });
  }

  /**
   * Brings the file into this program's form and cuts off the rows after a step, for a run that resumes there.
   * @returns as `append`
   * @throws UserError when it cannot be read or written
   */
  async rewind(step: number): Promise<string | null> {
    return await explained(`cannot write ${this.path}`, () => this.normalise((row) => Number(row.step) <= step));
  }

  /** Makes appended rows durable. */
  async sync(): Promise<void> {
    await explained(`cannot write ${this.path}`, async () => {
      const file = await open(this.path, "r+");
      try {
        await file.sync();
      } finally {
        await file.close();
      }
    });
  }

  private async normalise(keeps: (row: Row) => boolean): Promise<string | null> {
    const bytes = await readIfThere(this.path);
    const parsed = parseTable(bytes ?? new Uint8Array(0), this.columns);
    const columns = [...this.columns, ...parsed.otherColumns];
    const header = `${lineOf(columns)}\n`;
    const text = header + textOf(columns, parsed.rows.filter(keeps));
    let aside: string | null = null;
    if (bytes !== null && parsed.unreadable > 0) {
      const copy = await keepAside(this.path, bytes);
      const what = parsed.unreadable === 1 ? "a line that is" : `${parsed.unreadable} lines that are`;
      aside = `${this.path} has ${what} not rows of ${this.columns.join(",")}: a copy is kept as ${copy}, other rows stay`;
    }
    const same = bytes !== null && Buffer.from(bytes).equals(Buffer.from(text));
    if (!same) await writeFileAtomically(this.path, text);
    this.written = { columns, header };
    return aside;
  }
}

export interface ParsedTable {
  rows: Row[];
  /** Columns that are not ours, in the file's order. */
  otherColumns: string[];
  /** Lines that are not rows. A last line that a crash cut short is not counted. */
  unreadable: number;
}

/**
 * Rows of a CSV file, whichever program saved it.
 * @param columns ours: all are numbers
 */
export function parseTable(bytes: Uint8Array, columns: readonly string[]): ParsedTable {
  const text = textIn(bytes)
    .replace(/\r\n?/g, "\n")
    .replace(/^sep=.\n/i, "");
  const nothing: ParsedTable = { rows: [], otherColumns: [], unreadable: 0 };
  if (text.trim() === "") return nothing;
  const [first] = text.split("\n", 1);
  const delimiter = delimiterOf(first);
  const { data } = Papa.parse<string[]>(text, { delimiter, newline: "\n", skipEmptyLines: "greedy" });
  const header = data[0].map((name) => name.trim());
  while (header.at(-1) === "") header.pop();
  const names = header.map((name) => columns.find((ours) => ours === name.toLowerCase()) ?? name);
  if (!names.includes("step") || new Set(names).size < names.length) return { ...nothing, unreadable: data.length };

  const rows: Row[] = [];
  let unreadable = 0;
  for (const [i, cells] of data.entries()) {
    if (i === 0) continue;
    const row = rowOf(names, cells, columns, delimiter);
    const isTorn = i === data.length - 1 && !text.endsWith("\n") && cells.length < names.length;
    if (isTorn) continue;
    if (row) rows.push(row);
    else unreadable++;
  }
  return { rows, otherColumns: names.filter((name) => !columns.includes(name)), unreadable };
}

/** UTF-8 or, as some spreadsheets save it, UTF-16; with or without a byte order mark. */
function textIn(bytes: Uint8Array): string {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : "utf-8";
  return new TextDecoder(encoding).decode(bytes);
}

/** The delimiter that occurs most often in the header. */
function delimiterOf(header: string): string {
  const count = (sign: string) => header.split(sign).length;
  return [",", ";", "\t", "|"].reduce((best, sign) => (count(sign) > count(best) ? sign : best));
}

const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|^(NaN|[+-]?Infinity)$/i;

/** Null when the cells are not a row of this table. */
function rowOf(
  names: readonly string[],
  cells: readonly string[],
  columns: readonly string[],
  delimiter: string,
): Row | null {
  if (cells.slice(names.length).some((cell) => cell.trim() !== "")) return null;
  const row: Record<string, string> = {};
  for (const [i, name] of names.entries()) {
    const cell = (cells[i] ?? "").trim();
    if (!columns.includes(name)) {
      row[name] = cell;
      continue;
    }
    // Where commas do not separate cells they separate decimals.
    const value = delimiter === "," ? cell : cell.replace(",", ".");
    if (value !== "" && !number.test(value)) return null;
    row[name] = value;
  }
  return Number.isSafeInteger(Number(row.step || "none")) && Number(row.step) >= 0 ? row : null;
}

function textOf(columns: readonly string[], rows: readonly Row[]): string {
  return rows.map((row) => `${lineOf(columns.map((name) => row[name] ?? ""))}\n`).join("");
}

function lineOf(cells: readonly string[]): string {
  return Papa.unparse([[...cells]], { newline: "\n" });
}

async function beginsWith(path: string, line: string): Promise<boolean> {
  const expected = Buffer.from(line);
  const file = await nullIfMissing(open(path, "r"));
  if (file === null) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(expected.length), 0, expected.length, 0);
    return bytesRead === expected.length && buffer.equals(expected);
  } finally {
    await file.close();
  }
}

async function writeAll(file: Awaited<ReturnType<typeof open>>, text: string, position: number): Promise<void> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}

/** Writes a copy under an unused name. @returns its path */
async function keepAside(path: string, bytes: Uint8Array): Promise<string> {
  const folder = dirname(path);
  const stem = basename(path, ".csv");
  const taken = await namesIn(folder);
  let n = 1;
  while (taken.includes(`${stem}-unreadable-${n}.csv`)) n++;
  const copy = join(folder, `${stem}-unreadable-${n}.csv`);
  await writeFileAtomically(copy, bytes);
  return copy;
}
