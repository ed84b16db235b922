/** The limits on how many entries are read, made small. */
import { expect, test, vi } from "vitest";
import { nodeInflating } from "../../src/cli/zip_inflating.ts";
import { openZip } from "../../src/data/zip.ts";
import { type Entry, zipOf } from "../cli/hostile.ts";

vi.mock("../../src/data/photographs.ts", async (original) => ({ ...(await original<object>()), maxFiles: 10 }));

async function count(files: number, hidden: number): Promise<number> {
  const names = [
    ...Array.from({ length: files }, (_, i) => `${i}.jpg`),
    ...Array.from({ length: hidden }, (_, i) => `.${i}.jpg`),
  ];
  const zip = await zipOf(names.map((name): Entry => [name, new Uint8Array(0)]));
  const file = { bytes: zip.length, read: (at: number, length: number) => zip.subarray(at, at + length) };
  return (await openZip(file, nodeInflating)).length;
}

test("a zip may have the maximum number of files, and as many hidden entries in addition", async () => {
  expect(await count(10, 10)).toBe(10);
  await expect(count(11, 0)).rejects.toThrow(/^more than 10 entries$/);
  await expect(count(0, 21)).rejects.toThrow(/^more than 20 entries, folders and hidden ones included$/);
});
