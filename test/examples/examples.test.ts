/** The examples, built and run as their README says: the trained networks have learned something, the pictures decode. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodePng, encodeRgbPng } from "../../src/cli/png.ts";
import { swiftShaderEnvironment } from "../../src/cli/swiftshader.ts";
import { gridPlace } from "../../src/data/grid.ts";
import { paintCat, paintCats } from "../../src/data/painted.ts";
import { checkCheckpoint } from "../../src/train/checkpoint.ts";
import { decodeSafetensors } from "../../src/train/safetensors.ts";

const run = promisify(execFile);
const root = new URL("../..", import.meta.url).pathname;
const built = (name: string) => join(root, "dist/examples", `${name}.mjs`);
const folder = mkdtempSync(join(tmpdir(), "catgan-examples-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  await run("npm", ["run", "-s", "build:lib"], { cwd: root });
  await run("npm", ["run", "-s", "build:examples"], { cwd: root });
}, 600_000);

/** The 64 pictures of a grid that an example wrote. @returns [64, 32, 32, 3] */
async function picturesOf(file: string): Promise<Uint8Array> {
  const [size, count, columns] = [32, 64, 8];
  const { width, rgba } = await decodePng(readFileSync(join(folder, file)));
  const pixels = new Uint8Array(count * size * size * 3);
  for (let n = 0; n < count; n++) {
    const { left, top } = gridPlace(n, size, columns);
    for (let i = 0; i < size * size; i++) {
      const from = ((top + Math.floor(i / size)) * width + left + (i % size)) * 4;
      pixels.set(rgba.subarray(from, from + 3), (n * size * size + i) * 3);
    }
  }
  return pixels;
}

/** How far two sets of pictures are apart in each pixel's mean colour, 0…255. */
function distanceOfMeans(a: Uint8Array, b: Uint8Array): number {
  const meanPicture = (pixels: Uint8Array) => {
    const mean = new Float64Array(32 * 32 * 3);
    for (let i = 0; i < pixels.length; i++) mean[i % mean.length] += pixels[i] / (pixels.length / mean.length);
    return mean;
  };
  const [x, y] = [meanPicture(a), meanPicture(b)];
  return x.reduce((sum, value, i) => sum + Math.abs(value - y[i]), 0) / x.length;
}

const numbersIn = (line: string) => line.match(/-?\d+\.\d+|NaN|Infinity/g)!.map(Number);

test("minimal.ts trains G and D, and writes pictures", { timeout: 600_000 }, async () => {
  const { stdout } = await run(process.execPath, [built("minimal"), "60", "60.png"], { cwd: folder });
  const lines = stdout.split("\n").filter((line) => line.startsWith("step "));
  expect(lines.length).toBe(7);
  const losses = lines.map(numbersIn);
  for (const numbers of losses) {
    expect(numbers.length).toBe(4);
    expect(numbers.every(Number.isFinite)).toBe(true);
  }
  // D begins by guessing, which costs 2 ln 2, and comes below that; a D that does not learn stays within 0.01 of it.
  expect(Math.abs(losses[0][0] - 2 * Math.LN2)).toBeLessThan(0.02);
  expect(Math.min(...losses.map(([dLoss]) => dLoss))).toBeLessThan(2 * Math.LN2 - 0.04);
  // G begins grey, and comes closer to the cats' mean picture.
  const cats = paintCats(32, 1024, 1).pixels;
  const [untrained, trained] = [new Uint8Array(cats.length).fill(128), await picturesOf("60.png")];
  expect(distanceOfMeans(trained, cats)).toBeLessThan(0.9 * distanceOfMeans(untrained, cats));
});

test("library.ts is a program for the built package: it type-checks, trains, saves, loads and draws", {
  timeout: 600_000,
}, async () => {
  await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", join(root, "examples")]).catch(
    (error) => expect.fail(error.stdout),
  );
  const photographs = join(folder, "photographs");
  mkdirSync(photographs);
  for (let n = 0; n < 20; n++) {
    const png = encodeRgbPng({ width: 40, height: 40, rgb: paintCat(40, 2, n) });
    writeFileSync(join(photographs, `${n}.png`), png);
  }
  const env = { ...process.env, ...swiftShaderEnvironment() };
  const { stdout } = await run(process.execPath, [built("library"), photographs, "3"], { cwd: folder, env });
  const lines = stdout.trim().split("\n");
  expect(lines.map((line) => line.split(":")[0])).toEqual([1, 2, 3, 4, 5, 6].map((step) => `step ${step}`));
  for (const line of lines) expect(numbersIn(line).every(Number.isFinite)).toBe(true);
  const { step } = checkCheckpoint(decodeSafetensors(readFileSync(join(folder, "run.safetensors"))), "run");
  expect(step).toBe(6);
  // Different pictures, of more than one colour.
  const pictures = await picturesOf("cats.png");
  const first = pictures.subarray(0, 32 * 32 * 3);
  expect(new Set(first).size).toBeGreaterThan(10);
  expect(pictures.subarray(first.length, 2 * first.length)).not.toEqual(first);
});
