import { crc32, deflateSync } from "node:zlib";
import { PNG } from "pngjs";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodePicture } from "../../src/cli/decode.ts";
import { pictureFormat } from "../../src/data/picture_file.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import { bombOf, jpegOf, mutate, type Paint, peakMiB, pngOf } from "./hostile.ts";
import {
  adam7,
  bytesOf,
  chunk,
  exifSegment,
  pngHeader,
  pngSignature,
  segment,
  withSegment,
} from "./picture_writers.ts";

type Colour = readonly [r: number, g: number, b: number];
const [red, green, blue, white]: Colour[] = [
  [220, 30, 30],
  [30, 200, 30],
  [30, 30, 210],
  [240, 240, 240],
];

/** Four quarters of one colour each: top left, top right, bottom left, bottom right. */
const quarters =
  (width: number, height: number): Paint =>
  (x, y) =>
    y < height / 2 ? (x < width / 2 ? red : green) : x < width / 2 ? blue : white;

function pixel(picture: { width: number; rgb: Uint8Array }, x: number, y: number): number[] {
  return [...picture.rgb.subarray((y * picture.width + x) * 3, (y * picture.width + x) * 3 + 3)];
}

function expectColour(actual: number[], expected: Colour, tolerance = 3): void {
  for (const [channel, value] of expected.entries()) {
    if (!(Math.abs(actual[channel] - value) <= tolerance)) throw new Error(`${actual}, expected ${expected}`);
  }
}

const painted = (width: number, height: number, paint: Paint) =>
  Array.from({ length: width * height }, (_, i) => [...paint(i % width, Math.floor(i / width))]).flat();

// ---- JPEG ----

/** Changes the frame header: [precision, height, width, count, …] begins 4 bytes behind its marker. */
function withFrame(jpeg: Uint8Array, change: (frame: DataView) => void): Uint8Array {
  const changed = jpeg.slice();
  const at = changed.findIndex((byte, i) => byte === 0xff && changed[i + 1] === 0xc0);
  change(new DataView(changed.buffer, at + 4));
  return changed;
}

/**
 * A grey JPEG of 8×24 written by hand: quantisation 16 throughout; a DC table of 0 → category 0, 10 → category 3; an AC
 * table in which 0 ends the block.
 */
function greyJpeg(sof: number, rest: (ArrayLike<number> | string)[]): Uint8Array {
  return bytesOf(
    [0xff, 0xd8],
    segment(0xdb, [0], new Uint8Array(64).fill(16)),
    segment(sof, [8, 0, 24, 0, 8, 1, 1, 0x11, 0]),
    segment(0xc4, [0x00], [1, 1, ...new Array(14).fill(0)], [0, 3]),
    segment(0xc4, [0x10], [1, ...new Array(15).fill(0)], [0]),
    ...rest,
    [0xff, 0xd9],
  );
}

// Blocks 1 and 2: DC +7 (10 111), end; difference 0, end. 7·16 / 8 = 14 above 128. Then a restart; block 3: 0, end.
const restarts = () =>
  greyJpeg(0xc0, [segment(0xdd, [0, 2]), segment(0xda, [1, 1, 0, 0, 63, 0]), [0b10111000, 0xff, 0xd0, 0b00111111]]);
// Without restarts, DC (+7, 0, +7; an FF is followed by 00) in one scan and AC (three ends) in another.
const progressive = () =>
  greyJpeg(0xc2, [
    segment(0xda, [1, 1, 0, 0, 0, 0]),
    [0b10111010, 0b11111111, 0x00],
    segment(0xda, [1, 1, 0, 1, 63, 0]),
    [0b00011111],
  ]);

