/** Generated pictures of every kind, decoded and compared with what they were made from. */
import { readFileSync } from "node:fs";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { decodePicture } from "../../src/cli/decode.ts";
import { writeJpeg, yccOf } from "./jpeg_writer.ts";
import { bytesOf, chunk, exifSegment, exifTiff, markerAt, withSegment } from "./picture_writers.ts";
import { expectPicture, pngCases } from "./png_cases.ts";

const [width, height] = [45, 27];
/** Smooth, without symmetry, of moderate colours: all encodings can hold it well. */
const paint = (x: number, y: number): number[] => [
  40 + (x * 150) / width + (y * 40) / height,
  200 - (y * 150) / height,
  60 + 70 * Math.sin(x / 9) ** 2 + (y * 60) / height,
];
const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
  const pixel = Math.floor(i / 3);
  return Math.round(paint(pixel % width, Math.floor(pixel / width))[i % 3]);
});
const original = { width, height, rgb };
const source = () => sharp(rgb, { raw: { width, height, channels: 3 } });

/** The same picture as it is stored so that `orientation` turns it upright. */
function storedFor(orientation: number): Sharp {
  const turned = [0, 1, 2, 3, 4, 5, 6, 7].map(() => source());
  const [mirror, angle] = [
    [false, 0],
    [true, 0],
    [false, 180],
    [true, 180],
    [true, 270],
    [false, 270],
    [true, 90],
    [false, 90],
  ][orientation - 1] as [boolean, number];
  // Mirrored left to right before it is turned.
  return (mirror ? turned[0].flop() : turned[0]).rotate(angle);
}

const orientations = [1, 2, 3, 4, 5, 6, 7, 8];

describe("PNG", () => {
  it.each(pngCases)("%s", async (_, file, expected) => {
    expectPicture(await decodePicture(file), expected, 0);
  });

  it.each(orientations)("with eXIf orientation %i", async (orientation) => {
    const png = await storedFor(orientation).png().toBuffer();
    for (const exif of [exifTiff(orientation, "II"), exifTiff(orientation, "MM"), exifTiff(orientation, "MM", 4)]) {
      // Behind the header, and behind the data: both are allowed.
      const ends = [33, png.length - 12];
      for (const at of ends) {
        const file = bytesOf(png.subarray(0, at), chunk("eXIf", exif), png.subarray(at));
        expectPicture(await decodePicture(file), original, 0);
      }
    }
  });
});

