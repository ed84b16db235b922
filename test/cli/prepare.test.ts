import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { PNG } from "pngjs";
import { describe, expect, it, vi } from "vitest";
import { readPhotographs } from "../../src/cli/photographs.ts";
import { prepareCommand } from "../../src/cli/prepare.ts";
import { ZipWriter } from "../../src/data/zip_writer.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import { jpegOf, type Paint, peakMiB, pngOf, zipOf } from "./hostile.ts";
import { eventsOf, run, start, temporaryFolder } from "./program.ts";

const root = temporaryFolder();
const text = (words: string) => new TextEncoder().encode(words);

function folder(name: string, files: Record<string, Uint8Array>): string {
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name, path)), { recursive: true });
    writeFileSync(join(root, name, path), bytes);
  }
  return join(root, name);
}

/** Coarse blocks of random colours: no two are near each other, and each survives being made smaller. */
function blocks(seed: number): Paint {
  const random = randomNumbers(seed);
  const colours = Array.from({ length: 256 }, () => [random() * 256, random() * 256, random() * 256] as const);
  return (x, y) => colours[((x >> 2) & 15) * 16 + ((y >> 2) & 15)];
}

/** Eyes 20 apart around (40, 30), ears 32 apart: the face is columns 24 … 55 and rows 18 (17.2) … 49. */
const landmarks = (dx = 0) =>
  text(`9 ${30 + dx} 30 ${50 + dx} 30 ${40 + dx} 45 ${24 + dx} 20 0 0 0 0 0 0 0 0 ${56 + dx} 20 \n`);

const greys: Paint = (x, y) => new Array(3).fill((x * 37 + y * 11) % 256) as [number, number, number];

const mixed = async () => ({
  "CAT_00/00000001_000.jpg": pngOf(80, 60, blocks(1)),
  "CAT_00/00000001_000.jpg.cat": landmarks(),
  "CAT_00/00000001_005.jpg": pngOf(80, 60, blocks(2)),
  "CAT_00/00000001_005.jpg.cat": text("9 1 2 3"),
  "CAT_00/00000001_008.jpg": pngOf(80, 60, blocks(3)),
  "CAT_06/00001429_000.jpg": pngOf(80, 60, blocks(4)),
  "CAT_06/00001429_000.jpg.cat": landmarks(32),
  "others/1.png": pngOf(60, 40, blocks(5)),
  "others/2 small.png": pngOf(60, 31, blocks(6)),
  "others/3 grey.png": pngOf(32, 32, greys),
  "others/4 again.jpg": await jpegOf(60, 40, blocks(5)),
  "others/5 text.jpg": text("I am no picture."),
  "others/6 deep.jpg": Uint8Array.of(
    ...[0xff, 0xd8, 0xff, 0xc0, 0, 20, 12, 0, 64, 0, 64, 4],
    ...[1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0, 0xff, 0xd9],
  ),
  "readme.txt": text("cats"),
});

const report = (out: string) => JSON.parse(readFileSync(join(out, "prepare.json"), "utf8"));
const filesOf = (out: string) =>
  Object.fromEntries(readdirSync(out).map((name) => [name, readFileSync(join(out, name)).toString("base64")]));

