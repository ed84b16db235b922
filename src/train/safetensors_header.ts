/**
 * The header of a safetensors file, as text: an object with one entry for each tensor, and an object of strings:
 *
 *     {"__metadata__": {"step": "800"}, "g.rgb.bias": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}
 *
 * It is parsed by a small grammar of our own, because JSON.parse hides duplicate keys and accepts unlimited nesting.
 */

/** Bytes of a number. */
export const widths = { F32: 4, F16: 2 } as const;
export const metadataKey = "__metadata__";
export const checksumKey = "checksum";
/** The format's other types, which are no sign of damage. */
const otherTypes = /^(BOOL|[UI](8|16|32|64)|BF16|F64|C64|F8_\w+|F[46]_\w+)$/;

/** A tensor as the header declares it. */
export interface TensorEntry {
  dtype: keyof typeof widths;
  shape: number[];
  /** Its bytes in the data that follow the header: begin … end. */
  begin: number;
  end: number;
}

export interface Header {
  entries: Map<string, TensorEntry>;
  metadata: Map<string, string>;
  /** Index in the header's text after the checksum's last character; 0 without a checksum. */
  checksumEnd: number;
}

/** A position in the text. */
interface Scan {
  readonly text: string;
  at: number;
}

/** @throws a one-line Error that says what is wrong */
export function readHeader(text: string): Header {
  const scan = { text, at: 0 };
  const header: Header = { entries: new Map(), metadata: new Map(), checksumEnd: 0 };
  readObject(scan, "the header", (key) => {
    if (key === metadataKey) {
      readObject(scan, metadataKey, (name) => {
        header.metadata.set(name, readString(scan));
        if (name === checksumKey) header.checksumEnd = scan.at - 1;
      });
    } else header.entries.set(key, readEntry(scan, key));
  });
  skipSpace(scan);
  if (scan.at < text.length) throw unexpected(scan, "the end of the header");
  return header;
}

function readEntry(scan: Scan, name: string): TensorEntry {
  const where = `tensor ${quote(name)}`;
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  readObject(scan, where, (key) => {
    if (key === "dtype") dtype = readString(scan);
    else if (key === "shape") shape = readSizes(scan);
    else if (key === "data_offsets") offsets = readSizes(scan);
    else throw damaged(`${where} has an unknown key ${quote(key)}`);
  });
  if (dtype === undefined || shape === undefined || offsets === undefined) {
    throw damaged(`${where} has no ${dtype === undefined ? "dtype" : shape === undefined ? "shape" : "data_offsets"}`);
  }
  if (dtype !== "F32" && dtype !== "F16") {
    if (!otherTypes.test(dtype)) throw damaged(`${where} has an unknown dtype ${quote(dtype)}`);
    throw new Error(`safetensors: ${where} has dtype ${brief(dtype)}, only F32 and F16 can be read: convert the file`);
  }
  if (offsets.length !== 2) throw damaged(`${where} has ${offsets.length} data_offsets, expected 2`);
  return { dtype, shape, begin: offsets[0], end: offsets[1] };
}

/** Calls `readValue` with each key, when the scan is at its value. @throws Error when a key appears twice */
function readObject(scan: Scan, where: string, readValue: (key: string) => void): void {
  expect(scan, "{");
  if (accept(scan, "}")) return;
  const keys = new Set<string>();
  do {
    const key = readString(scan);
    if (keys.has(key)) throw damaged(`${where} has the key ${quote(key)} twice`);
    keys.add(key);
    expect(scan, ":");
    readValue(key);
  } while (accept(scan, ","));
  expect(scan, "}");
}

function readSizes(scan: Scan): number[] {
  expect(scan, "[");
  const sizes: number[] = [];
  if (accept(scan, "]")) return sizes;
  do sizes.push(readSize(scan));
  while (accept(scan, ","));
  expect(scan, "]");
  return sizes;
}

const digits = /0(?![0-9])|[1-9][0-9]*/y;

function readSize(scan: Scan): number {
  skipSpace(scan);
  digits.lastIndex = scan.at;
  const found = digits.exec(scan.text);
  const size = Number(found?.[0]);
  if (!isSize(size)) throw unexpected(scan, "a whole number of at most 2^53 − 1");
  scan.at = digits.lastIndex;
  return size;
}

function readString(scan: Scan): string {
  skipSpace(scan);
  const start = scan.at;
  if (scan.text[start] !== '"') throw unexpected(scan, "a string");
  let end = start + 1;
  while (end < scan.text.length && scan.text[end] !== '"') end += scan.text[end] === "\\" ? 2 : 1;
  scan.at = end + 1;
  try {
    // Rejects wrong escapes, control characters, and a string that never ends.
    return JSON.parse(scan.text.slice(start, scan.at));
  } catch {
    throw damaged(`the header has a malformed string at character ${start}`);
  }
}

function accept(scan: Scan, sign: string): boolean {
  skipSpace(scan);
  const found = scan.text[scan.at] === sign;
  if (found) scan.at++;
  return found;
}

function expect(scan: Scan, sign: string): void {
  if (!accept(scan, sign)) throw unexpected(scan, sign);
}

function skipSpace(scan: Scan): void {
  while (scan.at < scan.text.length && " \t\n\r".includes(scan.text[scan.at])) scan.at++;
}

export function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

// Errors

function unexpected({ text, at }: Scan, expected: string): Error {
  if (at >= text.length) return damaged(`the header ends at character ${at}, expected ${expected}`);
  return damaged(`the header has ${quote(text.slice(at, at + 12))} at character ${at}, expected ${expected}`);
}

/** The error for a file that no correct writer can have written. */
export function damaged(what: string): Error {
  return new Error(`safetensors: ${what}: the file is damaged`);
}

/** A name in one line: escaped, and shortened, because a damaged file can contain anything. */
export function quote(name: string): string {
  return JSON.stringify(brief(name));
}

export function listed(shape: readonly number[]): string {
  return `[${brief(shape.join())}]`;
}

function brief(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}