describe("JPEG", () => {
  const samplings = {
    "4:4:4": [1, 1],
    "4:2:2": [2, 1],
    "4:2:0": [2, 2],
    "4:4:0": [1, 2],
    "4:1:1": [4, 1],
  } as const;
  const kinds = Object.entries(samplings).flatMap(([name, luma]) =>
    [0, 1, 4].flatMap((restartInterval) =>
      [false, true].map(
        (separateScans) =>
          [
            `${name}, restarts ${restartInterval}, ${separateScans ? "a scan each" : "one scan"}`,
            { sampling: [luma, [1, 1], [1, 1]] as const, restartInterval, separateScans, jfif: true },
          ] as const,
      ),
    ),
  );

  it.each(kinds)("%s", async (_, options) => {
    const file = writeJpeg(width, height, (x, y) => yccOf(paint(x, y)), options);
    // One colour for four pixels is not smoothed.
    expectPicture(await decodePicture(file), original, options.sampling[0][0] === 4 ? 16 : 8);
  });

  it.each([1, 2, 7, 8, 9, 16, 17])("of %i pixels a side, at every sampling", async (side) => {
    for (const luma of Object.values(samplings)) {
      const options = { sampling: [luma, [1, 1], [1, 1]] as const, restartInterval: 1 };
      const file = writeJpeg(side, side, () => yccOf([180, 90, 30]), options);
      const flat = new Uint8Array(side * side * 3).map((_, i) => [180, 90, 30][i % 3]);
      expectPicture(await decodePicture(file), { width: side, height: side, rgb: flat }, 3);
    }
  });

  it.each([
    ["baseline", {}],
    ["progressive", { progressive: true }],
    ["4:4:4", { chromaSubsampling: "4:4:4" }],
    ["progressive, 4:4:4", { progressive: true, chromaSubsampling: "4:4:4" }],
    ["mozjpeg", { mozjpeg: true }],
    ["other quantisers", { quantisationTable: 3 }],
  ])("by libjpeg: %s", async (_, options) => {
    expectPicture(
      await decodePicture(
        await source()
          .jpeg({ quality: 95, ...options })
          .toBuffer(),
      ),
      original,
      12,
    );
  });

  it("grey", async () => {
    const file = writeJpeg(width, height, (x, y) => [yccOf(paint(x, y))[0]], { sampling: [[1, 1]] });
    const grey = rgb.map((_, i) => Math.round(yccOf(rgb.subarray(i - (i % 3), i - (i % 3) + 3) as never)[0]));
    expectPicture(await decodePicture(file), { width, height, rgb: grey }, 3);
    // A single component's sampling factors mean nothing.
    const odd = writeJpeg(width, height, (x, y) => [yccOf(paint(x, y))[0]], {
      sampling: [[2, 2]],
      separateScans: true,
    });
    expectPicture(await decodePicture(odd), { width, height, rgb: grey }, 3);
  });

  it("arithmetic coding", async () => {
    // By cjpeg -arithmetic: 16×16 pixels of (200, 120, 40).
    const file = Buffer.from(arithmetic, "base64");
    const flat = new Uint8Array(16 * 16 * 3).map((_, i) => [200, 120, 40][i % 3]);
    expectPicture(await decodePicture(file), { width: 16, height: 16, rgb: flat }, 3);
  });

  it.each(orientations)("with Exif orientation %i", async (orientation) => {
    const jpeg = await storedFor(orientation).jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer();
    for (const order of ["II", "MM"] as const) {
      expectPicture(await decodePicture(withSegment(jpeg, exifSegment(orientation, order))), original, 6);
    }
  });

  // libjpeg's rules: JFIF is Y Cb Cr, else Adobe's transform decides, else the components' ids do.
  it.each([
    ["JFIF", "ycc", { jfif: true }],
    ["JFIF and Adobe's transform 0", "ycc", { jfif: true, adobe: 0 }],
    ["JFIF and Adobe's transform 1", "ycc", { jfif: true, adobe: 1 }],
    ["JFIF and ids R G B", "ycc", { jfif: true, ids: [82, 71, 66] }],
    ["Adobe's transform 0", "rgb", { adobe: 0 }],
    ["Adobe's transform 1", "ycc", { adobe: 1 }],
    ["Adobe's transform 0 and ids 1 2 3", "rgb", { adobe: 0, ids: [1, 2, 3] }],
    ["Adobe's transform 1 and ids R G B", "ycc", { adobe: 1, ids: [82, 71, 66] }],
    ["ids 1 2 3", "ycc", {}],
    ["ids R G B", "rgb", { ids: [82, 71, 66] }],
    ["ids 0 1 2", "ycc", { ids: [0, 1, 2] }],
    ["ids 1 34 35", "ycc", { ids: [1, 34, 35] }],
    ["three times the same id", "ycc", { ids: [1, 1, 1] }],
    ["twice the same id", "ycc", { ids: [1, 2, 2] }],
  ])("%s: %s", async (_, stored, options) => {
    const samples = stored === "rgb" ? paint : (x: number, y: number) => yccOf(paint(x, y));
    const file = writeJpeg(width, height, samples, { sampling: [1, 1, 1].map(() => [1, 1] as const), ...options });
    expectPicture(await decodePicture(file), original, 5);
  });

  it.each([
    ["CMYK, inverted as Adobe's", 0],
    ["YCCK", 2],
  ])("%s", async (_, adobe) => {
    // White, black, and pure inks: without a profile only the hues are certain.
    const inks = [
      [0, 0, 0, 0],
      [0, 0, 0, 255],
      [255, 0, 0, 0],
      [0, 255, 0, 0],
      [0, 0, 255, 0],
    ];
    const stored = (x: number) => {
      const [c, m, y, k] = inks[x >> 4];
      // YCCK's first three are those of R = 255 − C and so on, where C is stored inverted.
      return adobe === 2 ? [...yccOf([c, m, y]), 255 - k] : [c, m, y, k].map((ink) => 255 - ink);
    };
    const file = writeJpeg(80, 16, stored, { sampling: [1, 1, 1, 1].map(() => [1, 1] as const), adobe });
    const picture = await decodePicture(file);
    const at = (patch: number) => [...picture.rgb.subarray((8 * 80 + patch * 16 + 8) * 3).subarray(0, 3)];
    for (const value of at(0)) expect(value).toBeGreaterThan(250);
    for (const value of at(1)) expect(value).toBeLessThan(60);
    const [cyan, magenta, yellow] = [at(2), at(3), at(4)];
    expect(Math.min(cyan[1], cyan[2]) - cyan[0]).toBeGreaterThan(80);
    expect(Math.min(magenta[0], magenta[2]) - magenta[1]).toBeGreaterThan(80);
    expect(Math.min(yellow[0], yellow[1]) - yellow[2]).toBeGreaterThan(80);
  });

  it("CMYK by libjpeg comes near what it was made from", async () => {
    const file = await source().toColourspace("cmyk").jpeg({ quality: 98, chromaSubsampling: "4:4:4" }).toBuffer();
    const picture = await decodePicture(file);
    const mean = picture.rgb.reduce((sum, value, i) => sum + Math.abs(value - rgb[i]), 0) / rgb.length;
    expect(mean).toBeLessThan(8);
  });

  describe("slightly out of specification", () => {
    const good = writeJpeg(width, height, (x, y) => yccOf(paint(x, y)), {
      sampling: [
        [2, 2],
        [1, 1],
        [1, 1],
      ],
      restartInterval: 2,
      jfif: true,
    });
    const markers = [0xdb, 0xc1, 0xc4, 0xdd, 0xda];

    it.each(markers)("bytes before marker %i", async (marker) => {
      const expected = await decodePicture(good);
      const at = markerAt(good, marker);
      for (const stray of [[0], [65, 66], new Uint8Array(99), [255, 255, 255], [0, 255, 255], [255, 0, 1]]) {
        const file = bytesOf(good.subarray(0, at), stray, good.subarray(at));
        expect(await decodePicture(file), `${stray}`).toEqual(expected);
        // They do not hide what is missing behind them.
        const cut = bytesOf(file.subarray(0, file.length - 12), [0xff, 0xd9]);
        await expect(decodePicture(cut), `${stray}`).rejects.toThrow("damaged JPEG");
      }
    });

    it("bytes before the end marker and after it", async () => {
      const expected = await decodePicture(good);
      const end = good.length - 2;
      expect(await decodePicture(bytesOf(good.subarray(0, end), [0, 0, 0], [0xff, 0xd9]))).toEqual(expected);
      expect(await decodePicture(bytesOf(good, "a film", good))).toEqual(expected);
    });

    it("the first Exif counts", async () => {
      const jpeg = await storedFor(6).jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer();
      const both = (first: number, second: number) =>
        withSegment(jpeg, bytesOf(exifSegment(first, "II"), exifSegment(second, "MM")));
      expectPicture(await decodePicture(both(6, 1)), original, 6);
      expect((await decodePicture(both(1, 6))).width).toBe(height);
    });

    it("a JFIF of an unknown version, and a scan header that is not one of sequential JPEG", async () => {
      const expected = await decodePicture(good);
      const jfif = good.slice();
      jfif[markerAt(good, 0xe0) + 9] = 9;
      expect(await decodePicture(jfif)).toEqual(expected);
      const scan = good.slice();
      scan[markerAt(good, 0xda) + 4 + 1 + 6 + 1] = 0; // Its spectral selection ends at 0.
      expect(await decodePicture(scan)).toEqual(expected);
    });

    it("data that are cut, with the end marker put back, are refused: also where only the last row is missing", async () => {
      const plain = await source().jpeg().toBuffer();
      const progressive = await source().jpeg({ progressive: true }).toBuffer();
      for (const file of [plain, progressive]) {
        for (const missing of [1, 2, 5, 20]) {
          const cut = bytesOf(file.subarray(0, file.length - 2 - missing), [0xff, 0xd9]);
          await expect(decodePicture(cut), `${missing}`).rejects.toThrow("damaged JPEG: premature end");
          await expect(decodePicture(file.subarray(0, file.length - missing))).rejects.toThrow("JPEG cut short");
        }
        await expect(decodePicture(file.subarray(0, file.length - 2))).rejects.toThrow("JPEG cut short");
      }
    });

    it("a restart marker that is missing is refused", async () => {
      for (const marker of [0xd0, 0xd1]) {
        const at = good.findIndex((byte, i) => byte === 0xff && good[i + 1] === marker);
        const file = bytesOf(good.subarray(0, at), good.subarray(at + 2));
        await expect(decodePicture(file), `${marker}`).rejects.toThrow("damaged JPEG");
      }
    });
  });
});

