import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readPhotographs } from "../../src/cli/photographs.ts";
import { UserError } from "../../src/cli/user_error.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import {
  bombOf,
  countedAs,
  type Entry,
  endRecord,
  jpegOf,
  mutate,
  type Paint,
  peakMiB,
  pngOf,
  record,
  zipOf,
} from "./hostile.ts";

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "catgan-photographs-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const plain =
  (value: number): Paint =>
  () => [value, value, value];
const text = (words: string) => new TextEncoder().encode(words);
const options = { size: 16, fit: "crop" } as const;

/** Writes files into a new folder of the test's own. */
function folder(name: string, files: Record<string, Uint8Array>): string {
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name, path)), { recursive: true });
    writeFileSync(join(root, name, path), bytes);
  }
  return join(root, name);
}

function file(name: string, bytes: Uint8Array): string {
  writeFileSync(join(root, name), bytes);
  return join(root, name);
}

async function failure(source: string): Promise<string> {
  const error = await readPhotographs(source, options).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  expect((error as Error).message).not.toContain("\n");
  return (error as Error).message.replaceAll(root, "ROOT");
}

/** The first value of every picture. */
const firsts = ({ pixels, size, count }: { pixels: Uint8Array; size: number; count: number }) =>
  Array.from({ length: count }, (_, i) => pixels[i * size * size * 3]);

/** Names out of order, each grey telling which it is. */
const cats = async () => ({
  "b/2.png": pngOf(20, 16, plain(20)),
  "b/10.jpg": await jpegOf(16, 24, plain(10)),
  "a.jpeg": await jpegOf(40, 40, plain(0)),
  "c.PNG": pngOf(16, 16, plain(30)),
  "B.png": pngOf(16, 16, plain(200)),
});
const order = ["B.png", "a.jpeg", "b/10.jpg", "b/2.png", "c.PNG"];

