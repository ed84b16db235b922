/** Random damage to zips, read as in the terminal and as on the page. */
import { beforeAll, expect, test } from "vitest";
import { nodeInflating } from "../../src/cli/zip_inflating.ts";
import type { Inflate } from "../../src/data/inflate.ts";
import { isHidden } from "../../src/data/photographs.ts";
import { beginningBytes } from "../../src/data/picture_file.ts";
import { type Inflating, openZip } from "../../src/data/zip.ts";
import type { RandomAccess } from "../../src/data/zip_directory.ts";
import { readAhead } from "../../src/page/pictures/brought.ts";
import { browserInflating } from "../../src/page/pictures/inflate.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import { countedAs, type Entry, mutate, peakMiB, zipOf } from "../cli/hostile.ts";
import { fuzz, fuzzSeed, fuzzTimeout, type Property } from "./fuzz.ts";

const text = (words: string) => new TextEncoder().encode(words);
const noise = randomNumbers(3);
const random = randomNumbers(fuzzSeed);

const contents: Entry[] = [
  ["cats/1.png", Uint8Array.from({ length: 300 }, () => noise() * 256), { level: 0 }],
  ["cats/2.jpg", text("cats and cats and dogs ".repeat(40)), { level: 6 }],
  ["cats/", new Uint8Array(0), { directory: true }],
  ["./Kätzchen 猫.png", Uint8Array.from({ length: 90 }, () => noise() * 4), { level: 9, dataDescriptor: true }],
  ["empty", new Uint8Array(0), { level: 0 }],
  ["zeros.bin", new Uint8Array(20_000), { level: 6 }],
];
/** What an entry of a damaged zip may still give: with the CRC checked nothing else, but for what says that it is empty. */
const known = new Set(contents.map(([, bytes]) => Buffer.from(bytes).toString("latin1")));

/** Damages everything, or only the directory, which is small beside the data, or one number in it. */
function damage(original: Uint8Array, random: () => number): Uint8Array {
  const below = (n: number) => Math.floor(random() * n);
  if (random() < 0.2) return mutate(original, random);
  const zip = Buffer.from(original);
  const directory = zip.indexOf("PK\x01\x02", 0, "latin1");
  if (random() < 0.5) return Buffer.concat([zip.subarray(0, directory), mutate(zip.subarray(directory), random)]);
  for (let left = 1 + below(3); left > 0; left--) {
    const at = random() < 0.2 ? below(zip.length - 4) : directory + below(zip.length - 4 - directory);
    const values = [0, 1, 8, 9, 0xffff, 0xffffffff, 0x7fffffff, below(zip.length), below(2 ** 32)];
    const value = values[below(values.length)];
    if (random() < 0.5) zip.writeUInt16LE(value & 0xffff, at);
    else zip.writeUInt32LE(value, at);
  }
  return zip;
}

