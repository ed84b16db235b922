/**
 * Random damage to pictures of all formats: what reads their headers gives a size that may be decoded or refuses in one
 * line, and is done in a moment. An input that shows a defect is kept in corpus/, and every run begins with those.
 */
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { maxPixels, type PictureFormat } from "../../src/data/picture_file.ts";
import { readPictureSize } from "../../src/data/picture_size.ts";
import { exifOrientation } from "../../src/data/tiff.ts";
import { examinePng, examineWebp } from "../../src/page/pictures/metadata.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import { mutate } from "../cli/hostile.ts";
import {
  encoded,
  exifOf,
  extendedWebp,
  gradientImage,
  heicOf,
  pngChunk,
  withPngChunks,
} from "../data/picture_files.ts";
import { fuzz, fuzzSeed, fuzzTimeout } from "./fuzz.ts";

const random = randomNumbers(fuzzSeed);
/** Real files take microseconds. */
const maxMilliseconds = 500;

/** What must hold for every input. @throws Error that says what does not, or one line for people */
type Reader = (input: Uint8Array) => void;

const sized =
  (format: Exclude<PictureFormat, "JPEG" | "PNG">): Reader =>
  (input) =>
    expectSize(readPictureSize(format, input));

function expectSize({ width, height }: { width: number; height: number }): void {
  expect(Number.isInteger(width) && Number.isInteger(height) && width >= 1 && height >= 1).toBe(true);
  expect(width * height).toBeLessThanOrEqual(maxPixels);
}

function expectOrientation(orientation: number): void {
  expect([1, 2, 3, 4, 5, 6, 7, 8]).toContain(orientation);
}

const examined =
  (examine: typeof examinePng): Reader =>
  (input) => {
    const { file, pixels, orientation } = examine(input);
    expect(pixels).toBeLessThanOrEqual(maxPixels);
    expect(file.length).toBeLessThanOrEqual(input.length);
    expectOrientation(orientation);
  };

const picture = gradientImage(12, 9);
const [frames, heights] = [gradientImage(12, 18), { width: 12, height: 18, channels: 3 as const, pageHeight: 9 }];
const targets: [name: string, make: () => Promise<Uint8Array>, reader: Reader][] = [
  ["size-webp", () => encoded(picture, "webp"), sized("WebP")],
  ["size-webp-animated", async () => encoded(sharp(await frames.toBuffer(), { raw: heights }), "webp"), sized("WebP")],
  ["size-gif", async () => encoded(sharp(await frames.toBuffer(), { raw: heights }), "gif"), sized("GIF")],
  ["size-tiff", () => encoded(picture, "tiff", { compression: "lzw" }), sized("TIFF")],
  ["size-tiff-tiled", () => encoded(picture, "tiff", { tile: true, tileWidth: 16, tileHeight: 16 }), sized("TIFF")],
  ["size-avif", () => encoded(picture, "avif"), sized("AVIF")],
  ["size-heic", async () => heicOf([12, 9], [4, 3]), sized("HEIC")],
  ["size-exif", async () => exifOf(6), (input) => expectOrientation(exifOrientation(input))],
  [
    "size-metadata-webp",
    async () => extendedWebp(await encoded(picture, "webp"), 12, 9, [["EXIF", exifOf(6)]]),
    examined(examineWebp),
  ],
  [
    "size-metadata-png",
    async () => withPngChunks(await encoded(picture, "png"), [pngChunk("eXIf", exifOf(6))]),
    examined(examinePng),
  ],
];

const originals = new Map<string, Uint8Array>();
beforeAll(async () => {
  for (const [name, make] of targets) originals.set(name, await make());
});

function holds(reader: Reader, input: Uint8Array): void {
  const began = performance.now();
  try {
    reader(input);
  } catch (error) {
    // Of the readers' own making: anything else, a RangeError for instance, is a defect.
    if ((error as Error).constructor !== Error) throw error;
    expect((error as Error).message).toMatch(
      /^(PNG|WebP|GIF|TIFF|AVIF|HEIC) (cut short|of )[^\n]{1,100}$|^damaged \w+: [^\n]{1,100}$/,
    );
  }
  expect(performance.now() - began).toBeLessThan(maxMilliseconds);
}

test.each(targets)("%s", { timeout: fuzzTimeout }, async (name, _, reader) => {
  const original = originals.get(name)!;
  reader(original);
  await fuzz(name, original, mutate, random, (input) => holds(reader, input), 0.15);
});
