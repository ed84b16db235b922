import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { placesOf } from "../../../src/data/orientation.ts";
import { type Decodable, examinePng, examineWebp } from "../../../src/page/pictures/metadata.ts";
import {
  bigEndian,
  encoded,
  exifOf,
  extendedWebp,
  gradient,
  gradientImage,
  pngChunk,
  withPngChunks,
} from "../../data/picture_files.ts";

const [width, height] = [20, 13];
const picture = gradientImage(width, height);
const pixelsOf = async ({ file }: Decodable) => new Uint8Array(await sharp(file).raw().toBuffer());

describe("what a browser's decoder gets", () => {
  it("of a PNG: the picture and its profile, nothing else", async () => {
    const png = await encoded(picture.clone().withIccProfile("p3"), "png");
    const exif = (orientation: number) => pngChunk("eXIf", exifOf(orientation));
    const gamma = [pngChunk("gAMA", bigEndian(100000)), pngChunk("cICP", Uint8Array.of(12, 13, 0, 1))];
    const full = withPngChunks(withPngChunks(png, [...gamma, exif(6), exif(3)]), [pngChunk("tEXt", exifOf(1))], "last");
    const result = examinePng(full);
    expect(result).toMatchObject({ pixels: width * height, orientation: 6 });
    const { icc, orientation } = await sharp(result.file).metadata();
    expect([icc!.length > 0, orientation]).toEqual([true, undefined]);
    for (const name of ["gAMA", "cICP", "eXIf", "tEXt"]) expect(Buffer.from(result.file).includes(name)).toBe(false);
    expect(await pixelsOf(result)).toEqual(await pixelsOf(examinePng(png)));
    expect(examinePng(withPngChunks(png, [exif(8)], "last")).orientation).toBe(8);
    expect(examinePng(png).orientation).toBe(1);
  });

  it("of a WebP: no EXIF and no XMP", async () => {
    const webp = await encoded(picture, "webp", { lossless: true });
    const full = extendedWebp(webp, width, height, [
      ["EXIF", exifOf(5)],
      ["XMP ", exifOf(3)],
      ["EXIF", exifOf(2)],
    ]);
    const before = full.slice();
    const result = examineWebp(full);
    expect(full).toEqual(before);
    expect(result).toMatchObject({ pixels: width * height, orientation: 5 });
    expect(Buffer.from(result.file).includes("EXIF") || Buffer.from(result.file).includes("XMP ")).toBe(false);
    expect((await sharp(result.file).metadata()).orientation).toBe(undefined);
    expect(await pixelsOf(result)).toEqual(gradient(width, height));
  });

  it("is checked first: cut short, too large", async () => {
    const png = await encoded(picture, "png");
    const webp = await encoded(picture, "webp");
    expect(() => examinePng(png.subarray(0, -1))).toThrow(/^PNG cut short: /);
    expect(() => examineWebp(webp.subarray(0, -1))).toThrow(/^WebP cut short: /);
    const large = png.slice();
    large.set([0, 1, 0, 0, 0, 1, 0, 0], 16);
    expect(() => examinePng(large)).toThrow(/^damaged PNG: wrong checksum of its IHDR chunk/);
  });
});

describe("turning", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("orientation %i, as sharp does", async (orientation) => {
    const stored = gradient(width, height);
    const file = await sharp(stored, { raw: { width, height, channels: 3 } })
      .withMetadata({ orientation })
      .png()
      .toBuffer();
    const upright = await sharp(file).autoOrient().raw().toBuffer();
    const [origin, stepX, stepY] = placesOf(orientation, width, height);
    const turned = new Uint8Array(stored.length);
    for (let y = 0, from = 0; y < height; y++) {
      for (let x = 0; x < width; x++, from += 3) {
        turned.set(stored.subarray(from, from + 3), (origin + x * stepX + y * stepY) * 3);
      }
    }
    expect(Buffer.compare(turned, upright)).toBe(0);
  });
});
