/** Losses and quality at a run's steps: a growing block of rows, `rowFields` each, in the order of their steps. */
import { rowFields, rowLength } from "./protocol.ts";

type Field = (typeof rowFields)[number];
/** The values that every step has. */
type Row = Record<Exclude<Field, "swd" | "floor">, number>;

export class Rows {
  private block = new Float32Array(1024 * rowLength);
  length = 0;

  static from(records: readonly Row[]): Float32Array<ArrayBuffer> {
    return Float32Array.from(
      records.flatMap((record) =>
        rowFields.map((field) => (record as Partial<Record<Field, number>>)[field] ?? Number.NaN),
      ),
    );
  }

  /** All rows, not copied. */
  get all(): Float32Array<ArrayBuffer> {
    return this.block.subarray(0, this.length * rowLength);
  }

  append(rows: Float32Array): void {
    const needed = this.length * rowLength + rows.length;
    if (needed > this.block.length) {
      const larger = new Float32Array(Math.max(needed, 2 * this.block.length));
      larger.set(this.all);
      this.block = larger;
    }
    this.block.set(rows, this.length * rowLength);
    this.length += rows.length / rowLength;
  }

  /** Sets the quality of the newest step, if there is one. */
  measured(swd: number, floor: number): void {
    if (this.length > 0) this.block.set([swd, floor], this.length * rowLength - 2);
  }

  /** Keeps only the rows up to this step. */
  cut(step: number): void {
    while (this.length > 0 && this.at(this.length - 1, "step") > step) this.length--;
  }

  /** @param index from 0 */
  at(index: number, field: Field): number {
    return this.block[index * rowLength + rowFields.indexOf(field)];
  }

  clear(): void {
    this.length = 0;
  }
}
