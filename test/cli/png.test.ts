import { crc32 } from "node:zlib";
import { PNG } from "pngjs";
import sharp from "sharp";
import { expect, test } from "vitest";
import { encodePng, encodeRgbPng, isOurPng } from "../../src/cli/png.ts";

/** [height, width, channels], u8: a gradient with noise, so that every row has all kinds of differences. */
function pixels(width: number, height: number, channels: 3 | 4): Uint8Array {
  let state = 1;
  const noise = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 27;
  return Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const [x, y] = [Math.floor(i / channels) % width, Math.floor(i / channels / width)];
    return i % channels === 3 ? 255 : 7 * x + 5 * y + 50 * (i % channels) + noise();
  });
}

const extents = [
  [1, 1],
  [3, 5],
  [64, 64],
  [257, 2],
  [1, 300],
];

test.each(extents)("a decoder of its own reads a picture of %i × %i as it was", async (width, height) => {
  const rgb = pixels(width, height, 3);
  const { data, info } = await sharp(encodeRgbPng({ width, height, rgb })).raw().toBuffer({ resolveWithObject: true });
  expect(info).toMatchObject({ width, height, channels: 3 });
  expect([...data]).toEqual([...rgb]);

  const rgba = pixels(width, height, 4);
  const opaque = await sharp(encodePng({ width, height, rgba })).raw().toBuffer({ resolveWithObject: true });
  expect(opaque.info).toMatchObject({ width, height, channels: 3 });
  expect([...opaque.data]).toEqual([...rgba].filter((_, i) => i % 4 !== 3));
});

test("the same picture is the same file, with the writer's name after the header", () => {
  const [width, height] = [20, 30];
  const file = encodeRgbPng({ width, height, rgb: pixels(width, height, 3) });
  expect(encodeRgbPng({ width, height, rgb: pixels(width, height, 3) })).toEqual(file);
  const chunks: [string, string][] = [];
  const view = Buffer.from(file);
  for (let at = 8; at < view.length; ) {
    const length = view.readUInt32BE(at);
    const type = view.toString("latin1", at + 4, at + 8);
    expect(view.readUInt32BE(at + 8 + length), type).toBe(crc32(view.subarray(at + 4, at + 8 + length)));
    chunks.push([type, type === "tEXt" ? view.toString("latin1", at + 8, at + 8 + length) : ""]);
    at += 12 + length;
  }
  expect(chunks).toEqual([
    ["IHDR", ""],
    ["tEXt", "Software\0catgan"],
    ["IDAT", ""],
    ["IEND", ""],
  ]);
});

/** 2 × 2 pixels, written before pngjs was used. */
const earlier =
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAD3RFWHRTb2Z0d2FyZQBjYXRnYW6EB4BFAAAAFklEQVR4nGNhZGL+WcfCwsHOxlb/HQARYgMbHRsP0QAAAABJRU5ErkJggg==";

test("our files are recognised by their beginning, those of earlier versions too", () => {
  const ours = encodeRgbPng({ width: 2, height: 2, rgb: pixels(2, 2, 3) });
  expect(isOurPng(ours)).toBe(true);
  expect(isOurPng(ours.subarray(0, 60))).toBe(true);
  expect(isOurPng(ours.subarray(0, 50))).toBe(false);
  expect(isOurPng(Buffer.from(earlier, "base64"))).toBe(true);
  expect(isOurPng(PNG.sync.write(PNG.sync.read(Buffer.from(ours))))).toBe(false);
  const other = Uint8Array.from(ours);
  other[0] ^= 1;
  expect(isOurPng(other)).toBe(false);
});
