import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
// A browser's decoder is held against this one in browsers, by test/e2e/decoding.e2e.ts.
import { decodePicture } from "../../../src/cli/decode.ts";
import { readPhotographs as readOnCommandLine } from "../../../src/cli/photographs.ts";
import { fingerprint } from "../../../src/data/batches.ts";
import { type Photographs, type Refused, readPhotographs } from "../../../src/data/photographs.ts";
import { type BroughtFile, fromDrop, fromInput, openBrought, readAhead } from "../../../src/page/pictures/brought.ts";
import { randomNumbers } from "../../../src/verify/lab.ts";
import { bombOf, type Entry, type Paint, peakMiB, pngOf, record, zipOf } from "../../cli/hostile.ts";

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "catgan-brought-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const random = randomNumbers(11);
const text = (words: string) => new TextEncoder().encode(words);
const options = { size: 16, fit: "crop" } as const;

/** PNGs of all shapes, in folders, and what is not a picture. */
const cats: Record<string, Uint8Array> = { "readme.txt": text("cats"), "black/text.jpg": text("no picture") };
for (let i = 0; i < 40; i++) {
  const noise: Paint = () => [random() * 256, random() * 256, random() * 256];
  const [width, height] = [16 + Math.floor(random() * 40), 16 + Math.floor(random() * 40)];
  cats[`${i % 3 ? "black" : "white/old"}/${i}.png`] = pngOf(width, height, noise);
}
const entries = (how: Entry[2]): Entry[] => Object.entries(cats).map(([name, bytes]) => [name, bytes, how]);

const brought = (path: string, bytes: Uint8Array): BroughtFile => ({
  path,
  file: new File([new Uint8Array(bytes)], path.split("/").pop()!),
});

const read = async (files: BroughtFile[], lost: Refused[] = [], { size, fit } = options): Promise<Photographs> =>
  readPhotographs(await openBrought(files, lost), { size, fit, decode: decodePicture, inFlight: 3, maxBytes: 2 ** 28 });

function onDisk(name: string, bytes: Uint8Array): string {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), bytes);
  return join(root, name);
}