describe("catgan prepare", () => {
  it("crops faces by their landmarks, uses other pictures whole, refuses and counts the rest", async () => {
    const source = folder("mixed", await mixed());
    const out = join(root, "new/mixed32");
    const result = await run("prepare", source, out, "--size", "32");
    expect([result.code, result.stderr]).toEqual([0, ""]);
    expect(readdirSync(out).sort()).toEqual(["contact-sheet.png", "duplicates.txt", "pictures.zip", "prepare.json"]);
    expect(readdirSync(join(root, "new"))).toEqual(["mixed32"]);
    for (const line of result.stdout.replaceAll(root, "").split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    const refused = (reason: string, file: string) => ({ reason, count: 1, files: [file] });
    expect(report(out)).toEqual({
      catgan: expect.any(String),
      source: "mixed",
      settings: { size: 32, fit: "crop", dropDuplicates: false, seed: 1 },
      pictures: { count: 4, faces: 1, notSquare: 2, grey: 1, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      refused: {
        count: 6,
        reasons: [
          refused("landmarks: 3 coordinates, expected 18", "CAT_00/00000001_005.jpg"),
          refused("no landmarks: no .cat file next to it", "CAT_00/00000001_008.jpg"),
          refused("too small: a face of 24×32 pixels, expected at least 32×32", "CAT_06/00001429_000.jpg"),
          refused("too small: 60×31 pixels, expected at least 32×32", "others/2 small.png"),
          refused("its first bytes are not those of a known picture format", "others/5 text.jpg"),
          refused("JPEG of 12 bits a sample: only 8 are supported", "others/6 deep.jpg"),
        ],
      },
      duplicates: { maxDistance: 5, groups: 1, others: 1, dropped: 0 },
    });
    expect(readFileSync(join(out, "duplicates.txt"), "utf8")).toMatch(
      /^0 {2}others\/1.png\n[0-5] {2}others\/4 again.jpg\n$/,
    );
    const sheet = PNG.sync.read(readFileSync(join(out, "contact-sheet.png")));
    expect([sheet.width, sheet.height]).toEqual([3 * (2 + 2 * 34), 3 * (2 + 2 * 34)]);
    expect(result.stdout).toContain("1 × landmarks: 3 coordinates, expected 18");
    expect(result.stdout).toContain(`catgan train --data ${out} --preset tiny`);

    // What is trained on is what the source itself would give: the face by hand, columns 24 … 55, rows 17 … 48.
    const prepared = await readPhotographs(out, { size: 32, fit: "crop" });
    const direct = await readPhotographs(source, { size: 32, fit: "crop" });
    // Other files with the same pixels.
    expect(prepared.pictures).toEqual({ ...direct.pictures, identity: prepared.pictures.identity });
    expect(prepared.pictures.identity).not.toBe(direct.pictures.identity);
    expect(prepared.skipped).toEqual([]);
    expect(prepared.names).toEqual(direct.names.map((name) => `${name}.png`));
    expect([direct.faces, direct.skipped.length]).toEqual([1, 6]);
    const paint = blocks(1);
    for (let i = 0; i < 32 * 32; i++) {
      const expected = paint(24 + (i % 32), 17 + Math.floor(i / 32)).map(Math.floor);
      expect([...prepared.pictures.pixels.subarray(3 * i, 3 * i + 3)]).toEqual(expected);
    }
    // Its zip alone does as well.
    expect((await readPhotographs(join(out, "pictures.zip"), { size: 32, fit: "crop" })).pictures).toEqual(
      prepared.pictures,
    );
  });

  it("gives the same bytes for the same pictures, from a folder or a zip, the first and the second time", async () => {
    const source = folder("same/source", await mixed());
    const zip = join(root, "same/source.zip");
    writeFileSync(zip, await zipOf(Object.entries(await mixed()).reverse()));
    const outs = ["a", "b"].map((name) => join(root, "same", name));
    await run("prepare", source, outs[0], "--size", "16");
    await run("prepare", zip, outs[1], "--size", "16");
    const first = filesOf(outs[0]);
    const { "prepare.json": _, ...files } = first;
    expect(filesOf(outs[1])).toMatchObject(files);
    expect(report(outs[1])).toEqual({ ...report(outs[0]), source: "source.zip" });
    expect((await run("prepare", source, outs[0], "--size", "16")).code).toBe(0);
    expect(filesOf(outs[0])).toEqual(first);
    // Another seed: another contact sheet of the same pictures.
    expect(readdirSync(join(root, "same")).sort()).toEqual(["a", "b", "source", "source.zip"]);
  });

  it("--drop-duplicates keeps the first of each group", async () => {
    const source = folder("duplicates", {
      "a/1.png": pngOf(64, 64, blocks(11)),
      "a/2.png": pngOf(64, 64, blocks(12)),
      "b/1 smaller.png": pngOf(32, 32, (x, y) => blocks(11)(2 * x, 2 * y)),
      "b/2 recompressed.jpg": await jpegOf(64, 64, blocks(12)),
      "b/3.png": pngOf(64, 64, blocks(13)),
      "c/1 again.png": pngOf(64, 64, blocks(11)),
    });
    const out = join(root, "duplicates16");
    const [end] = eventsOf(await run("prepare", source, out, "--size", "16", "--drop-duplicates", "--json")).slice(-1);
    expect(end).toMatchObject({
      event: "end",
      out,
      stopped: false,
      pictures: { count: 3 },
      duplicates: { groups: 2, others: 3, dropped: 3 },
    });
    const { names } = await readPhotographs(out, { size: 16, fit: "crop" });
    expect(names).toEqual(["a/1.png.png", "a/2.png.png", "b/3.png.png"]);
    const groups = readFileSync(join(out, "duplicates.txt"), "utf8").split("\n\n");
    expect(groups.map((group) => [...group.matchAll(/^\d {2}(.*)$/gm)].map(([, name]) => name))).toEqual([
      ["a/1.png", "b/1 smaller.png", "c/1 again.png"],
      ["a/2.png", "b/2 recompressed.jpg"],
    ]);
  });

  it("interrupted, leaves what was there and nothing else", async () => {
    const out = join(root, "stopped/out");
    const few = folder("stopped/few", { "1.png": pngOf(16, 16, blocks(21)) });
    await run("prepare", few, out, "--size", "16");
    const before = filesOf(out);
    const many = join(root, "stopped/many.zip");
    writeManyPictures(many, 1500, 128);
    const running = start(["prepare", many, out, "--size", "128", "--json"]);
    running.onLine((line) => {
      if (JSON.parse(line).event === "progress") running.child.kill("SIGINT");
    });
    const result = await running.done;
    expect(result.code).toBe(130);
    expect(eventsOf(result).at(-1)).toEqual({ event: "end", out: null, stopped: true });
    expect(filesOf(out)).toEqual(before);
    expect(readdirSync(join(root, "stopped")).sort()).toEqual(["few", "many.zip", "out"]);
  });

  it("needs memory for a picture, not for the set", async () => {
    const count = 2500;
    const prepare = async (name: string, pictures: number) => {
      const source = join(root, `${name}.zip`);
      writeManyPictures(source, pictures, 128);
      const before = peakMiB();
      const out = join(root, name);
      const options = { size: 128, fit: "crop", dropDuplicates: false, seed: 1, json: true } as const;
      expect(await prepareCommand({ command: "prepare", source, out, ...options })).toBe(0);
      return { out, grown: peakMiB() - before };
    };
    vi.spyOn(process.stdout, "write").mockReturnValue(true);
    try {
      // What any set takes is taken before.
      await prepare("few128", 250);
      const { out, grown } = await prepare("many128", count);
      // The pictures are 117 MiB, their files as much.
      expect(grown).toBeLessThan(60);
      expect(report(out).pictures.count).toBe(count);
    } finally {
      vi.restoreAllMocks();
    }
  });

  it.each([
    ["no places", [], /^catgan: SRC is missing; usage: catgan prepare SRC OUT \[options\]\n$/],
    ["a third place", ["SRC", "OUT", "more"], /unexpected argument more; usage: catgan prepare SRC OUT/],
    ["a size that is none", ["SRC", "OUT", "--size", "48"], /--size 48: expected 16, 32, 64 or 128/],
    ["nothing there", ["ROOT/nowhere", "OUT"], /nowhere: no such folder or zip/],
    ["no pictures", ["ROOT/texts", "OUT"], /texts: no pictures among 1 files/],
    ["only small ones", ["ROOT/photos", "OUT", "--size", "64"], /first of 1 skipped: 1.png: too small: 16×16 pixels/],
    ["a folder with something in it", ["ROOT/photos", "ROOT/texts"], /texts is not empty, and not from an earlier/],
    ["a place in the source", ["ROOT/photos", "ROOT/photos/out"], /photos\/out lies in .*photos, or the other way/],
    ["the source itself", ["ROOT/photos", "ROOT/photos"], /photos lies in .*photos, or the other way round/],
    ["a file in the way", ["ROOT/photos", "ROOT/texts/readme.txt"], /cannot look into .*readme.txt: part of the path/],
  ])("%s is the user's mistake, and leaves nothing behind", async (_, words, message) => {
    folder("mistakes/texts", { "readme.txt": text("cats") });
    folder("mistakes/photos", { "1.png": pngOf(16, 16, blocks(31)) });
    const place = join(root, "mistakes");
    const { code, stdout, stderr } = await run(
      "prepare",
      ...words.map((word) =>
        word.replace("ROOT", place).replace(/^SRC$/, join(place, "photos")).replace(/^OUT$/, join(place, "out")),
      ),
    );
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n").length).toBe(1);
    expect(readdirSync(place).sort()).toEqual(["photos", "texts"]);
    expect(existsSync(join(place, "photos/out"))).toBe(false);
  });
});

/** A zip of the same noise under many names. */
function writeManyPictures(path: string, count: number, size: number): void {
  const random = randomNumbers(3);
  const png = pngOf(size, size, () => [random() * 256, random() * 256, random() * 256]);
  const file = openSync(path, "w");
  const zip = new ZipWriter((bytes) => writeSync(file, bytes));
  for (let i = 0; i < count; i++) zip.add(`${i}.png`, png);
  zip.finish();
  closeSync(file);
}