describe("WebP, TIFF, GIF, AVIF", () => {
  it.each([
    ["lossless WebP", 0, (s: Sharp) => s.webp({ lossless: true })],
    ["lossy WebP", 14, (s: Sharp) => s.webp({ quality: 95, smartSubsample: true })],
    ["near lossless WebP", 8, (s: Sharp) => s.webp({ nearLossless: true })],
    ...(["none", "lzw", "deflate", "packbits"] as const).flatMap((compression) =>
      [false, true].map(
        (tile) =>
          [
            `TIFF ${compression}${tile ? ", tiles" : ""}`,
            0,
            (s: Sharp) => s.tiff({ compression, tile, tileWidth: 16, tileHeight: 16 }),
          ] as const,
      ),
    ),
    ["TIFF jpeg", 14, (s: Sharp) => s.tiff({ compression: "jpeg", quality: 98 })],
    ["TIFF lzw with a predictor", 0, (s: Sharp) => s.tiff({ compression: "lzw", predictor: "horizontal" })],
    [
      "a TIFF pyramid",
      0,
      (s: Sharp) => s.tiff({ compression: "deflate", tile: true, pyramid: true, tileWidth: 16, tileHeight: 16 }),
    ],
    ["16-bit TIFF", 1, (s: Sharp) => s.toColourspace("rgb16").tiff({ compression: "deflate" })],
    ["16-bit PNG", 1, (s: Sharp) => s.toColourspace("rgb16").png()],
    ["AVIF of 8 bits", 10, (s: Sharp) => s.avif({ quality: 90, chromaSubsampling: "4:4:4" })],
    ["AVIF of 10 bits", 10, (s: Sharp) => s.avif({ quality: 90, bitdepth: 10, chromaSubsampling: "4:4:4" })],
    ["AVIF of 12 bits", 10, (s: Sharp) => s.avif({ quality: 90, bitdepth: 12, chromaSubsampling: "4:4:4" })],
    ["AVIF 4:2:0", 16, (s: Sharp) => s.avif({ quality: 90, chromaSubsampling: "4:2:0" })],
    ["lossless AVIF", 3, (s: Sharp) => s.avif({ lossless: true, chromaSubsampling: "4:4:4" })],
    ["GIF", 40, (s: Sharp) => s.gif({ dither: 0 })],
  ] as const)("%s", async (_, tolerance, encode) => {
    expectPicture(await decodePicture(await encode(source()).toBuffer()), original, tolerance);
  });

  it.each(orientations)("WebP, TIFF and AVIF with orientation %i", async (orientation) => {
    const stored = () => storedFor(orientation).withMetadata({ orientation });
    expectPicture(await decodePicture(await stored().webp({ lossless: true }).toBuffer()), original, 0);
    expectPicture(await decodePicture(await stored().tiff({ compression: "lzw" }).toBuffer()), original, 0);
    const avif = await stored().avif({ quality: 90, chromaSubsampling: "4:4:4" }).toBuffer();
    expectPicture(await decodePicture(avif), original, 10);
  });

  it("the first frame of an animation, the first page of a TIFF", async () => {
    const frames = [source(), source().negate()];
    const pages = await Promise.all(frames.map((frame) => frame.png().toBuffer()));
    const animation = () => sharp(pages, { join: { animated: true } });
    expectPicture(await decodePicture(await animation().webp({ lossless: true }).toBuffer()), original, 0);
    expectPicture(await decodePicture(await animation().gif({ dither: 0 }).toBuffer()), original, 40);
    expectPicture(await decodePicture(await animation().tiff({ compression: "lzw" }).toBuffer()), original, 0);
  });

  it("transparency is laid on white in every format", async () => {
    const alpha = (x: number, y: number) => (x * 5 + y * 3) % 256;
    const rgba = Uint8Array.from({ length: width * height * 4 }, (_, i) => {
      const pixel = i >> 2;
      return i % 4 === 3 ? alpha(pixel % width, Math.floor(pixel / width)) : rgb[pixel * 3 + (i % 4)];
    });
    const blended = rgb.map((value, i) => {
      const a = rgba[Math.floor(i / 3) * 4 + 3];
      return Math.round((value * a + 255 * (255 - a)) / 255);
    });
    const expected = { width, height, rgb: blended };
    const transparent = () => sharp(rgba, { raw: { width, height, channels: 4 } });
    expectPicture(await decodePicture(await transparent().png().toBuffer()), expected, 0);
    expectPicture(await decodePicture(await transparent().tiff({ compression: "lzw" }).toBuffer()), expected, 0);
    expectPicture(
      await decodePicture(await transparent().webp({ lossless: true, exact: true }).toBuffer()),
      expected,
      0,
    );
    expectPicture(await decodePicture(await transparent().avif({ lossless: true }).toBuffer()), expected, 4);
    const [clear] = (
      await decodePicture(
        await sharp({ create: { width: 4, height: 4, channels: 4, background: "#f000" } })
          .gif()
          .toBuffer(),
      )
    ).rgb;
    expect(clear).toBe(255);
  });

  it.each(["webp", "tiff", "gif", "avif"] as const)("a %s that is cut short is refused", async (format) => {
    const file = await source()[format]().toBuffer();
    for (const part of [0.4, 0.7, 0.9]) {
      await expect(decodePicture(file.subarray(0, Math.floor(file.length * part))), `${part}`).rejects.toThrow(
        /^(damaged )?(WebP|TIFF|GIF|AVIF)( cut short)?: [^\n]+$/,
      );
    }
  });

  it("too large is refused by the header", async () => {
    const tiff = new Uint8Array(await source().tiff({ compression: "none" }).toBuffer());
    const view = new DataView(tiff.buffer);
    const directory = view.getUint32(4, true);
    for (let n = 0, entry = directory + 2; n < view.getUint16(directory, true); n++, entry += 12) {
      // Width and height, as LONG.
      if (![256, 257].includes(view.getUint16(entry, true))) continue;
      view.setUint16(entry + 2, 4, true);
      view.setUint32(entry + 8, 9000, true);
    }
    await expect(decodePicture(tiff)).rejects.toThrow("TIFF of 9000×9000 pixels: the limit is 64 megapixels");
    // A lossless WebP's width and height, less 1, in 14 bits each.
    const webp = new Uint8Array(await source().webp({ lossless: true }).toBuffer());
    const sized = (side: number) => new DataView(webp.buffer).setUint32(21, side - 1 + (side - 1) * 2 ** 14, true);
    sized(9000);
    await expect(decodePicture(webp)).rejects.toThrow("WebP of 9000×9000 pixels: the limit is 64 megapixels");
    sized(8000);
    await expect(decodePicture(webp)).rejects.toThrow(/^WebP cut short: \d+ bytes cannot hold 8000×8000 pixels$/);
  });

  it("HEIC and cameras' raw files say what to do", async () => {
    const heic = bytesOf([0, 0, 0, 24], "ftypheic", [0, 0, 0, 0], "mif1heic");
    await expect(decodePicture(heic)).rejects.toThrow("HEIC pictures cannot be decoded here: convert them to JPEG");
    const tiff = await source().tiff({ compression: "none" }).toBuffer();
    const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.length);
    const directory = view.getUint32(4, true);
    // One tag renamed at a time: DNGVersion; or NewSubfileType, a thumbnail.
    const renamed = (tag: number, value: number) => {
      const file = new Uint8Array(tiff);
      const entry = directory + 2 + 12 * (view.getUint16(directory, true) - 1);
      const changed = new DataView(file.buffer, file.byteOffset, file.length);
      changed.setUint16(entry, tag, true);
      changed.setUint16(entry + 2, 4, true);
      changed.setUint32(entry + 4, 1, true);
      changed.setUint32(entry + 8, value, true);
      return file;
    };
    await expect(decodePicture(renamed(0xc612, 0x401))).rejects.toThrow("TIFF with a camera's raw data");
    await expect(decodePicture(renamed(0x00fe, 1))).rejects.toThrow("TIFF with a camera's raw data");
    expectPicture(await decodePicture(tiff), original, 0);
  });
});

