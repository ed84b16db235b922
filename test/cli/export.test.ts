import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { PNG } from "pngjs";
import { beforeAll, expect, test } from "vitest";
import { decodeSafetensors, encodeSafetensors } from "../../src/train/safetensors.ts";
import { decodeGif } from "../data/gif_decoder.ts";
import { eventsOf, run, start, temporaryFolder, writePictures } from "./program.ts";

const folder = temporaryFolder();
const runDir = join(folder, "run");
const file = join(folder, "cats.safetensors");
const credit = "photographs by nobody, CC BY-NC 4.0: non-commercial use";
const small = "--preset tiny --size 16 --base 4 --base-d 4 --batch 4 --z 8 --steps 3 --seed 5".split(" ");

beforeAll(async () => {
  const photos = join(folder, "photos");
  writePictures(photos, 8);
  expect(await run("train", ...small, "--data", photos, "--out", runDir)).toMatchObject({ code: 0, stderr: "" });
});

test("a run becomes a file that draws the same cats, with its credit", async () => {
  const exported = await run("export", runDir, file, "--credit", credit, "--json");
  expect(exported).toMatchObject({ code: 0, stderr: "" });
  const [event] = eventsOf(exported);
  expect(event).toMatchObject({ event: "export", path: file, bytes: readFileSync(file).length, f32: false, step: 3 });
  expect(event.meanError).toBeLessThan(0.5);
  expect(event.maxError).toBeLessThanOrEqual(2);
  const { metadata, tensors } = decodeSafetensors(readFileSync(file));
  expect(metadata).toMatchObject({ format: "catgan generator 1", step: "3", seed: "5", credit });
  expect([...tensors.keys()].filter((name) => !name.startsWith("g."))).toEqual([]);

  const pictures = async (source: string) => {
    const out = join(folder, "drawn.png");
    const drawn = await run("sample", source, "--n", "4", "--seed", "5", "--out", out);
    expect(drawn).toMatchObject({ code: 0, stderr: "" });
    return { stdout: drawn.stdout, data: PNG.sync.read(readFileSync(out)).data };
  };
  const [of, ofRun] = [await pictures(file), await pictures(runDir)];
  expect(of.stdout).toContain(credit);
  expect(ofRun.stdout).not.toContain("credit");
  expect(of.data.length).toBe(ofRun.data.length);
  expect(of.data.findIndex((value, i) => Math.abs(value - ofRun.data[i]) > 2)).toBe(-1);
});

// What follows works on the file above.

