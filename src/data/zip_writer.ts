/**
 * A zip of stored entries (APPNOTE.TXT 6.3.10), written piece by piece from front to back, of any size and number. The
 * same entries give the same bytes: all are dated 1 January 1980, the earliest date in a zip.
 */
import { crc32 } from "./crc32.ts";

interface Entry {
  name: Uint8Array;
  bytes: number;
  crc32: number;
  offset: number;
}

const max16 = 0xffff;
const max32 = 0xffffffff;
const utf8 = 1 << 11;
const firstDay = 0x21;
/** Written on Unix: a regular file that everyone may read. */
const madeBy = 3 << 8;
const attributes = 0o100644 << 16;
/** The format's version without 64-bit numbers, and the one with them. */
const [plain, large] = [20, 45];

export class ZipWriter {
  private readonly entries: Entry[] = [];

  /**
   * @param write called with the next bytes
   * @param offset number of bytes before the zip
   */
  constructor(
    private readonly write: (bytes: Uint8Array) => void,
    private offset = 0,
  ) {}

  /** @param name with slashes; @param data less than 4 GiB */
  add(name: string, data: Uint8Array): void {
    const entry = {
      name: new TextEncoder().encode(name),
      bytes: data.length,
      crc32: crc32(data),
      offset: this.offset,
    };
    if (entry.name.length > max16) throw new Error(`zip: a name of ${entry.name.length} bytes, at most ${max16} fit`);
    this.entries.push(entry);
    this.append(record(0x04034b50, [[plain, 2], ...described(entry), [0, 2]]), entry.name, data);
  }

  /** Writes the directory, which completes the zip. */
  finish(): void {
    const start = this.offset;
    for (const entry of this.entries) {
      const far = entry.offset >= max32;
      const extra = far ? fields([1, 2], [8, 2], [entry.offset, 8]) : new Uint8Array(0);
      const version = far ? large : plain;
      const central = record(0x02014b50, [
        [madeBy + version, 2],
        [version, 2],
        ...described(entry),
        [extra.length, 2],
        [0, 2], // comment
        [0, 2], // disk
        [0, 2], // internal attributes
        [attributes, 4],
        [far ? max32 : entry.offset, 4],
      ]);
      this.append(central, entry.name, extra);
    }
    const count = this.entries.length;
    const bytes = this.offset - start;
    if (count >= max16 || start >= max32 || bytes >= max32) {
      const end = this.offset;
      const counts: Field[] = [count, count, bytes, start].map((value) => [value, 8]);
      this.append(
        record(0x06064b50, [[44, 8], [madeBy + large, 2], [large, 2], [0, 4], [0, 4], ...counts]),
        record(0x07064b50, [
          [0, 4],
          [end, 8],
          [1, 4],
        ]),
      );
    }
    const counts: Field[] = [count, count].map((value) => [Math.min(value, max16), 2]);
    const place: Field[] = [bytes, start].map((value) => [Math.min(value, max32), 4]);
    this.append(record(0x06054b50, [[0, 2], [0, 2], ...counts, ...place, [0, 2]]));
  }

  private append(...pieces: Uint8Array[]): void {
    for (const piece of pieces) {
      this.write(piece);
      this.offset += piece.length;
    }
  }
}

/** The part that an entry's two headers have in common, from the flags to the length of its name. */
const described = ({ name, bytes, crc32 }: Entry): Field[] => [
  [utf8, 2],
  [0, 2], // stored
  [0, 2], // midnight
  [firstDay, 2],
  [crc32, 4],
  [bytes, 4],
  [bytes, 4],
  [name.length, 2],
];

/** A number and how many bytes it takes. */
type Field = readonly [value: number, bytes: number];

const record = (signature: number, values: Field[]) => fields([signature, 4], ...values);

/** Little-endian. */
function fields(...values: Field[]): Uint8Array {
  const result = new Uint8Array(values.reduce((sum, [, bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [value, bytes] of values) {
    for (let i = 0; i < bytes; i++) result[at++] = Math.floor((value < 0 ? value + 2 ** 32 : value) / 256 ** i);
  }
  return result;
}
