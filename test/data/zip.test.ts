import { inflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { inflate } from "../../src/cli/decode.ts";
import { openZip, type RandomAccess } from "../../src/data/zip.ts";
import { generator } from "../../src/verify/lab.ts";
import { type Entry, zipOf } from "../cli/hostile.ts";

const text = (words: string) => new TextEncoder().encode(words);
const accessTo = (bytes: Uint8Array): RandomAccess => ({
  bytes: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
});
const inflating = { inflate, inflateBeginning: (data: Uint8Array) => inflateRawSync(data, { finishFlush: 2 }) };
const open = (bytes: Uint8Array) => openZip(accessTo(bytes), inflating);

async function contentsOf(bytes: Uint8Array): Promise<Record<string, string>> {
  const contents: Record<string, string> = {};
  for (const candidate of await open(bytes)) {
    contents[candidate.name] = new TextDecoder().decode(await candidate.read());
  }
  return contents;
}

/** A zip of empty stored entries, written by hand; `large` has its numbers in 64 bits. */
function directoryOf(names: Uint8Array[], { large = false, flags = 0, comment = "" } = {}): Buffer {
  const records: Buffer[] = [];
  const locals: Buffer[] = [];
  let offset = 0;
  for (const name of names) {
    const local = Buffer.alloc(30 + name.length);
    local.writeUInt32LE(0x04034b50);
    local.writeUInt16LE(name.length, 26);
    local.set(name, 30);
    locals.push(local);
    const record = Buffer.alloc(46 + name.length + (large ? 28 : 0));
    record.writeUInt32LE(0x02014b50);
    record.writeUInt16LE(flags, 8);
    record.writeUInt16LE(name.length, 28);
    record.set(name, 46);
    if (large) {
      for (const at of [20, 24, 42]) record.writeUInt32LE(0xffffffff, at);
      record.writeUInt16LE(28, 30);
      const extra = 46 + name.length;
      record.writeUInt16LE(1, extra);
      record.writeUInt16LE(24, extra + 2);
      record.writeBigUInt64LE(BigInt(offset), extra + 20);
    } else record.writeUInt32LE(offset, 42);
    records.push(record);
    offset += local.length;
  }
  const directory = Buffer.concat(records);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(large ? 0xffff : names.length, 10);
  end.writeUInt32LE(large ? 0xffffffff : directory.length, 12);
  end.writeUInt32LE(large ? 0xffffffff : offset, 16);
  end.writeUInt16LE(comment.length, 20);
  const ends = [end, Buffer.from(comment, "latin1")];
  if (large) {
    const largeEnd = Buffer.alloc(56);
    largeEnd.writeUInt32LE(0x06064b50);
    largeEnd.writeBigUInt64LE(BigInt(names.length), 32);
    largeEnd.writeBigUInt64LE(BigInt(directory.length), 40);
    largeEnd.writeBigUInt64LE(BigInt(offset), 48);
    const locator = Buffer.alloc(20);
    locator.writeUInt32LE(0x07064b50);
    locator.writeBigUInt64LE(BigInt(offset + directory.length), 8);
    ends.unshift(largeEnd, locator);
  }
  return Buffer.concat([...locals, directory, ...ends]);
}

describe("a zip", () => {
  const entries: Entry[] = [
    ["a.txt", text("first")],
    ["folder/", new Uint8Array(0), { directory: true }],
    ["folder/b.txt", text("second ".repeat(1000))],
    ["folder/Kätzchen 猫.txt", text("third"), { level: 0 }],
    ["empty", new Uint8Array(0)],
  ];
  const expected = {
    "a.txt": "first",
    "folder/b.txt": "second ".repeat(1000),
    "folder/Kätzchen 猫.txt": "third",
    empty: "",
  };

  it("gives its files, as it was written by zip.js, with 64-bit sizes and with sizes behind the data", async () => {
    for (const how of [{}, { zip64: true }, { dataDescriptor: true }, { zip64: true, dataDescriptor: true }]) {
      const zip = await zipOf(entries.map(([name, bytes, own]) => [name, bytes, { ...how, ...own }]));
      expect(await contentsOf(zip)).toEqual(expected);
    }
  });

  it("may have something before it, and a comment behind it that looks like its end", async () => {
    const zip = await zipOf(entries);
    expect(await contentsOf(Buffer.concat([text("#!/bin/sh\n".repeat(99)), zip]))).toEqual(expected);
    const names = [text("1.txt"), text("2.txt")];
    for (const large of [false, true]) {
      const comment = `PK\x05\x06${"\0".repeat(40)} the end`;
      for (const before of ["", "something"]) {
        const bytes = Buffer.concat([text(before), directoryOf(names, { large, comment })]);
        expect(await contentsOf(bytes)).toEqual({ "1.txt": "", "2.txt": "" });
      }
    }
  });

  it("may have very many entries", async () => {
    const names = Array.from({ length: 70_000 }, (_, i) => text(`${"cats/".repeat(i % 7)}${i}.jpg`));
    const candidates = await open(directoryOf(names, { large: true }));
    expect(candidates.map(({ name }) => name)).toEqual(names.map((name) => new TextDecoder().decode(name)));
    const random = generator(1);
    for (let i = 0; i < 100; i++) {
      expect((await candidates[Math.floor(random() * candidates.length)].read()).length).toBe(0);
    }
  });

  it("may have longest names across the pieces in which its directory is read", async () => {
    const names = Array.from({ length: 40 }, (_, i) => text(`${i}${"x".repeat(65_400 + i)}`));
    const found = (await open(directoryOf(names))).map(({ name }) => name.length);
    expect(found).toEqual(names.map(({ length }) => length));
  });

  it("may have names that do not say how they are written", async () => {
    const utf8 = text("Kätzchen.jpg");
    const latin = Uint8Array.from(Buffer.from("K\xe4tzchen.jpg", "latin1"));
    for (const [bytes, flags, expected] of [
      [utf8, 1 << 11, "Kätzchen.jpg"],
      [utf8, 0, "Kätzchen.jpg"],
      [latin, 0, "Kätzchen.jpg"],
      [latin, 1 << 11, "K\ufffdtzchen.jpg"],
    ] as const) {
      expect((await open(directoryOf([bytes], { flags })))[0].name).toBe(expected);
    }
  });

  it("that is one of several parts says so", async () => {
    const zip = directoryOf([text("a")]);
    zip.writeUInt16LE(1, zip.length - 22 + 4);
    await expect(open(zip)).rejects.toThrow("the zip is cut short or damaged (it is one of several parts)");
  });

  it("gives an entry's beginning without the rest", async () => {
    const noise = generator(2);
    const long = Uint8Array.from({ length: 100_000 }, () => noise() * 256);
    let most = 0;
    for (const level of [0, 6]) {
      const zip = await zipOf([["long", long, { level }]]);
      const access = accessTo(zip);
      const [candidate] = await openZip(
        {
          bytes: zip.length,
          read: (offset, length) => {
            most = Math.max(most, length);
            return access.read(offset, length);
          },
        },
        inflating,
      );
      most = 0;
      expect([...(await candidate.beginning()).subarray(0, 8)]).toEqual([...long.subarray(0, 8)]);
      expect(most).toBe(1024);
    }
  });
});
