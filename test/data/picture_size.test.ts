import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { pictureFormat } from "../../src/data/picture_file.ts";
import { type PictureSize, readPictureSize } from "../../src/data/picture_size.ts";
import {
  bigEndian,
  box,
  type Encoding,
  encoded,
  exifOf,
  extendedWebp,
  gradient,
  gradientImage,
  heicOf,
  joined,
  riff,
  webpChunk,
} from "./picture_files.ts";

const [width, height] = [48, 31];
const picture = gradientImage(width, height);
const translucent = gradientImage(width, height, 4);

function sizeOf(bytes: Uint8Array): PictureSize {
  const format = pictureFormat(bytes);
  if (format === null || format === "JPEG" || format === "PNG") throw new Error(`not for this reader: ${format}`);
  return readPictureSize(format, bytes);
}

function reasonOf(bytes: Uint8Array): string {
  try {
    const size = sizeOf(bytes);
    return `${size.width}×${size.height}`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Bytes written into a copy. */
function changed(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}

const animated = (encoding: Encoding) => {
  const raw = { width, height: 2 * height, channels: 3 as const, pageHeight: height };
  return encoded(sharp(gradient(width, 2 * height), { raw }), encoding, { delay: [50, 50] });
};

describe("a picture's size by its header", () => {
  it.each<[string, () => Promise<Uint8Array>]>([
    ["WebP, lossy", () => encoded(picture, "webp")],
    ["WebP, lossless", () => encoded(picture, "webp", { lossless: true })],
    ["WebP, lossy with alpha", () => encoded(translucent, "webp")],
    ["WebP, with a profile", () => encoded(picture.clone().withIccProfile("p3"), "webp")],
    ["WebP, animated", () => animated("webp")],
    ["GIF", () => encoded(picture, "gif")],
    ["GIF, animated", () => animated("gif")],
    ["AVIF", () => encoded(picture, "avif")],
    ["AVIF with alpha", () => encoded(translucent, "avif")],
    ["TIFF", () => encoded(picture, "tiff")],
    ["TIFF, packed", () => encoded(picture, "tiff", { compression: "lzw" })],
    ["TIFF, tiled", () => encoded(picture, "tiff", { tile: true, tileWidth: 16, tileHeight: 16 })],
    ["TIFF, big-endian", async () => bigEndianTiff(width, height)],
    ["HEIC, of tiles and with a thumbnail", async () => heicOf([16, 16], [width, height], [8, 5])],
  ])("%s", async (_, make) => {
    expect(sizeOf(await make())).toEqual({ width, height });
  });

  it("every beginning of a file is refused, in one line, until the first picture is whole", async () => {
    for (const encoding of ["webp", "gif", "avif", "tiff"] as const) {
      const file = await encoded(gradientImage(12, 9), encoding);
      const view = new DataView(file.buffer);
      let whole = file.length;
      // A GIF's last byte is its trailer, the one before ends the picture.
      if (encoding === "gif") whole -= 1;
      // Behind a TIFF's directory are its resolution and the like.
      if (encoding === "tiff") whole = view.getUint32(4, true) + 2 + 12 * view.getUint16(view.getUint32(4, true), true);
      for (let length = 64; length < whole; length++) {
        expect(reasonOf(file.subarray(0, length)), `${encoding} ${length}`).toMatch(/^\w+ cut short: [^\n]{5,80}$/);
      }
      expect(reasonOf(file.subarray(0, whole))).toBe("12×9");
    }
  });

  it("a WebP's sizes, of its canvas and its picture, must be equal", async () => {
    const webp = await encoded(picture, "webp", { lossless: true });
    expect(reasonOf(extendedWebp(webp, width, height, [["EXIF", exifOf(6)]]))).toBe("48×31");
    expect(reasonOf(extendedWebp(webp, width, height + 1, []))).toBe("damaged WebP: it holds two sizes");
    expect(reasonOf(riff(webpChunk("EXIF", exifOf(6))))).toBe("damaged WebP: it holds no picture");
    const past = changed(webp, 16, 255, 255, 255, 255);
    expect(reasonOf(past)).toBe("WebP cut short: its VP8L chunk is incomplete");
    // A frame that reaches over the canvas.
    const animation = await animated("webp");
    const frame = Buffer.from(animation).indexOf("ANMF", 0, "latin1") + 8;
    expect(reasonOf(changed(animation, frame, 1))).toBe("damaged WebP: it holds two sizes");
  });

  it("a GIF's canvas grows with its first picture", async () => {
    const gif = await encoded(picture, "gif");
    expect(reasonOf(changed(gif, 6, 1, 0, 1, 0))).toBe("48×31");
    expect(reasonOf(changed(gif, 6, 100, 0, 1, 0))).toBe("100×31");
    expect(reasonOf(changed(gif, 6, 255, 255, 255, 255))).toMatch(
      /^GIF of 65535×65535 pixels: the limit is 64 megapixels/,
    );
    expect(reasonOf(joined(gif.subarray(0, 13 + 3 * 256), Uint8Array.of(0x3b)))).toMatch(/^damaged GIF: /);
  });

  it("a TIFF's pixels must be inside the file", () => {
    expect(reasonOf(bigEndianTiff(width, height, 1000))).toBe("TIFF cut short: 76 bytes, its pixels end at 1070");
    expect(reasonOf(bigEndianTiff(0, height))).toBe("damaged TIFF: its size is 0×31");
  });

  it("a camera's raw data are not a TIFF's picture", () => {
    const raw = bigEndianTiff(width, height);
    // The tag of the size becomes that of a DNG's version.
    expect(reasonOf(changed(raw, 10, 0xc6, 0x12))).toMatch(/^TIFF with a camera's raw data/);
  });

  it("pictures larger than 64 megapixels are refused", () => {
    expect(reasonOf(heicOf([8192, 8192]))).toBe("8192×8192");
    expect(reasonOf(heicOf([64, 64], [8192, 8193]))).toMatch(/^HEIC of 8192×8193 pixels: the limit is 64 megapixels/);
    expect(reasonOf(bigEndianTiff(65535, 65535))).toMatch(/^TIFF of 65535×65535 pixels: the limit is 64 megapixels/);
    const vp8l = riff(webpChunk("VP8L", Uint8Array.of(0x2f, 255, 255, 255, 15, 0)));
    expect(reasonOf(vp8l)).toMatch(/^WebP of 16384×16384 pixels: the limit is 64 megapixels/);
  });

  it("boxes within boxes within boxes are not followed", () => {
    const head = box("ftyp", bigEndian(0x68656963, 0));
    let nested = box("iprp");
    for (let depth = 0; depth < 2000; depth++) nested = box("iprp", nested);
    expect(reasonOf(joined(head, box("meta", bigEndian(0), nested), box("mdat")))).toBe(
      "damaged HEIC: its size is missing",
    );
    expect(reasonOf(joined(head, bigEndian(5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))).toBe(
      "damaged HEIC: a box of 5 bytes",
    );
  });
});

/** One strip of 70 bytes at `strip`, which is all that there is. */
function bigEndianTiff(width: number, height: number, strip = 6): Uint8Array {
  const entry = (tag: number, value: number) => bigEndian(tag * 2 ** 16 + 4, 1, value);
  const count = Uint8Array.of(0, 4);
  const entries = [entry(256, width), entry(257, height), entry(273, strip), entry(279, 70)];
  return joined(bigEndian(0x4d4d002a, 8), count, ...entries, new Uint8Array(18));
}