describe("a colour profile", () => {
  const encodings = {
    PNG: (s: Sharp) => s.png(),
    "16-bit PNG": (s: Sharp) => s.toColourspace("rgb16").png(),
    JPEG: (s: Sharp) => s.jpeg({ quality: 100, chromaSubsampling: "4:4:4" }),
    WebP: (s: Sharp) => s.webp({ lossless: true }),
    TIFF: (s: Sharp) => s.tiff({ compression: "lzw" }),
    "16-bit TIFF": (s: Sharp) => s.toColourspace("rgb16").tiff({ compression: "lzw" }),
    AVIF: (s: Sharp) => s.avif({ lossless: true, chromaSubsampling: "4:4:4" }),
  };
  const kinds = Object.entries(encodings).flatMap(([name, encode]) =>
    ["srgb", "p3"].map((profile) => [profile, name, encode] as const),
  );

  it.each(kinds)("%s in a %s is converted to sRGB", async (profile, name, encode) => {
    const file = await encode(source().withIccProfile(profile)).toBuffer();
    expect((await sharp(file).metadata()).hasProfile).toBe(true);
    expectPicture(await decodePicture(file), original, name === "JPEG" ? 8 : 3);
  });

  it("changes what is stored: the test above is one", async () => {
    const file = await source().withIccProfile("p3").png().toBuffer();
    const stored = await sharp(file).keepIccProfile().raw().toBuffer();
    expect(Math.max(...stored.map((value, i) => Math.abs(value - rgb[i])))).toBeGreaterThan(10);
  });
});