describe("JPEG", () => {
  it("is decoded to the colours that went in, grey ones to three equal channels", async () => {
    const picture = await decodePicture(await jpegOf(32, 16, quarters(32, 16)));
    expect([picture.width, picture.height, picture.rgb.length]).toEqual([32, 16, 32 * 16 * 3]);
    expectColour(pixel(picture, 3, 3), red);
    expectColour(pixel(picture, 28, 3), green);
    expectColour(pixel(picture, 3, 12), blue);
    expectColour(pixel(picture, 28, 12), white);
  });

  it("equals a grey picture computed by hand, with a last restart interval that is not full", async () => {
    const picture = await decodePicture(restarts());
    expect([picture.width, picture.height]).toEqual([8, 24]);
    expect(picture.rgb).toEqual(new Uint8Array(8 * 24 * 3).fill(142, 0, 8 * 16 * 3).fill(128, 8 * 16 * 3));
  });

  it("may be progressive", async () => {
    const rgb = (await decodePicture(progressive())).rgb;
    expect([rgb[0], rgb[8 * 8 * 3], rgb[8 * 16 * 3]]).toEqual([142, 142, 156]);
  });

  it("stands upright by EXIF's orientation, in both byte orders", async () => {
    // EXIF 2.3, tag 0x0112: which visual sides the stored first row and first column are.
    const corners: Colour[][] = [
      [red, green, blue, white], // 1: top, left
      [green, red, white, blue], // 2: top, right
      [white, blue, green, red], // 3: bottom, right
      [blue, white, red, green], // 4: bottom, left
      [red, blue, green, white], // 5: left, top
      [blue, red, white, green], // 6: right, top
      [white, green, blue, red], // 7: right, bottom
      [green, white, red, blue], // 8: left, bottom
    ];
    const jpeg = await jpegOf(32, 16, quarters(32, 16));
    for (const [index, expected] of corners.entries()) {
      for (const order of ["II", "MM"] as const) {
        const picture = await decodePicture(withSegment(jpeg, exifSegment(index + 1, order)));
        const { width, height } = picture;
        expect([width, height]).toEqual(index < 4 ? [32, 16] : [16, 32]);
        expectColour(pixel(picture, 1, 1), expected[0]);
        expectColour(pixel(picture, width - 2, 1), expected[1]);
        expectColour(pixel(picture, 1, height - 2), expected[2]);
        expectColour(pixel(picture, width - 2, height - 2), expected[3]);
      }
    }
  });

  it("turns pixel for pixel", async () => {
    const noise = (x: number, y: number): Colour => [(x * 37) % 256, (y * 41) % 256, (x * y * 5) % 256];
    const jpeg = await jpegOf(19, 11, noise);
    const stored = await decodePicture(jpeg);
    const turned = await decodePicture(withSegment(jpeg, exifSegment(6, "II")));
    const back = Array.from({ length: 11 * 19 }, (_, i) => pixel(turned, 10 - Math.floor(i / 19), i % 19)).flat();
    expect(back).toEqual([...stored.rgb]);
  });

  it("treats EXIF that makes no sense as upright", async () => {
    const jpeg = await jpegOf(16, 8, quarters(16, 8));
    const plain = await decodePicture(jpeg);
    const whole = exifSegment(6, "II");
    for (const odd of [
      exifSegment(9, "MM"),
      exifSegment(0, "II"),
      segment(0xe1, "Exif\0\0", "II"),
      segment(0xe1, "Exif\0\0", "II", [42, 0, 255, 255, 255, 255]),
      segment(0xe1, whole.subarray(4, whole.length - 10)),
      segment(0xe1, "http://ns.adobe.com/xap/1.0/\0<x/>"),
    ]) {
      expect(await decodePicture(withSegment(jpeg, odd))).toEqual(plain);
    }
  });

  it("is RGB where Adobe's segment says so", async () => {
    const jpeg = await jpegOf(8, 8, () => red);
    const adobe = segment(0xee, "Adobe", [0, 100, 0, 0, 0, 0, 0]);
    const [r, g, b] = red;
    // JFIF: Y = 0.299 R + 0.587 G + 0.114 B, and so on: these are what the file holds.
    expectColour(pixel(await decodePicture(withSegment(jpeg, adobe)), 4, 4), [
      0.299 * r + 0.587 * g + 0.114 * b,
      128 - 0.1687 * r - 0.3313 * g + 0.5 * b,
      128 + 0.5 * r - 0.4187 * g - 0.0813 * b,
    ]);
  });

  it("of an unsupported kind is named", async () => {
    const jpeg = await jpegOf(8, 8, () => red);
    const lossless = jpeg.map((byte, i) => (jpeg[i - 1] === 0xff && byte === 0xc0 ? 0xc3 : byte));
    await expect(decodePicture(lossless)).rejects.toThrow("JPEG with marker FFC3: only baseline and progressive");
    await expect(decodePicture(withFrame(jpeg, (frame) => frame.setUint8(0, 12)))).rejects.toThrow("12 bits a sample");
    await expect(decodePicture(withFrame(jpeg, (frame) => frame.setUint8(5, 2)))).rejects.toThrow("2 components");
  });

  it("too large is refused before anything is decoded", async () => {
    const jpeg = await jpegOf(8, 8, () => red);
    const before = peakMiB();
    const sized = (width: number, height: number) =>
      withFrame(jpeg, (frame) => {
        frame.setUint16(1, height);
        frame.setUint16(3, width);
      });
    await expect(decodePicture(sized(65000, 65001))).rejects.toThrow(
      "JPEG of 65000×65001 pixels: the limit is 64 megapixels",
    );
    await expect(decodePicture(sized(8000, 8000))).rejects.toThrow("bytes cannot hold 8000×8000 pixels");
    await expect(decodePicture(sized(0, 8))).rejects.toThrow("its size is 0×8");
    await expect(decodePicture(sized(8, 0))).rejects.toThrow("its size is 8×0");
    expect(peakMiB() - before).toBeLessThan(64);
  });

  it("with many scans of a few bytes, each of which costs a pass over the picture, is refused", async () => {
    const scan = bytesOf(segment(0xda, [1, 1, 0, 0, 0, 0]), [0b00011111]);
    await expect(decodePicture(greyJpeg(0xc2, new Array(101).fill(scan)))).rejects.toThrow("more than 100 scans");
    // The larger the picture, the fewer.
    const large = [segment(0xc2, [8, 32, 0, 32, 0, 1, 1, 0x11, 0])];
    const scans = new Array(21).fill(bytesOf(segment(0xda, [1, 1, 0, 0, 0, 0]), new Uint8Array(7000)));
    await expect(decodePicture(bytesOf([0xff, 0xd8], ...large, ...scans, [0xff, 0xd9]))).rejects.toThrow(
      "JPEG of 8192×8192 pixels in more than 20 scans",
    );
    await expect(decodePicture(greyJpeg(0xc2, [segment(0xda, [255, 1, 0, 0, 0, 0]), [0x1f]]))).rejects.toThrow(
      "a scan of 255 components, the frame has 1",
    );
  });

  it("cut short anywhere says so", async () => {
    for (const jpeg of [
      withSegment(await jpegOf(16, 16, quarters(16, 16)), exifSegment(6, "MM")),
      restarts(),
      progressive(),
    ]) {
      for (let length = 3; length < jpeg.length; length++) {
        await expect(decodePicture(jpeg.subarray(0, length)), `${length} of ${jpeg.length}`).rejects.toThrow(
          "JPEG cut short",
        );
      }
      // With the end marker put back it is the decoder that finds nothing where data should be.
      const patched = bytesOf(jpeg.subarray(0, jpeg.length - 3), [0xff, 0xd9]);
      if (jpeg.length > 400) await expect(decodePicture(patched)).rejects.toThrow("damaged JPEG");
    }
  });

  it("may have anything after its end", async () => {
    const jpeg = await jpegOf(16, 16, quarters(16, 16));
    expect(await decodePicture(bytesOf(jpeg, "motion photo", jpeg))).toEqual(await decodePicture(jpeg));
  });
});

