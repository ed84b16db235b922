import { describe, expect, it } from "vitest";
import { nodeInflating } from "../../src/cli/zip_inflating.ts";
import { crc32 } from "../../src/data/crc32.ts";
import type { Inflate } from "../../src/data/inflate.ts";
import { openZip } from "../../src/data/zip.ts";
import type { RandomAccess } from "../../src/data/zip_directory.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import { countedAs, type Entry, endRecord, record, zipOf } from "../cli/hostile.ts";
import { sampleOf } from "../fuzz/fuzz.ts";

const text = (words: string) => new TextEncoder().encode(words);
const accessTo = (bytes: Uint8Array): RandomAccess => ({
  bytes: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
});
const open = (bytes: Uint8Array) => openZip(accessTo(bytes), nodeInflating);

async function contentsOf(bytes: Uint8Array): Promise<Record<string, string>> {
  const contents: Record<string, string> = {};
  for (const candidate of await open(bytes)) {
    contents[candidate.name] = new TextDecoder().decode(await candidate.read());
  }
  return contents;
}

/** A zip of empty stored entries, written by hand; `large` has its numbers in 64 bits. */
function directoryOf(
  names: Uint8Array[],
  { large = false, flags = 0, comment = "", extra = new Uint8Array(0) } = {},
): Buffer<ArrayBuffer> {
  const records: Buffer[] = [];
  const locals: Buffer[] = [];
  let offset = 0;
  for (const name of names) {
    const local = Buffer.alloc(30 + name.length);
    local.writeUInt32LE(0x04034b50);
    local.writeUInt16LE(name.length, 26);
    local.set(name, 30);
    locals.push(local);
    const record = Buffer.alloc(46 + name.length + (large ? 28 : 0) + extra.length);
    record.writeUInt32LE(0x02014b50);
    record.writeUInt16LE(flags, 8);
    record.writeUInt16LE(name.length, 28);
    record.set(name, 46);
    record.writeUInt16LE(extra.length + (large ? 28 : 0), 30);
    record.set(extra, record.length - extra.length);
    if (large) {
      for (const at of [20, 24, 42]) record.writeUInt32LE(0xffffffff, at);
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
  end.writeUInt16LE(large ? 0xffff : names.length & 0xffff, 10);
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

  it("gives its files, as it was written by zip.js, with 64-bit sizes and with sizes after the data", async () => {
    for (const how of [{}, { zip64: true }, { dataDescriptor: true }, { zip64: true, dataDescriptor: true }]) {
      const zip = await zipOf(entries.map(([name, bytes, own]) => [name, bytes, { ...how, ...own }]));
      expect(await contentsOf(zip)).toEqual(expected);
    }
  });

  it("may have something before it, and a comment after it that looks like its end", async () => {
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
    const random = randomNumbers(1);
    for (let i = 0; i < 100; i++) {
      expect((await candidates[Math.floor(random() * candidates.length)].read()).length).toBe(0);
    }
  });

  it("may have longest names across the pieces in which its directory is read", async () => {
    const names = Array.from({ length: 40 }, (_, i) => text(`${i}${"x".repeat(65_400 + i)}`));
    const found = (await open(directoryOf(names))).map(({ name }) => name.length);
    expect(found).toEqual(names.map(({ length }) => length));
  });

  it("may have names that do not state their encoding", async () => {
    const utf8 = text("Kätzchen.jpg");
    const latin = Uint8Array.from(Buffer.from("K\xe4tzchen.jpg", "latin1"));
    for (const [bytes, flags, expected] of [
      [utf8, 1 << 11, "Kätzchen.jpg"],
      [utf8, 0, "Kätzchen.jpg"],
      [latin, 0, "Kätzchen.jpg"],
      [latin, 1 << 11, "Kätzchen.jpg"],
    ] as const) {
      expect((await open(directoryOf([bytes], { flags })))[0].name).toBe(expected);
    }
  });

  it("may have names that differ only in bytes that are not UTF-8: they remain different", async () => {
    const names = Array.from({ length: 128 }, (_, i) => Uint8Array.of(128 + i, 46, 106, 112, 103));
    for (const flags of [0, 1 << 11]) {
      const found = (await open(directoryOf(names, { flags }))).map(({ name }) => name);
      expect(new Set(found).size).toBe(128);
    }
    // Of these the names are the same when decoded, and both are given.
    const same = [text("Kätzchen.jpg"), Uint8Array.from(Buffer.from("K\xe4tzchen.jpg", "latin1"))];
    expect((await open(directoryOf(same))).map(({ name }) => name)).toEqual(["Kätzchen.jpg", "Kätzchen.jpg"]);
  });

  it("may have a name's UTF-8 in an extra field", async () => {
    const name = Buffer.from("K\x84tzchen.jpg", "latin1");
    const unicode = Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), text("Kätzchen.jpg")]);
    unicode.writeUInt32LE(crc32(name), 1);
    const extra = Buffer.concat([Buffer.from([0x75, 0x70, unicode.length, 0]), unicode]);
    expect((await open(directoryOf([name], { extra }))).map((one) => one.name)).toEqual(["Kätzchen.jpg"]);
  });

  it("may have the same name twice: both are listed", async () => {
    const zip = directoryOf([text("1.jpg"), text("1.jpg"), text("./1.jpg"), text("cats/../1.jpg")]);
    expect((await open(zip)).map(({ name }) => name)).toEqual(["1.jpg", "1.jpg", "1.jpg", "1.jpg"]);
  });

  it("gives normalised names", async () => {
    for (const [name, expected] of [
      ["./1.jpg", "1.jpg"],
      ["././cats/./1.jpg", "cats/1.jpg"],
      ["../1.jpg", "1.jpg"],
      ["../../cats/../dogs/1.jpg", "dogs/1.jpg"],
      ["/cats/1.jpg", "cats/1.jpg"],
      ["cats//1.jpg", "cats/1.jpg"],
      ["..\\cats\\1.jpg", "cats/1.jpg"],
      ["C:\\cats\\1.jpg", "C:/cats/1.jpg"],
      ["..", null],
      ["...jpg", null],
      ["./.hidden/1.jpg", null],
      ["../__MACOSX/._1.jpg", null],
      ["cats\\", null],
      ["./", null],
    ] as const) {
      const names = (await open(directoryOf([text(name)]))).map((one) => one.name);
      expect(names, name).toEqual(expected === null ? [] : [expected]);
    }
  });

  it("may have folders that only their attributes identify", async () => {
    const zip = directoryOf([text("unix"), text("dos"), text("full"), text("file")]);
    record(zip, 0).setUint16(4, 3 << 8, true);
    record(zip, 0).setUint32(38, 0o040755 * 2 ** 16, true);
    for (const n of [1, 2]) record(zip, n).setUint32(38, 0x10, true);
    // What has data is a file, whatever else is said of it.
    record(zip, 2).setUint32(24, 5, true);
    expect((await open(zip)).map(({ name }) => name)).toEqual(["full", "file"]);
  });

  it("may have sizes after the data, with and without a signature", async () => {
    for (const dataDescriptorSignature of [false, true]) {
      const how = { dataDescriptor: true, dataDescriptorSignature };
      expect(
        await contentsOf(await zipOf(entries.map(([name, bytes, own]) => [name, bytes, { ...how, ...own }]))),
      ).toEqual(expected);
    }
  });

  it("may count its entries wrongly in its end: the directory decides", async () => {
    const names = Array.from({ length: 8 }, (_, i) => text(`${i}.jpg`));
    const expected = names.map((_, i) => `${i}.jpg`);
    const found = async (zip: Uint8Array) => (await open(zip)).map(({ name }) => name);
    for (const count of [0, 1, 3, 7, 8, 9, 0xfffe, 0xffff]) {
      const zip = countedAs(directoryOf(names), count);
      expect(await found(zip), `${count}`).toEqual(expected);
      expect(await found(Buffer.concat([text("before"), zip, text("\r\n")])), `${count}`).toEqual(expected);
      const large = directoryOf(names, { large: true });
      large.writeBigUInt64LE(BigInt(count), large.indexOf("PK\x06\x06", 0, "latin1") + 32);
      expect(await found(large), `${count} of 64 bits`).toEqual(expected);
    }
  });

  it("that counts wrongly and is damaged is refused: nothing says how many there were", async () => {
    const names = Array.from({ length: 8 }, (_, i) => text(`${i}.jpg`));
    for (const count of [3, 4, 8, 9]) {
      const zip = countedAs(directoryOf(names), count);
      record(zip, 4).setUint8(0, 0);
      await expect(open(zip), `${count}`).rejects.toThrow(
        "the zip is cut short or damaged (its directory is damaged after entry 4)",
      );
    }
  });

  it("may have more entries than 16 bits count, without zip64", async () => {
    for (const count of sampleOf([65_536, 65_535, 65_544])) {
      const names = Array.from({ length: count }, (_, i) => text(`${i}`));
      const candidates = await open(directoryOf(names));
      expect(candidates.length).toBe(count);
      expect(candidates.at(-1)!.name).toBe(`${count - 1}`);
    }
  });

  it("may have more than 16 bits count, and a wrong count of 64 bits", async () => {
    const zip = directoryOf(
      Array.from({ length: 65_540 }, (_, i) => text(`${i}`)),
      { large: true },
    );
    zip.writeBigUInt64LE(8n, zip.indexOf("PK\x06\x06", 0, "latin1") + 32);
    expect((await open(zip)).length).toBe(65_540);
  });

  it("may have a few bytes after its end, but not many", async () => {
    const zip = directoryOf([text("1.jpg"), text("2.jpg")], { comment: "a comment" });
    for (const behind of ["\n", "\r\n", "\0".repeat(65_536)]) {
      expect((await open(Buffer.concat([zip, text(behind)]))).map(({ name }) => name)).toEqual(["1.jpg", "2.jpg"]);
    }
    for (const [bytes, reason] of [
      [65_537, "more than 65536 bytes after its end"],
      [200_000, "its directory's end is missing"],
    ] as const) {
      await expect(open(Buffer.concat([zip, new Uint8Array(bytes)]))).rejects.toThrow(
        `the zip is cut short or damaged (${reason})`,
      );
    }
  });

  it("may have a comment that holds an end record to the last byte", async () => {
    const fake = Buffer.alloc(22);
    fake.write("PK\x05\x06", "latin1");
    for (const at of [8, 10]) fake.writeUInt16LE(5, at);
    fake.writeUInt32LE(1000, 12);
    fake.writeUInt32LE(77, 16);
    const zip = directoryOf([text("1.jpg"), text("2.jpg")], { comment: fake.toString("latin1") });
    expect((await open(zip)).map(({ name }) => name)).toEqual(["1.jpg", "2.jpg"]);
  });

  it("of which only the first part is there says so", async () => {
    const zip = Buffer.concat([text("PK\x07\x08"), (await zipOf(entries)).subarray(0, 200)]);
    await expect(open(zip)).rejects.toThrow("the zip is cut short or damaged (it is one of several parts)");
  });

  it("with an entry of Deflate64, or of another method, gives the others", async () => {
    const zip = directoryOf([text("0"), text("1"), text("2")]);
    record(zip, 0).setUint16(10, 9, true);
    record(zip, 1).setUint16(10, 14, true);
    const candidates = await open(zip);
    const only = "only stored and deflated entries are supported";
    for (const read of ["read", "beginning"] as const) {
      await expect(candidates[0][read]()).rejects.toThrow(`compression method 9 (Deflate64): ${only}`);
      await expect(candidates[1][read]()).rejects.toThrow(`compression method 14: ${only}`);
      expect((await candidates[2][read]()).length).toBe(0);
    }
  });

  it("does not even inflate an entry that claims more than its data can contain", async () => {
    const zip = await zipOf([["a", new Uint8Array(100_000)]]);
    const compressed = record(zip, 0).getUint32(20, true);
    let inflated = 0;
    const inflate: Inflate = (...given) => {
      inflated++;
      return nodeInflating.inflate(...given);
    };
    for (const [bytes, reason] of [
      [1032 * compressed, `damaged zip: 100000 bytes, its directory says ${1032 * compressed}`],
      [1032 * compressed + 1, `damaged zip: at most ${1032 * compressed} bytes, its directory says`],
    ] as const) {
      record(zip, 0).setUint32(24, bytes, true);
      const [candidate] = await openZip(accessTo(zip), { ...nodeInflating, inflate });
      await expect(candidate.read()).rejects.toThrow(reason);
    }
    expect(inflated).toBe(1);
  });

  it("of which the directory would fill the memory is refused before it is read", async () => {
    const end = Buffer.alloc(22);
    end.write("PK\x05\x06", "latin1");
    end.writeUInt16LE(9, 10);
    end.writeUInt32LE(2 ** 31, 12);
    end.writeUInt32LE(2 ** 20, 16);
    const bytes = 2 ** 31 + 2 ** 20 + 22;
    let longest = 0;
    const file: RandomAccess = {
      bytes,
      read(offset, length) {
        longest = Math.max(longest, length);
        const result = new Uint8Array(length);
        if (offset + length === bytes) result.set(end, length - 22);
        return result;
      },
    };
    await expect(openZip(file, nodeInflating)).rejects.toThrow("a directory of 2048 MiB, at most 256");
    expect(longest).toBeLessThan(2 ** 20);
  });

  it("that becomes shorter while it is read is cut short", async () => {
    const zip = Buffer.concat([text("before"), directoryOf([text("1.jpg"), text("2.jpg")], { large: true })]);
    let served = 0;
    for (; ; served++) {
      let reads = 0;
      const file: RandomAccess = {
        bytes: zip.length,
        read: (offset, length) => zip.subarray(offset, offset + (reads++ < served ? length : 3)),
      };
      const outcome = await openZip(file, nodeInflating).catch((error: Error) => error.message);
      if (typeof outcome !== "string") {
        expect(outcome.length).toBe(2);
        break;
      }
      expect(outcome).toMatch(/^the zip is cut short or damaged \(its directory('s (64-bit )?end)? is [a-z ]+\)$/);
    }
    expect(served).toBeGreaterThan(3);
  });

  it("is not searched endlessly for its entries", async () => {
    const names = Array.from({ length: 100_000 }, (_, i) => text(`${i}`));
    const zip = directoryOf(names);
    const start = endRecord(zip).getUint32(16, true);
    // No local header is where the directory says, nor where it would be if something stood before the zip.
    zip.fill(0, 0, start);
    endRecord(zip).setUint32(16, start - 50, true);
    await expect(open(zip)).rejects.toThrow("the zip is cut short or damaged (its directory is not where it says)");
  });

  it("that is one of several parts says so", async () => {
    const zip = directoryOf([text("a")]);
    zip.writeUInt16LE(1, zip.length - 22 + 4);
    await expect(open(zip)).rejects.toThrow("the zip is cut short or damaged (it is one of several parts)");
  });

  it("gives an entry's beginning without the rest", async () => {
    const noise = randomNumbers(2);
    const long = Uint8Array.from({ length: 100_000 }, () => noise() * 256);
    let longest = 0;
    for (const level of [0, 6]) {
      const zip = await zipOf([["long", long, { level }]]);
      const access = accessTo(zip);
      const [candidate] = await openZip(
        {
          bytes: zip.length,
          read: (offset, length) => {
            longest = Math.max(longest, length);
            return access.read(offset, length);
          },
        },
        nodeInflating,
      );
      longest = 0;
      expect([...(await candidate.beginning()).subarray(0, 8)]).toEqual([...long.subarray(0, 8)]);
      expect(longest).toBe(1024);
    }
  });
});