describe("files that were once read wrongly", () => {
  const fixture = (name: string) => readFileSync(new URL(`../fixtures/pictures/${name}`, import.meta.url));
  const base = decodePicture(fixture("base.png"));
  /** Turned clockwise: what orientation 6 asks for. */
  const turned = base.then(({ width, height, rgb }) => ({
    width: height,
    height: width,
    rgb: Uint8Array.from({ length: rgb.length }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % height, Math.floor(i / 3 / height)];
      return rgb[((height - 1 - x) * width + y) * 3 + (i % 3)];
    }),
  }));

  it.each([
    ["x_jfif_adobe0.jpg", base],
    ["x_exif_twice.jpg", turned],
    ["exif6.png", turned],
    ["x_hdrextra1_c0.jpg", base],
    ["x_hdrextra2.jpg", base],
    ["x_ids111.jpg", base],
  ])("%s", async (name, expected) => {
    const { width, height, rgb } = await expected;
    const picture = await decodePicture(fixture(name));
    expect([picture.width, picture.height]).toEqual([width, height]);
    const mean = picture.rgb.reduce((sum, value, i) => sum + Math.abs(value - rgb[i]), 0) / rgb.length;
    expect(mean).toBeLessThan(2);
  });
});

const arithmetic =
  "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/yQARCAAQABADASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwDRzLNlTXDE/9k=";
