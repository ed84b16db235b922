/**
 * Random damage to pictures of all formats, decoded as the terminal does: a picture of the size that its header promises,
 * or a refusal in one line, before long. An input that shows a defect is kept in corpus/, and every run begins with those.
 */
import { beforeAll, expect, test } from "vitest";
import { decodePicture } from "../../src/cli/decode.ts";
import { maxPixels } from "../../src/data/picture_file.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import { mutate } from "../cli/hostile.ts";
import { encoded, exifOf, gradientImage, pngChunk, withPngChunks } from "../data/picture_files.ts";
import { fuzz, fuzzSeed, fuzzTimeout } from "./fuzz.ts";

const random = randomNumbers(fuzzSeed);
/** Real files of this size take a few; the test runs beside others. */
const maxMilliseconds = 5000;

const image = gradientImage(40, 30);
const targets: [name: string, make: () => Promise<Uint8Array>][] = [
  ["picture-jpeg", () => encoded(image, "jpeg")],
  ["picture-jpeg-progressive", () => encoded(image, "jpeg", { progressive: true })],
  ["picture-png", () => encoded(image, "png")],
  ["picture-png-palette", () => encoded(image, "png", { palette: true })],
  ["picture-png-exif", async () => withPngChunks(await encoded(image, "png"), [pngChunk("eXIf", exifOf(6))])],
  ["picture-webp", () => encoded(image, "webp")],
  ["picture-webp-lossless", () => encoded(image, "webp", { lossless: true })],
  ["picture-gif", () => encoded(image, "gif")],
  ["picture-tiff", () => encoded(image, "tiff", { compression: "lzw" })],
  ["picture-avif", () => encoded(image, "avif")],
];

const originals = new Map<string, Uint8Array>();
beforeAll(async () => {
  for (const [name, make] of targets) originals.set(name, await make());
});

async function holds(input: Uint8Array): Promise<void> {
  const began = performance.now();
  try {
    const { width, height, rgb } = await decodePicture(input);
    expect(width >= 1 && height >= 1 && width * height <= maxPixels).toBe(true);
    expect(rgb).toHaveLength(width * height * 3);
  } catch (error) {
    expect((error as Error).constructor, String(error)).toBe(Error);
    expect((error as Error).message).toMatch(/^[^\n]{1,300}$/);
  }
  expect(performance.now() - began).toBeLessThan(maxMilliseconds);
}

test.each(targets)("%s", { timeout: fuzzTimeout }, async (name) => {
  await fuzz(name, originals.get(name)!, mutate, random, holds, 0.2);
});