// ---- PNG ----

/** A PNG from its rows, each a filter byte and the pixels' bytes. */
const png = (head: Uint8Array, rows: number[][], ...before: Uint8Array[]) =>
  bytesOf(pngSignature, head, ...before, chunk("IDAT", deflateSync(Uint8Array.from(rows.flat()))), chunk("IEND"));

describe("PNG", () => {
  it("is decoded exactly", async () => {
    const paint = (x: number, y: number): Colour => [(x * 11) % 256, (y * 7) % 256, (x * y) % 256];
    const picture = await decodePicture(pngOf(21, 13, paint));
    expect([picture.width, picture.height]).toEqual([21, 13]);
    expect([...picture.rgb]).toEqual(painted(21, 13, paint));
  });

  it("may be grey at any depth, 16 bits rounded", async () => {
    const grey = (value: number) => [value, value, value];
    const rgbOf = async (bytes: Uint8Array) => [...(await decodePicture(bytes)).rgb];
    expect(await rgbOf(png(pngHeader(4, 1, 1, 0), [[0, 0b0101_0000]]))).toEqual([0, 255, 0, 255].flatMap(grey));
    expect(await rgbOf(png(pngHeader(4, 1, 2, 0), [[0, 0b00_01_10_11]]))).toEqual([0, 85, 170, 255].flatMap(grey));
    expect(await rgbOf(png(pngHeader(2, 1, 4, 0), [[0, 0x3c]]))).toEqual([51, 204].flatMap(grey));
    expect(
      await rgbOf(
        png(pngHeader(2, 2, 8, 0), [
          [0, 7, 9],
          [2, 1, 1],
        ]),
      ),
    ).toEqual([7, 9, 8, 10].flatMap(grey)); // 2: plus above
    // 0x80ff / 257 = 128.49, 0x8101 / 257 = 128.5.
    expect(await rgbOf(png(pngHeader(2, 1, 16, 0), [[0, 0x80, 0xff, 0x81, 0x01]]))).toEqual([128, 129].flatMap(grey));
  });

  it("may have 16-bit colours", async () => {
    expect([...(await decodePicture(png(pngHeader(1, 1, 16, 2), [[0, 255, 255, 0, 0, 0x40, 0x40]]))).rgb]).toEqual([
      255, 0, 64,
    ]);
  });

  it("may have a palette, also a transparent one", async () => {
    const palette = chunk("PLTE", red, green, [0, 0, 0]);
    const rows = [[0, 0b00_01_10_00]];
    expect([...(await decodePicture(png(pngHeader(3, 1, 2, 3), rows, palette))).rgb]).toEqual([
      ...red,
      ...green,
      0,
      0,
      0,
    ]);
    const alpha = chunk("tRNS", [255, 0, 51]);
    // 51/255 = 1/5 of black on 4/5 of white.
    expect([...(await decodePicture(png(pngHeader(3, 1, 2, 3), rows, palette, alpha))).rgb]).toEqual([
      ...red,
      ...[255, 255, 255],
      ...[204, 204, 204],
    ]);
  });

  it("is laid on white where it is transparent", async () => {
    const rows = [[0, 200, 100, 0, 255, 200, 100, 0, 0, 200, 100, 0, 102]];
    // 102/255 = 0.4: 0.4·200 + 0.6·255 = 233, 0.4·100 + 153 = 193, 153.
    expect([...(await decodePicture(png(pngHeader(3, 1, 8, 6), rows))).rgb]).toEqual([
      200, 100, 0, 255, 255, 255, 233, 193, 153,
    ]);
    expect([...(await decodePicture(png(pngHeader(1, 1, 8, 4), [[0, 50, 102]]))).rgb]).toEqual([173, 173, 173]);
  });

  it("may be interlaced", async () => {
    const paint = (x: number, y: number): Colour => [x * 20, y * 20, 77];
    for (const [width, height] of [
      [1, 1],
      [2, 3],
      [5, 1],
      [11, 9],
    ]) {
      const rows: number[][] = [];
      for (const [x0, y0, dx, dy] of adam7) {
        for (let y = y0; y < height && x0 < width; y += dy) {
          const row = [0];
          for (let x = x0; x < width; x += dx) row.push(...paint(x, y));
          rows.push(row);
        }
      }
      const picture = await decodePicture(png(pngHeader(width, height, 8, 2, 1), rows));
      expect([...picture.rgb]).toEqual(painted(width, height, paint));
    }
  });

  it("too large is refused before anything is decoded, and a bomb is not inflated", async () => {
    const before = peakMiB();
    const data = chunk("IDAT", deflateSync(new Uint8Array(100)));
    const of = (head: Uint8Array) => bytesOf(pngSignature, head, data, chunk("IEND"));
    await expect(decodePicture(of(pngHeader(2 ** 31 - 1, 3, 8, 2)))).rejects.toThrow("the limit is 64 megapixels");
    await expect(decodePicture(of(pngHeader(8192, 8193, 8, 0)))).rejects.toThrow(
      "PNG of 8192×8193 pixels: the limit is 64 megapixels",
    );
    await expect(decodePicture(of(pngHeader(8192, 8192, 16, 0)))).rejects.toThrow(
      "16-bit pictures are limited to 32 megapixels",
    );
    await expect(decodePicture(of(pngHeader(8000, 8000, 8, 2)))).rejects.toThrow("cannot hold 8000×8000 pixels");
    await expect(decodePicture(of(pngHeader(0, 8, 8, 2)))).rejects.toThrow("its size is 0×8");
    const zeros = bytesOf([0x78, 0x9c], bombOf(new Uint8Array(0), 300));
    for (const interlaced of [0, 1]) {
      const bomb = bytesOf(pngSignature, pngHeader(4, 4, 8, 2, interlaced), chunk("IDAT", zeros), chunk("IEND"));
      await expect(decodePicture(bomb)).rejects.toThrow("damaged PNG");
    }
    expect(peakMiB() - before).toBeLessThan(128);
  });

  it("whose data are broken in spite of correct checksums is refused", async () => {
    const good = deflateSync(Uint8Array.from({ length: 8 * 25 }, (_, i) => (i % 25 === 0 ? 0 : i * 37)));
    const of = (data: Uint8Array) => bytesOf(pngSignature, pngHeader(8, 8, 8, 2), chunk("IDAT", data), chunk("IEND"));
    expect((await decodePicture(of(good))).width).toBe(8);
    const broken = good.slice();
    broken.fill(255, 2, 6);
    await expect(decodePicture(of(broken))).rejects.toThrow("damaged PNG");
    await expect(decodePicture(of(good.subarray(0, good.length - 30)))).rejects.toThrow("damaged PNG");
    await expect(decodePicture(of(deflateSync(new Uint8Array(8 * 25 - 1))))).rejects.toThrow("damaged PNG");
  });

  it("with a wrong checksum, palette or order of chunks is refused", async () => {
    const good = pngOf(8, 8, quarters(8, 8));
    const wrong = good.slice();
    wrong[45] ^= 1;
    await expect(decodePicture(wrong)).rejects.toThrow("damaged PNG");
    // A colour that the palette lacks is black, as in browsers.
    const lacking = png(pngHeader(1, 1, 8, 3), [[0, 5]], chunk("PLTE", red));
    expect((await decodePicture(lacking)).rgb).toEqual(Uint8Array.of(0, 0, 0));
    await expect(decodePicture(png(pngHeader(1, 1, 8, 3), [[0, 5]]))).rejects.toThrow("damaged PNG");
    await expect(
      decodePicture(png(pngHeader(1, 1, 8, 3), [[0, 0]], chunk("PLTE", new Uint8Array(771)))),
    ).rejects.toThrow("256");
    await expect(decodePicture(png(pngHeader(1, 1, 4, 2), [[0, 5]]))).rejects.toThrow(
      "colour type 2 with 4 bits a sample",
    );
    await expect(decodePicture(png(chunk("tEXt", "hello"), [[0]]))).rejects.toThrow(
      "does not begin with a header chunk",
    );
  });

  it("cut short anywhere says so", async () => {
    const good = pngOf(8, 8, quarters(8, 8));
    for (let length = 8; length < good.length; length++) {
      await expect(decodePicture(good.subarray(0, length)), `${length} of ${good.length}`).rejects.toThrow(
        "PNG cut short",
      );
    }
    expect(await decodePicture(bytesOf(good, "behind the end"))).toEqual(await decodePicture(good));
  });
});