describe("a set of files given to the page", () => {
  it("is the same data set as on the command line: a zip, stored or deflated, and a folder", async () => {
    for (const [name, bytes] of Object.entries(cats)) onDisk(`cats/${name}`, bytes);
    const expected = await readOnCommandLine(join(root, "cats"), options);
    expect(expected.pictures.count).toBe(40);
    expect(expected.skipped).toEqual([
      { name: "black/text.jpg", reason: "its first bytes are not those of a known picture format" },
    ]);
    const sources = [Object.entries(cats).map(([name, bytes]) => brought(`my cats/${name}`, bytes))];
    for (const level of [0, 6]) {
      const zip = await zipOf(entries({ level }));
      sources.push([brought("cats.zip", zip)]);
      expect(await readOnCommandLine(onDisk(`cats${level}.zip`, zip), options)).toEqual(expected);
    }
    for (const files of sources) {
      const found = await read(files);
      expect(fingerprint(found.pictures)).toBe(fingerprint(expected.pictures));
      expect(found).toEqual(expected);
    }
  });

  it("is refused with the command line's messages", async () => {
    const noise = pngOf(16, 16, () => [random() * 256, random() * 256, random() * 256]);
    const bomb = bombOf(noise.subarray(0, 33), 300);
    const names = ["good", "sum", "method", "outside", "longer", "shorter", "nowhere", "bomb", "lying", "broken"];
    const zip = await zipOf(
      names.map((name, i): Entry => {
        if (i === 7 || i === 8) return [`${i} ${name}.png`, bomb, { level: 0 }];
        return [`${i} ${name}.png`, noise, { level: i === 4 || i === 5 || i === 9 ? 6 : 0 }];
      }),
    );
    const change = (n: number, at: number, value: number) => record(zip, n).setUint32(at, value, true);
    change(1, 16, 12345);
    record(zip, 2).setUint16(10, 12, true);
    change(3, 20, 2 ** 31);
    change(4, 24, noise.length - 1);
    change(5, 24, noise.length + 1);
    change(6, 42, record(zip, 6).getUint32(42, true) + 1);
    for (const [n, bytes] of [
      [7, 300 * 2 ** 20 + 33],
      [8, 1000],
    ]) {
      record(zip, n).setUint16(10, 8, true);
      change(n, 24, bytes);
    }
    zip.fill(255, record(zip, 9).getUint32(42, true) + 50, record(zip, 9).getUint32(42, true) + 90);
    const before = peakMiB();
    const found = await read([brought("bad.zip", zip)]);
    expect(peakMiB() - before).toBeLessThan(96);
    expect(found.skipped.length).toBe(9);
    expect(found).toEqual(await readOnCommandLine(onDisk("bad.zip", zip), options));
  });

  it("may be several zips and files at once; a zip inside a folder is not opened", async () => {
    const zip = await zipOf([["1.png", pngOf(16, 16, () => [1, 1, 1])]]);
    const two = pngOf(16, 16, () => [2, 2, 2]);
    const { names } = await read([brought("b.zip", zip), brought("a.zip", zip), brought("B.png", two)]);
    expect(names).toEqual(["B.png", "a.zip/1.png", "b.zip/1.png"]);
    expect((await read([brought("cats/2.png", two), brought("cats/1.zip", zip)])).names).toEqual(["2.png"]);
    expect((await read([brought("a/2.png", two), brought("b/2.png", two)])).names).toEqual(["a/2.png", "b/2.png"]);
  });

  it("is cropped by its landmarks, in a folder or a zip, as on the command line", async () => {
    const line = text(`9 22 20 42 20 32 35 16 12 ${"0 0 ".repeat(4)} 48 12 `);
    const noise = (): Uint8Array => pngOf(64, 48, () => [random() * 256, random() * 256, random() * 256]);
    const set: Record<string, Uint8Array> = {
      "CAT_00/1.jpg": noise(),
      "CAT_00/1.jpg.cat": line,
      "CAT_00/2.jpg": noise(),
      "CAT_01/3.jpg": noise(),
      "CAT_01/3.jpg.cat": text("9"),
    };
    for (const [name, bytes] of Object.entries(set)) onDisk(`CAT/${name}`, bytes);
    const expected = await readOnCommandLine(join(root, "CAT"), options);
    expect([expected.names, expected.faces, expected.skipped.length]).toEqual([["CAT_00/1.jpg"], 1, 2]);
    const files = Object.entries(set).map(([name, bytes]) => brought(`CAT/${name}`, bytes));
    expect(await read(files)).toEqual(expected);
    expect(await read([brought("CAT.zip", await zipOf(Object.entries(set)))])).toEqual(expected);
  });

  it("is only the zip if catgan prepare made the folder", async () => {
    const picture = pngOf(16, 16, () => [9, 9, 9]);
    const zip = await zipOf([["a.jpg.png", picture]]);
    const made = { "contact-sheet.png": picture, "duplicates.txt": text(""), "pictures.zip": zip };
    const files = Object.entries(made).map(([name, bytes]) => brought(`cats64/${name}`, bytes));
    expect((await read(files)).names).toEqual(["contact-sheet.png"]);
    files.push(brought("cats64/prepare.json", text("{}")));
    expect((await read(files)).names).toEqual(["a.jpg.png"]);
  });

  it("is ignored if it is hidden", async () => {
    const png = pngOf(16, 16, () => [1, 1, 1]);
    const paths = ["cats/1.png", "cats/.2.png", "cats/.git/3.png", "cats/__MACOSX/4.png"];
    expect((await read(paths.map((path) => brought(path, png)))).names).toEqual(["1.png"]);
  });

  it("that is damaged as a whole is named", async () => {
    const zip = await zipOf(entries({}));
    await expect(read([brought("cut.zip", zip.subarray(0, 5000))])).rejects.toThrow(
      "cut.zip: the zip is cut short or damaged (its directory's end is missing)",
    );
    const secret = await zipOf([["a.png", pngOf(16, 16, () => [1, 1, 1]), { password: "miau" }]]);
    await expect(read([brought("secret.zip", secret)])).rejects.toThrow(
      "secret.zip: a.png is encrypted, unpack the zip first",
    );
  });
});

const domError = (name: string, message = "") => new DOMException(message, name);

/** A file's entry in a drop; it may fail to open. */
const entryOf = (name: string, file: Uint8Array | DOMException): FileSystemEntry =>
  ({
    name,
    isFile: true,
    file(resolve: (file: File) => void, reject: (error: DOMException) => void) {
      if (file instanceof DOMException) reject(file);
      else resolve(new File([new Uint8Array(file)], name));
    },
  }) as unknown as FileSystemEntry;

/** A folder's, listed two entries at a time; listing may fail after some. */
const folderOf = (name: string, entries: FileSystemEntry[], failure: DOMException | null = null): FileSystemEntry =>
  ({
    name,
    isFile: false,
    createReader() {
      let at = 0;
      return {
        readEntries(resolve: (entries: FileSystemEntry[]) => void, reject: (error: DOMException) => void) {
          const batch = entries.slice(at, at + 2);
          at += 2;
          if (batch.length === 0 && failure) reject(failure);
          else resolve(batch);
        },
      };
    },
  }) as unknown as FileSystemEntry;

/** A file that is gone when it is read. */
function goneFile(path: string): BroughtFile {
  const file = new File([new Uint8Array(99)], path.split("/").pop()!);
  const gone = { arrayBuffer: () => Promise.reject(domError("NotFoundError")) };
  return { path, file: Object.assign(file, { slice: () => gone, ...gone }) };
}

