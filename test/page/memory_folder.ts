/** A folder in memory that can be made to fail: at a full disk, or in the middle of a write as a crash would. */
import { type Folder, StorageFullError } from "../../src/page/store/folder.ts";

export class Crash extends Error {}

export class MemoryFolder implements Folder {
  readonly contents = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly inside = new Map<string, MemoryFolder>();

  constructor(readonly faults: { writesUntilCrash: number; full: boolean } = { writesUntilCrash: -1, full: false }) {}

  async read(name: string) {
    return this.contents.get(name)?.slice() ?? null;
  }

  write(name: string, bytes: Uint8Array) {
    return this.writeAt(name, 0, bytes);
  }

  async writeAt(name: string, offset: number, bytes: Uint8Array) {
    const { faults } = this;
    if (faults.writesUntilCrash === 0) throw new Crash("a write after the crash");
    if (faults.writesUntilCrash > 0) faults.writesUntilCrash--;
    const torn = faults.writesUntilCrash === 0 || faults.full;
    const written = torn ? bytes.subarray(0, bytes.length >> 1) : bytes;
    const before = this.contents.get(name) ?? new Uint8Array(0);
    const after = new Uint8Array(offset + written.length);
    after.set(before.subarray(0, offset));
    after.set(written, offset);
    this.contents.set(name, after);
    if (faults.full) throw new StorageFullError("full");
    if (torn) throw new Crash("in the middle of a write");
  }

  async size(name: string) {
    return this.contents.get(name)?.length ?? null;
  }

  async remove(name: string) {
    this.contents.delete(name);
    this.inside.delete(name);
  }

  async files() {
    return [...this.contents.keys()];
  }

  async folders() {
    return [...this.inside.keys()];
  }

  async folder(name: string) {
    let found = this.inside.get(name);
    if (!found) this.inside.set(name, (found = new MemoryFolder(this.faults)));
    return found;
  }
}