test("the user sees the size, the effect of rounding, and how to draw", async () => {
  const { code, stdout } = await run("export", runDir, join(folder, "whole.safetensors"), "--f32");
  expect(code).toBe(0);
  expect(stdout).toContain("whole.safetensors: a generator after 3 steps");
  expect(stdout).toMatch(/size +0\.0 MB, f32\n/);
  expect(stdout).toMatch(/pixels +0\.00 of 255 different from the run's on average, 0 at most\n/);
  expect(stdout).toMatch(/draw +catgan sample \S+whole\.safetensors\n/);
});

test("a walk is a film that ends where it begins, of the cats that the seed's grid shows", async () => {
  const [film, still] = [join(folder, "walk.gif"), join(folder, "still.png")];
  const walk = ["--walk", "--grid", "2x1", "--stops", "2", "--fps", "5", "--seed", "5"];
  const walked = await run("sample", file, ...walk, "--out", film, "--json");
  expect(walked).toMatchObject({ code: 0, stderr: "" });
  expect(eventsOf(walked)).toMatchObject([{ event: "sample", path: film, n: 2, frames: 16, seed: 5, credit }]);
  expect((await run("sample", file, "--n", "4", "--columns", "1", "--seed", "5", "--out", still)).code).toBe(0);
  const cats = PNG.sync.read(readFileSync(still));
  const frames = decodeGif(readFileSync(film));
  // Twelve times enlarged; the still, seven times.
  const [width, height] = [12 * 38, 12 * 20];
  expect(frames.map((frame) => [frame.width, frame.height, frame.delay])).toEqual(Array(16).fill([width, height, 20]));
  /** How far a picture of a frame is from a cat of the still, in levels of 255. */
  const distance = (frame: number, way: number, cat: number) => {
    let sum = 0;
    for (let v = 0; v < 16; v++) {
      for (let u = 0; u < 16; u++) {
        const there = frames[frame].rgb[12 * (2 + v) * width + 12 * (2 + way * 18 + u)];
        const at = (7 * (2 + cat * 18 + v) * cats.width + 7 * (2 + u)) * 4;
        for (let c = 0; c < 3; c++) sum += Math.abs(there[c] - cats.data[at + c]) / (3 * 16 * 16);
      }
    }
    return sum;
  };
  // The first way passes cats 0 and 1, the second 2 and 3; a palette of 256 colours is near.
  for (const [frame, way, cat] of [
    [0, 0, 0],
    [0, 1, 2],
    [8, 0, 1],
    [8, 1, 3],
  ]) {
    expect(distance(frame, way, cat)).toBeLessThan(4);
    expect(distance(frame, way, (cat + 1) % 4)).toBeGreaterThan(2 * distance(frame, way, cat));
  }
});

test("without a source, the bundled weights are used", async () => {
  const place = join(folder, "package");
  for (const name of ["dist", "weights", "node_modules"]) mkdirSync(join(place, name), { recursive: true });
  copyFileSync("dist/catgan.mjs", join(place, "dist", "catgan.mjs"));
  for (const name of ["webgpu", "@sparticuz"])
    symlinkSync(resolve("node_modules", name), join(place, "node_modules", name));
  const sample = ["sample", "--n", "2", "--out", join(folder, "shipped.png")];
  const program = join(place, "dist", "catgan.mjs");
  const without = await start(sample, {}, program).done;
  expect(without.code).toBe(2);
  expect(without.stderr).toMatch(
    /^catgan: the bundled weights are missing at \S+package\/weights\/cats64\.safetensors: give a run or a file, as in catgan sample runs\/mine\n$/,
  );
  copyFileSync(file, join(place, "weights", "cats64.safetensors"));
  const drawn = await start(sample, {}, program).done;
  expect(drawn).toMatchObject({ code: 0, stderr: "" });
  expect(drawn.stdout).toContain("2 cats after 3 steps: ");
  expect(drawn.stdout).toContain(credit);
  expect(existsSync(join(folder, "shipped.png"))).toBe(true);
});

const never = join(folder, "never.safetensors");
test.each<[what: string, words: () => string[], message: RegExp]>([
  ["training on", () => ["train", "--resume", file], /--resume \S+: a generator file, which can draw but not train/],
  [
    "training on it in a run's place",
    () => {
      mkdirSync(join(folder, "posed", "checkpoints"), { recursive: true });
      copyFileSync(file, join(folder, "posed", "checkpoints", "step-000003.safetensors"));
      return ["train", "--resume", join(folder, "posed")];
    },
    /checkpoint: this is a generator file, which can draw but not train further/,
  ],
  ["a credit of two lines", () => ["export", runDir, never, "--credit", "a\nb"], /--credit: expected one line/],
  ["no such run", () => ["export", join(folder, "nowhere"), never], /nowhere: no such file or folder/],
  ["no place to write", () => ["export", file, join(folder, "no", "x.safetensors")], /cannot write \S+: no such file/],
])("%s: one line, exit code 2", async (_, words, message) => {
  const { code, stdout, stderr } = await run(...words());
  expect(stderr).toMatch(/^catgan: [^\n]+\n$/);
  expect(stderr).toMatch(message);
  expect([code, stdout]).toEqual([2, ""]);
  expect(existsSync(never)).toBe(false);
});

test.each<[what: string, value: number, more: string[], message: RegExp]>([
  ["beyond f16", 1e6, [], /has numbers beyond f16's range: keep it in f32 \(--f32\)/],
  ["NaN", Number.NaN, [], /NaN|finite|f16/],
  ["NaN, in f32", Number.NaN, ["--f32"], /finite/],
  ["so large that statistics overflow", 3e38, ["--f32"], /finite/],
])("weights that are %s are refused in one line", async (_, value, more, message) => {
  const { tensors, metadata } = decodeSafetensors(readFileSync(join(runDir, "checkpoints", "step-000003.safetensors")));
  // Where samples are drawn from the average, that is what is exported.
  for (const [name, { data }] of tensors) if (/^(average\.)?g\..*weight$/.test(name)) data.fill(value, 0, 64);
  const damaged = join(folder, "damaged.safetensors");
  writeFileSync(damaged, encodeSafetensors(tensors, metadata));
  const { code, stdout, stderr } = await run("export", damaged, never, ...more);
  expect(stderr).toMatch(/^catgan: [^\n]+\n$/);
  expect(stderr).toMatch(message);
  expect([code, stdout]).toEqual([2, ""]);
  expect(existsSync(never)).toBe(false);
});