describe("a folder", () => {
  it("gives its pictures, in the order of their paths, as [count, size, size, 3]", async () => {
    const progress: [number, number][] = [];
    const { pictures, names, skipped } = await readPhotographs(folder("cats", await cats()), {
      ...options,
      onProgress: (done, total) => progress.push([done, total]),
    });
    expect(names).toEqual(order);
    expect(skipped).toEqual([]);
    expect([pictures.size, pictures.count, pictures.pixels.length]).toEqual([16, 5, 5 * 16 * 16 * 3]);
    expect(firsts(pictures)).toEqual([200, 0, 10, 20, 30]);
    expect(progress).toEqual([1, 2, 3, 4, 5].map((done) => [done, 5]));
  });

  it("crops or stretches", async () => {
    const halves: Paint = (x) => (x < 16 ? [0, 0, 0] : [255, 255, 255]);
    const source = folder("wide", { "wide.png": pngOf(64, 16, halves) });
    expect(firsts((await readPhotographs(source, { size: 16, fit: "crop" })).pictures)).toEqual([255]);
    expect(firsts((await readPhotographs(source, { size: 16, fit: "stretch" })).pictures)).toEqual([0]);
  });

  it("skips and names broken files and files that are not pictures, and continues", async () => {
    const whole = await jpegOf(16, 16, plain(50));
    const source = folder("mixed", {
      "1.jpg": whole,
      "2 cut.jpg": whole.subarray(0, whole.length - 5),
      "3 text.png": text("not a picture"),
      "4 empty.jpg": new Uint8Array(0),
      "5.heic": text("\0\0\0\x18ftypheic"),
      "6.dat": pngOf(16, 16, plain(60)), // a picture all the same
      "7 wrong.jpg": pngOf(16, 16, plain(70)),
      "notes.txt": text("read me"),
      "huge.jpg": whole,
      "huge.bin": text("whatever"),
      "control\x1b[2J.jpg": text("no"),
    });
    truncateSync(join(source, "huge.jpg"), 65 * 2 ** 20);
    truncateSync(join(source, "huge.bin"), 65 * 2 ** 20);
    const { pictures, names, skipped } = await readPhotographs(source, options);
    expect(names).toEqual(["1.jpg", "6.dat", "7 wrong.jpg"]);
    expect(firsts(pictures)).toEqual([50, 60, 70]);
    expect(skipped).toEqual([
      { name: "2 cut.jpg", reason: "JPEG cut short: its end marker is missing" },
      { name: "3 text.png", reason: "its first bytes are not those of a known picture format" },
      { name: "4 empty.jpg", reason: "empty file" },
      { name: "5.heic", reason: "HEIC pictures cannot be decoded here: convert them to JPEG first" },
      { name: "control?[2J.jpg", reason: "its first bytes are not those of a known picture format" },
      { name: "huge.jpg", reason: "65 MiB: pictures may have at most 64" },
    ]);
  });

  it("ignores hidden files and folders, and __MACOSX", async () => {
    const png = pngOf(16, 16, plain(1));
    const source = folder(".hidden itself", {
      "1.png": png,
      ".2.png": png,
      "._1.png": text("resource fork"),
      ".git/3.png": png,
      "__MACOSX/4.png": png,
      "sub/.thumbs/5.png": png,
    });
    const { names, skipped } = await readPhotographs(source, options);
    expect(names).toEqual(["1.png"]);
    expect(skipped).toEqual([]);
  });

  it("follows links, but never in circles", async () => {
    const source = folder("links", { "a/1.png": pngOf(16, 16, plain(1)), "b/2.png": pngOf(16, 16, plain(2)) });
    const outside = folder("outside", { "3.png": pngOf(16, 16, plain(3)) });
    symlinkSync(source, join(source, "a", "up"));
    symlinkSync(join(source, "b"), join(source, "a", "across"));
    symlinkSync(outside, join(source, "out"));
    symlinkSync("self.jpg", join(source, "self.jpg"));
    symlinkSync("nowhere.jpg", join(source, "dangling.jpg"));
    const { names, skipped } = await readPhotographs(source, options);
    expect(names).toEqual(["a/1.png", "a/across/2.png", "out/3.png"]);
    expect(skipped.map(({ name }) => name)).toEqual(["dangling.jpg", "self.jpg"]);
  });

  it("without pictures, or missing, is the user's mistake", async () => {
    mkdirSync(join(root, "empty"));
    expect(await failure(join(root, "empty"))).toBe("ROOT/empty: no pictures among 0 files (hidden ones not counted)");
    const broken = folder("broken", { "1.jpg": text("?"), "2.png": text("?"), "3.txt": text("?") });
    expect(await failure(broken)).toBe(
      "ROOT/broken: no pictures among 3 files (hidden ones not counted); the first of 2 skipped: 1.jpg: its first bytes are not those of a known picture format",
    );
    expect(await failure(join(root, "missing"))).toBe("ROOT/missing: no such folder or zip");
    expect(await failure(file("one.png", pngOf(8, 8, plain(1))))).toBe(
      "ROOT/one.png: a single PNG picture, expected a folder or a zip of them",
    );
    expect(await failure(file("cats.tar", text("cats")))).toBe("ROOT/cats.tar: neither a folder nor a zip");
    expect(await failure(file("nothing.zip", new Uint8Array(0)))).toBe("ROOT/nothing.zip: neither a folder nor a zip");
  });
});