describe("what the browser cannot open", () => {
  const png = pngOf(16, 16, () => [1, 1, 1]);
  const drop = (...items: (FileSystemEntry | File | null)[]) => fromDrop(items, new AbortController().signal, () => {});

  it("is named, and the rest is read", async () => {
    const found = await drop(
      folderOf("cats", [
        entryOf("1.png", png),
        entryOf("2.png", domError("NotFoundError")),
        folderOf("closed", [], domError("NotReadableError")),
        entryOf("no ending", domError("SecurityError")),
        entryOf("notes.txt", domError("NotFoundError")),
        entryOf(".hidden.png", domError("NotFoundError")),
        folderOf(
          "half",
          [entryOf("3.png", png), entryOf("4.png", png)],
          domError("EncodingError", "A URI is\nbroken."),
        ),
        entryOf("5.png", png),
      ]),
    );
    expect(found.label).toBe("cats");
    const { names, skipped } = await read(found.files, found.lost);
    expect(names).toEqual(["1.png", "5.png", "half/3.png", "half/4.png"]);
    expect(skipped).toEqual([
      { name: "2.png", reason: "it is gone" },
      { name: "closed/", reason: "a folder that cannot be listed: no permission to read it" },
      { name: "half/", reason: "a folder that cannot be listed: A URI is" },
      { name: "no ending", reason: "no permission to read it" },
    ]);
  });

  it("may be all of it", async () => {
    const found = await drop(folderOf("cats", [], domError("NotFoundError")));
    expect(found.label).toBe("cats");
    await expect(read(found.files, found.lost)).rejects.toMatchObject({
      skipped: [{ name: "cats/", reason: "a folder that cannot be listed: it is gone" }],
    });
  });

  it("has a name that is not UTF-8: Chromium gives none, and lists the folder around it again", async () => {
    const around: FileSystemEntry[] = [entryOf("1.png", png), entryOf("", domError("TypeMismatchError"))];
    around.push(folderOf("", around));
    const found = await drop(folderOf("cats", around));
    const { names, skipped } = await read(found.files, found.lost);
    expect(names).toEqual(["1.png"]);
    const reason = "its name is not UTF-8: rename it";
    expect(skipped).toEqual(["\ufffd", "\ufffd/"].map((name) => ({ name, reason })));
  });

  it("may have no entry: then it is a file, or unreadable", async () => {
    const found = await drop(new File([new Uint8Array(png)], "1.png"), entryOf("2.png", png), null);
    const { names, skipped } = await read(found.files, found.lost);
    expect(names).toEqual(["1.png", "2.png"]);
    expect(skipped).toEqual([{ name: "(without a name)", reason: "the browser gave no file" }]);
  });

  it("is named if it has disappeared when it is read", async () => {
    const gone = ["a.png", "no ending", "notes.txt", "set.zip"].map(goneFile);
    const reason = "it cannot be read: it is gone, has changed, or may not be opened";
    const { names, skipped } = await read([brought("1.png", png), ...gone]);
    expect(names).toEqual(["1.png"]);
    expect(skipped).toEqual(
      ["a.png", "no ending", "set.zip/"].map((name) => ({ name, reason: expect.stringContaining(reason) })),
    );
    await expect(read([goneFile("set.zip")])).rejects.toThrow(/^set.zip: .*it is gone/);
  });

  it("may be a zip among others, damaged or lost", async () => {
    const zip = await zipOf([["2.png", png]]);
    const files = [brought("1.png", png), brought("cut.zip", zip.subarray(0, 80)), brought("whole.zip", zip)];
    const { names, skipped } = await read(files, [{ name: "lost.ZIP", reason: "it is gone" }]);
    expect(names).toEqual(["1.png", "whole.zip/2.png"]);
    expect(skipped).toEqual([
      { name: "cut.zip/", reason: expect.stringMatching(/^the zip is cut short or damaged/) },
      { name: "lost.ZIP/", reason: "it is gone" },
    ]);
  });

  it("ends the reading where it is the zip that catgan prepare made", async () => {
    const files = [brought("cats64/contact-sheet.png", png), brought("cats64/prepare.json", text("{}"))];
    await expect(read(files, [{ name: "cats64/pictures.zip", reason: "it is gone" }])).rejects.toThrow(
      "cats64/pictures.zip: it is gone",
    );
  });

  it("does not keep a cancelled walk from ending", async () => {
    const stop = new AbortController();
    const files = Array.from({ length: 9 }, (_, i) => entryOf(`${i}.png`, png));
    const walk = fromDrop([folderOf("cats", files)], stop.signal, (count) => {
      if (count === 3) stop.abort();
    });
    await expect(walk).rejects.toThrow("aborted");
  });

  it("is empty if an input gave the files", () => {
    expect(fromInput([new File([new Uint8Array(png)], "1.png")]).lost).toEqual([]);
  });
});

describe("reading ahead", () => {
  it("gives the file's bytes, wherever and however many at once", async () => {
    const bytes = Uint8Array.from({ length: 1_000_000 }, () => random() * 256);
    const access = readAhead(new Blob([bytes]));
    expect(access.bytes).toBe(bytes.length);
    const readSome = async () => {
      const offset = Math.floor(random() * bytes.length);
      const length = Math.floor(random() ** 3 * 600_000);
      const found = await access.read(offset, length);
      expect(Buffer.compare(found, bytes.subarray(offset, offset + length))).toBe(0);
    };
    for (let i = 0; i < 100; i++) await Promise.all([readSome(), readSome(), readSome()]);
  });
});