it("a file that is not a picture says so", async () => {
  for (const other of ["", "\x89PNG", "RIFF....", "\xff\xd8"]) {
    await expect(decodePicture(bytesOf(other))).rejects.toThrow("not those of a known picture format");
  }
});

describe("decodePicture under mutation", () => {
  it("gives a picture or a one-line error, soon and in little memory", async () => {
    const alpha = new PNG({ width: 9, height: 7 });
    alpha.data.fill(120);
    const originals = [
      await jpegOf(20, 12, quarters(20, 12)),
      withSegment(await jpegOf(8, 8, quarters(8, 8)), exifSegment(8, "II")),
      restarts(),
      progressive(),
      pngOf(12, 10, quarters(12, 10)),
      new Uint8Array(PNG.sync.write(alpha)),
      png(
        pngHeader(3, 2, 2, 3),
        [
          [0, 24],
          [1, 9],
        ],
        chunk("PLTE", red, green, blue),
        chunk("tRNS", [9]),
      ),
      png(pngHeader(1, 1, 16, 2, 1), [[0, 1, 2, 3, 4, 5, 6]]),
      ...(await Promise.all(
        (["webp", "gif", "tiff", "avif"] as const).map((format) =>
          sharp(pngOf(12, 10, quarters(12, 10)))
            [format]()
            .toBuffer(),
        ),
      )),
    ];
    const random = randomNumbers(2);
    const before = peakMiB();
    let [decoded, refused, slowest] = [0, 0, 0];
    for (let i = 0; i < 4000; i++) {
      const mutated = mutate(originals[i % originals.length], random);
      // The checksums would stop most injuries before they reach anything: half of the PNGs get new ones.
      if (random() < 0.5) repairChecksums(mutated);
      const start = performance.now();
      try {
        const { width, height, rgb } = await decodePicture(mutated);
        expect(width * height).toBeGreaterThan(0);
        expect(rgb.length).toBe(width * height * 3);
        decoded++;
      } catch (error) {
        expect((error as Error).constructor, String((error as Error).stack)).toBe(Error);
        expect((error as Error).message).toMatch(
          /^[^\n]*(JPEG|PNG|WebP|GIF|TIFF|AVIF|HEIC|known picture format)[^\n]*$/,
        );
        refused++;
      }
      slowest = Math.max(slowest, performance.now() - start);
    }
    expect(decoded).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(1000);
    expect(slowest).toBeLessThan(2000);
    expect(peakMiB() - before).toBeLessThan(256);
  });
});

/** Makes the checksums of a PNG's chunks right again, as far as chunks can be found. */
function repairChecksums(bytes: Uint8Array): void {
  if (pictureFormat(bytes) !== "PNG") return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length) return;
    view.setUint32(end, crc32(bytes.subarray(at + 4, end)));
    at = end + 4;
  }
}