describe("a zip", () => {
  it("gives the same as the folder, stored or deflated, whatever its name", async () => {
    const expected = await readPhotographs(folder("same", await cats()), options);
    for (const level of [0, 6]) {
      const entries = Object.entries(await cats()).map(([name, bytes]): Entry => [name, bytes, { level }]);
      const zip = await zipOf([
        ["b/", new Uint8Array(0), { directory: true }],
        ...entries,
        ["__MACOSX/._c.PNG", text("no")],
      ]);
      expect(await readPhotographs(file(`same${level}.photos`, zip), options)).toEqual(expected);
    }
  });

  it("may have Windows' slashes, and names that point elsewhere: nothing is written", async () => {
    const zip = await zipOf([
      ["cats\\1.png", pngOf(16, 16, plain(1))],
      ["cats\\.hidden\\2.png", pngOf(16, 16, plain(2))],
    ]);
    expect((await readPhotographs(file("windows.zip", zip), options)).names).toEqual(["cats/1.png"]);
    const sly = Buffer.from(await zipOf([["xx/1\x07.png", pngOf(16, 16, plain(1))]]));
    for (let at = sly.indexOf("xx/1"); at >= 0; at = sly.indexOf("xx/1")) sly.write("../1", at, "latin1");
    expect((await readPhotographs(file("sly.zip", sly), options)).names).toEqual(["1?.png"]);
  });

  it("whose names begin with ./ or ../ gives all its pictures", async () => {
    for (const prefix of ["./", "../cats/", "././", "../../", "/"]) {
      const zip = await zipOf([
        [prefix, new Uint8Array(0), { directory: true }],
        ...Array.from({ length: 8 }, (_, i): Entry => [`${prefix}c${i}.png`, pngOf(16, 16, plain(i))]),
      ]);
      const { pictures, names, skipped } = await readPhotographs(file("dots.zip", zip), options);
      const folder = prefix === "../cats/" ? "cats/" : "";
      expect(names, prefix).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((i) => `${folder}c${i}.png`));
      expect(firsts(pictures)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      expect(skipped).toEqual([]);
    }
  });

  it("whose end counts other entries than its directory has, or is followed by something, gives all its pictures", async () => {
    const zip = await zipOf(Array.from({ length: 8 }, (_, i): Entry => [`c${i}.png`, pngOf(16, 16, plain(i))]));
    for (const wrong of [countedAs(zip, 3), countedAs(zip, 0xfffe), Buffer.concat([zip, text("\n")])]) {
      const { pictures, skipped } = await readPhotographs(file("wrong.zip", wrong), options);
      expect(firsts(pictures)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      expect(skipped).toEqual([]);
    }
  });

  it("that is encrypted, cut short, split or empty is the user's mistake", async () => {
    const png = pngOf(16, 16, plain(1));
    for (const zipCrypto of [false, true]) {
      const zip = await zipOf([
        ["a.png", png],
        ["cats/b.png", png, { password: "miau", zipCrypto }],
      ]);
      expect(await failure(file("encrypted.zip", zip))).toBe(
        "ROOT/encrypted.zip: cats/b.png is encrypted, unpack the zip first",
      );
    }
    const zip = await zipOf([
      ["a.png", png, { level: 0 }],
      ["b.png", png],
    ]);
    for (const length of [4, 30, zip.length >> 1, zip.length - 30, zip.length - 1]) {
      expect(await failure(file("cut.zip", zip.subarray(0, length)))).toMatch(
        /^ROOT\/cut.zip: the zip is cut short or damaged/,
      );
    }
    expect(await failure(file("empty.zip", await zipOf([])))).toContain("no pictures among 0 files");
  });

  it("with damaged entries gives the others", async () => {
    const noise = randomNumbers(1);
    const noisy = pngOf(16, 16, () => [noise() * 256, noise() * 256, noise() * 256]);
    const entries = ["0 good", "1 checksum", "2 method", "3 outside", "4 longer", "5 shorter", "6 nowhere", "7 good"];
    const zip = await zipOf(
      entries.map((name, i): Entry => [`${name}.png`, noisy, { level: i === 4 || i === 5 ? 6 : 0 }]),
    );
    const change = (n: number, at: number, value: number) => record(zip, n).setUint32(at, value, true);
    change(1, 16, 12345);
    record(zip, 2).setUint16(10, 12, true);
    change(3, 20, 2 ** 31);
    change(4, 24, noisy.length - 1);
    change(5, 24, noisy.length + 1);
    change(6, 42, record(zip, 6).getUint32(42, true) + 1);
    const { names, skipped } = await readPhotographs(file("damaged.zip", zip), options);
    expect(names).toEqual(["0 good.png", "7 good.png"]);
    expect(skipped).toEqual([
      { name: "1 checksum.png", reason: "damaged zip: wrong checksum (CRC-32)" },
      { name: "2 method.png", reason: "compression method 12: only stored and deflated entries are supported" },
      { name: "3 outside.png", reason: "damaged zip: the entry ends after the file's end" },
      { name: "4 longer.png", reason: "damaged zip: more data than its directory says" },
      { name: "5 shorter.png", reason: `damaged zip: ${noisy.length} bytes, its directory says ${noisy.length + 1}` },
      { name: "6 nowhere.png", reason: "damaged zip: no entry where the directory says" },
    ]);
  });

  it("full of bombs takes no memory", async () => {
    const good = pngOf(16, 16, plain(1));
    const bomb = bombOf(good.subarray(0, 33), 300);
    const zip = await zipOf([
      ["1 honest.png", bomb, { level: 0 }],
      ["2 lying.png", bomb, { level: 0 }],
      ["3 good.png", good, { level: 0 }],
      ["4 same data.png", good, { level: 0 }],
      ["5 no picture.bin", bombOf(new Uint8Array(8), 300), { level: 0 }],
    ]);
    for (const [n, bytes] of [
      [0, 300 * 2 ** 20 + 33],
      [1, 1000],
      [4, 300 * 2 ** 20 + 8],
    ]) {
      record(zip, n).setUint16(10, 8, true);
      record(zip, n).setUint32(24, bytes, true);
    }
    record(zip, 3).setUint32(42, record(zip, 2).getUint32(42, true), true);
    const source = file("bombs.zip", zip);
    const before = peakMiB();
    const { names, skipped } = await readPhotographs(source, options);
    expect(peakMiB() - before).toBeLessThan(64);
    expect(names).toEqual(["3 good.png"]);
    expect(skipped).toEqual([
      { name: "1 honest.png", reason: "301 MiB: pictures may have at most 64" },
      { name: "2 lying.png", reason: "damaged zip: more data than its directory says" },
      { name: "4 same data.png", reason: "its data overlap another entry's" },
    ]);
  });

  it("whose end record claims gigabytes takes no memory: the directory decides, if there is one", async () => {
    const zip = await zipOf([["a.png", pngOf(16, 16, plain(1))]]);
    const before = peakMiB();
    endRecord(zip).setUint32(12, 0xfffffff0, true);
    for (const promising of [zip, countedAs(zip, 0xfffe)]) {
      expect((await readPhotographs(file("promises.zip", promising), options)).names).toEqual(["a.png"]);
    }
    endRecord(zip).setUint32(16, 7, true);
    for (const promising of [zip, countedAs(zip, 0xfffe)]) {
      expect(await failure(file("promises.zip", promising))).toContain("cut short or damaged");
    }
    expect(peakMiB() - before).toBeLessThan(64);
  });

  it("under mutation gives pictures or a one-line error, quickly and in little memory", async () => {
    const zip = await zipOf([
      ["c/1.png", pngOf(6, 5, plain(10)), { level: 0 }],
      ["c/2.jpg", await jpegOf(8, 8, plain(20))],
      ["c/3.png", pngOf(4, 4, plain(30))],
      ["readme.txt", text("cats, cats, cats and cats")],
      ["4.jpg", (await jpegOf(8, 8, plain(40))).subarray(0, 200), { level: 0 }],
    ]);
    const zip64 = await zipOf([
      ["1.png", pngOf(6, 5, plain(10)), { zip64: true }],
      ["2.png", pngOf(6, 5, plain(20)), { zip64: true, level: 0 }],
    ]);
    const random = randomNumbers(5);
    const before = peakMiB();
    let [whole, partial, refused, slowest] = [0, 0, 0, 0];
    for (let i = 0; i < 2000; i++) {
      const original = i % 4 === 0 ? zip64 : zip;
      let mutated = mutate(original, random);
      // Directories are small beside the data: every other time only they are hit.
      if (i % 2 === 0) {
        const directory = Buffer.from(original).indexOf("PK\x01\x02", 0, "latin1");
        mutated = Buffer.concat([original.subarray(0, directory), mutate(original.subarray(directory), random)]);
      }
      const source = file("mutated.zip", mutated);
      const start = performance.now();
      try {
        const { pictures, names, skipped } = await readPhotographs(source, { size: 4, fit: "crop" });
        expect(pictures.count).toBe(names.length);
        expect(pictures.pixels.length).toBe(pictures.count * 4 * 4 * 3);
        for (const { name, reason } of skipped) expect(`${name}: ${reason}`).toMatch(/^[^\p{Cc}]+$/u);
        if (skipped.length > 1) partial++;
        else whole++;
      } catch (error) {
        expect(error, String((error as Error).stack)).toBeInstanceOf(UserError);
        expect((error as Error).message).toMatch(/^[^\p{Cc}]+$/u);
        refused++;
      }
      slowest = Math.max(slowest, performance.now() - start);
    }
    for (const count of [whole, partial, refused]) expect(count).toBeGreaterThan(100);
    expect(slowest).toBeLessThan(2000);
    expect(peakMiB() - before).toBeLessThan(192);
  });
});