const oneLine = /^[^\p{Cc}]+$/u;
/** In our own words: neither zip.js' nor the language's. */
const damages = [
  "its directory's (64-bit )?end is missing",
  "more than 65536 bytes after its end",
  "its directory is not (where it says|whole)",
  "its directory is damaged after entry \\d+",
  "its end record does not count the \\d+ entries of its directory",
  "it is one of several parts",
  "a size larger than any file's",
];
const refusal = new RegExp(
  `^(the zip is cut short or damaged \\((${damages.join("|")})\\)|.* is encrypted, unpack the zip first)$`,
  "u",
);
const entryRefusal =
  /^(damaged zip: |compression method \d+( \(Deflate64\))?: only stored and deflated|its data overlap another entry's$|its compressed data are broken)/;

/** An error in words for people, and not an accidental crash. */
function isRefusal(error: unknown, words: RegExp): void {
  const { message, stack } = error as Error;
  expect((error as Error).constructor, stack).toBe(Error);
  expect(message).toMatch(oneLine);
  expect(message).toMatch(words);
}

type Open = (input: Uint8Array) => [file: RandomAccess, inflating: Inflating];

const readers: Record<string, Open> = {
  terminal: (input) => [
    { bytes: input.length, read: (offset, length) => input.slice(offset, offset + length) },
    nodeInflating,
  ],
  page: (input) => [readAhead(new Blob([Uint8Array.from(input)])), browserInflating],
};

let [refused, entriesRead, entriesRefused] = [0, 0, 0];

const holdsFor =
  (open: Open): Property =>
  async (input) => {
    const [file, inflating] = open(input);
    let reads = 0;
    const counted: RandomAccess = {
      bytes: file.bytes,
      read(offset, length) {
        reads++;
        expect(offset).toBeGreaterThanOrEqual(0);
        // What it takes in memory is never more than the file has.
        expect(length).toBeLessThanOrEqual(Math.max(file.bytes, 1024));
        return file.read(offset, length);
      },
    };
    const inflate: Inflate = async (data, kind, atMost) => {
      expect(atMost).toBeLessThanOrEqual(1032 * data.length);
      return await inflating.inflate(data, kind, atMost);
    };
    const start = performance.now();
    const candidates = await openZip(counted, { ...inflating, inflate }).catch((error: unknown) => {
      isRefusal(error, refusal);
      refused++;
      return [];
    });
    for (const { name, bytes, beginning, read } of candidates) {
      expect(name).not.toContain("\\");
      expect(name.split("/").filter(isHidden)).toEqual([]);
      let first: Uint8Array | null = null;
      try {
        first = await beginning();
        expect(first.length).toBeLessThan(4 * 2 ** 20);
      } catch (error) {
        // The inflater's own words: nobody sees them.
        expect(error).toBeInstanceOf(Error);
      }
      // As readPhotographs does.
      if (bytes === null || bytes > 64 * 2 ** 20) continue;
      try {
        const all = await read();
        entriesRead++;
        expect(all.length).toBeLessThanOrEqual(bytes);
        const whole = Buffer.from(all).toString("latin1");
        expect(known.has(whole), `${name}: ${all.length} bytes that nobody put in`).toBe(true);
        // Of nothing there need not be a beginning.
        if (all.length > 0) expect(first, `the beginning of ${name}`).not.toBeNull();
        const length = Math.min(beginningBytes, all.length);
        expect(Buffer.from(first?.subarray(0, length) ?? []).toString("latin1")).toBe(whole.slice(0, length));
      } catch (error) {
        isRefusal(error, entryRefusal);
        entriesRefused++;
      }
    }
    expect(reads).toBeLessThanOrEqual(20_000 + 4 * candidates.length);
    expect(performance.now() - start).toBeLessThan(5000);
  };

const originals = new Map<string, Uint8Array>();
beforeAll(async () => {
  const zip = await zipOf(contents);
  originals.set("zip", zip);
  originals.set("zip64", await zipOf(contents.map(([name, bytes, how]) => [name, bytes, { ...how, zip64: true }])));
  originals.set("odd-zip", Buffer.concat([text("#!/bin/sh\n"), countedAs(zip, 2), text("\n")]));
});

const names = ["zip", "zip64", "odd-zip"].flatMap((name) => Object.keys(readers).map((reader) => [name, reader]));

test.each(names)("%s on the %s", { timeout: fuzzTimeout }, async (name, reader) => {
  const before = peakMiB();
  [refused, entriesRead, entriesRefused] = [0, 0, 0];
  await fuzz(name, originals.get(name)!, damage, random, holdsFor(readers[reader]));
  // The damage is neither so slight that all is read nor so heavy that nothing is.
  for (const count of [refused, entriesRead, entriesRefused]) expect(count).toBeGreaterThan(20);
  expect(peakMiB() - before).toBeLessThan(256);
});

test("the checks themselves can fail: bytes that differ from those put in are detected", async () => {
  const other = await zipOf([["cats/1.png", text("others")]]);
  await expect(async () => await holdsFor(readers.terminal)(other)).rejects.toThrow();
});
