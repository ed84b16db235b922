/** A folder in memory that can be made to fail: any call, a full disk, or in the middle of a write as a crash would. */
import { type Folder, StorageFullError } from "../../src/page/store/folder.ts";

export class Crash extends Error {}

export interface Faults {
  /** A crash in the middle of this write, and in every write after it; -1: never. */
  writesUntilCrash: number;
  /** How many bytes of that write arrive; by default half of them. */
  bytesUntilCrash?: number;
  full: boolean;
  /** Calls so far. */
  calls: number;
  /** Called with the number of each call, from 1, and its name, before it does anything. */
  onCall?(call: number, name: keyof Folder): void;
}

export class MemoryFolder implements Folder {
  readonly contents = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly inside = new Map<string, MemoryFolder>();

  constructor(readonly faults: Faults = { writesUntilCrash: -1, full: false, calls: 0 }) {}

  private begin(name: keyof Folder): void {
    const { faults } = this;
    faults.calls++;
    faults.onCall?.(faults.calls, name);
  }

  async read(name: string) {
    this.begin("read");
    return this.contents.get(name)?.slice() ?? null;
  }

  async write(name: string, bytes: Uint8Array) {
    const { faults } = this;
    if (faults.writesUntilCrash === 0) throw new Crash("a write after the crash");
    if (faults.writesUntilCrash > 0) faults.writesUntilCrash--;
    const torn = faults.writesUntilCrash === 0 || faults.full;
    const arrived = torn ? Math.min(faults.bytesUntilCrash ?? bytes.length >> 1, bytes.length) : bytes.length;
    const before = this.contents.get(name) ?? new Uint8Array(0);
    // Written over what was there, and cut to its length at the end, as in the browser.
    const after = new Uint8Array(torn ? Math.max(before.length, arrived) : bytes.length);
    after.set(before.subarray(0, after.length));
    after.set(bytes.subarray(0, arrived));
    // A failing call has torn the file by then.
    try {
      this.begin("write");
    } catch (error) {
      this.contents.set(name, bytes.slice(0, bytes.length >> 1));
      throw error;
    }
    this.contents.set(name, after);
    if (faults.full) throw new StorageFullError("full");
    if (torn) throw new Crash("in the middle of a write");
  }

  async size(name: string) {
    this.begin("size");
    return this.contents.get(name)?.length ?? null;
  }

  async remove(name: string) {
    this.begin("remove");
    this.contents.delete(name);
    this.inside.delete(name);
  }

  async files() {
    this.begin("files");
    return [...this.contents.keys()];
  }

  async folders() {
    this.begin("folders");
    return [...this.inside.keys()];
  }

  async folder(name: string) {
    this.begin("folder");
    let found = this.inside.get(name);
    if (!found) this.inside.set(name, (found = new MemoryFolder(this.faults)));
    return found;
  }
}
