import { closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Uint8ArrayReader, Uint8ArrayWriter, ZipReader } from "@zip.js/zip.js";
import { expect, test } from "vitest";
import { openZip } from "../../src/data/zip.ts";
import type { RandomAccess } from "../../src/data/zip_directory.ts";
import { ZipWriter } from "../../src/data/zip_writer.ts";

const stored = {
  inflate() {
    throw new Error("nothing is deflated");
  },
  inflateBeginning() {
    throw new Error("nothing is deflated");
  },
};

function zipped(entries: [string, Uint8Array][]): Uint8Array {
  const pieces: Uint8Array[] = [];
  const writer = new ZipWriter((bytes) => pieces.push(bytes));
  for (const [name, data] of entries) writer.add(name, data);
  writer.finish();
  return new Uint8Array(Buffer.concat(pieces));
}

const inMemory = (zip: Uint8Array): RandomAccess => ({
  bytes: zip.length,
  read: (offset, length) => zip.subarray(offset, offset + length),
});

test("a written zip can be read, here and by other programs", async () => {
  const entries: [string, Uint8Array][] = [
    ["CAT_00/1.jpg.png", Uint8Array.of(1, 2, 3)],
    ["Kätzchen 猫.png", new Uint8Array(5000).fill(7)],
    ["empty", new Uint8Array(0)],
  ];
  const zip = zipped(entries);
  expect(zipped(entries)).toEqual(zip);
  const candidates = await openZip(inMemory(zip), stored);
  expect(await Promise.all(candidates.map(async (one) => [one.name, await one.read()]))).toEqual(entries);
  const reader = new ZipReader(new Uint8ArrayReader(zip), { useWebWorkers: false, checkSignature: true });
  const others = [];
  for (const entry of await reader.getEntries()) {
    if (entry.directory) throw new Error("no folder was written");
    others.push([entry.filename, await entry.getData(new Uint8ArrayWriter())]);
  }
  expect(others).toEqual(entries);
  expect(await openZip(inMemory(zipped([])), stored)).toEqual([]);
  expect(() => zipped([["x".repeat(70_000), new Uint8Array(0)]])).toThrow("a name of 70000 bytes");
});

test("more entries than 16 bits count", async () => {
  const entries = Array.from({ length: 70_000 }, (_, i): [string, Uint8Array] => [`${i}`, Uint8Array.of(i & 255)]);
  const zip = zipped(entries);
  const candidates = await openZip(inMemory(zip), stored);
  expect(candidates.length).toBe(70_000);
  expect([candidates[69_999].name, await candidates[69_999].read()]).toEqual(["69999", Uint8Array.of(69_999 & 255)]);
  const reader = new ZipReader(new Uint8ArrayReader(zip), { useWebWorkers: false });
  // All of them would take it long; that it finds the directory is enough.
  expect((await reader.getEntriesGenerator().next()).value).toMatchObject({ filename: "0" });
});

test("offsets beyond 32 bits", async () => {
  const folder = mkdtempSync(join(tmpdir(), "catgan-zip-"));
  const file = openSync(join(folder, "large.zip"), "w+");
  try {
    // Five GiB of nothing stand before it, in a file that takes no room for them.
    let at = 5 * 2 ** 30;
    ftruncateSync(file, at);
    const writer = new ZipWriter((bytes) => {
      at += writeSync(file, bytes, 0, bytes.length, at);
    }, at);
    writer.add("far.png", Uint8Array.of(1, 2, 3));
    writer.add("farther.png", Uint8Array.of(4, 5));
    writer.finish();
    const access: RandomAccess = {
      bytes: at,
      read(offset, length) {
        const bytes = new Uint8Array(length);
        return bytes.subarray(0, readSync(file, bytes, 0, length, offset));
      },
    };
    const candidates = await openZip(access, stored);
    expect(await Promise.all(candidates.map(async (one) => [one.name, await one.read()]))).toEqual([
      ["far.png", Uint8Array.of(1, 2, 3)],
      ["farther.png", Uint8Array.of(4, 5)],
    ]);
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
});
