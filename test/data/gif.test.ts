import sharp from "sharp";
import { expect, test } from "vitest";
import { encodeGif } from "../../src/data/gif.ts";
import type { Image } from "../../src/data/image.ts";
import { decodeGif } from "./gif_decoder.ts";

async function encode(frames: readonly Image[], timing = { delay: 140, lastDelay: 2500 }): Promise<Uint8Array> {
  async function* one() {
    for (const frame of frames) yield frame;
  }
  const parts: Uint8Array[] = [];
  for await (const part of encodeGif(one(), timing)) parts.push(part);
  return Buffer.concat(parts);
}

test("one frame per grid, the last one stays longer, and the colours are those of the grids", async () => {
  const image = (index: number) => ({
    width: 6,
    height: 4,
    rgba: Uint8Array.from({ length: 6 * 4 * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 40 * (index + 1)) % 256)),
  });
  const file = await encode([0, 1, 2].map(image));
  expect(new TextDecoder().decode(file.subarray(0, 6))).toBe("GIF89a");
  const frames = decodeGif(file);
  expect(frames.map(({ width, height, delay }) => [width, height, delay])).toEqual([
    [6, 4, 14],
    [6, 4, 14],
    [6, 4, 250],
  ]);
  for (const [f, { rgb }] of frames.entries()) {
    const { rgba } = image(f);
    expect(rgb).toEqual(Array.from({ length: 24 }, (_, i) => [...rgba.subarray(4 * i, 4 * i + 3)]));
  }
});

function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

/** Squares of random colours, of which some change from frame to frame: most by little. */
function squares(columns: number, rows: number, factor: number, frames: number): Image[] {
  const random = numbers(7);
  const cells = Array.from({ length: columns * rows }, () => [0, 1, 2].map(() => 256 * random()));
  return Array.from({ length: frames }, () => {
    for (const cell of cells) {
      const reach = random() < 0.05 ? 120 : random() < 0.3 ? 4 : 0;
      for (let c = 0; c < 3; c++) cell[c] = Math.min(255, Math.max(0, cell[c] + reach * (random() - 0.5)));
    }
    const [width, height] = [columns * factor, rows * factor];
    const rgba = Uint8Array.from({ length: 4 * width * height }, (_, i) => {
      const [x, y] = [Math.floor(i / 4) % width, Math.floor(i / 4 / width)];
      return i % 4 === 3 ? 255 : cells[Math.floor(y / factor) * columns + Math.floor(x / factor)][i % 4];
    });
    return { width, height, rgba };
  });
}

/** Root of the mean square of what frames differ by, of 255. */
function difference(shown: readonly number[][], { rgba }: Image): number {
  let sum = 0;
  for (const [i, pixel] of shown.entries()) for (let c = 0; c < 3; c++) sum += (pixel[c] - rgba[4 * i + c]) ** 2;
  return Math.sqrt(sum / 3 / shown.length);
}

test("films of many colours: frames are decoded nearly as they were, squares as squares, in this and in another decoder", async () => {
  const [columns, rows, factor] = [40, 30, 3];
  const images = squares(columns, rows, factor, 5);
  const file = await encode(images);
  const frames = decodeGif(file);
  expect(frames).toHaveLength(images.length);
  for (const [f, { width, rgb }] of frames.entries()) {
    // 190 boxes of uniform colours are some 5.7 a cube's side: 45 wide, of which the root of the mean square is 13.
    const error = difference(rgb, images[f]);
    expect(error, `frame ${f}`).toBeLessThan(16);
    expect(error, `frame ${f}`).toBeGreaterThan(1);
    for (let i = 0; i < rgb.length; i++) {
      const [x, y] = [i % width, Math.floor(i / width)];
      expect(rgb[i]).toEqual(rgb[(y - (y % factor)) * width + x - (x % factor)]);
    }
  }
  // Most squares stay, so that later frames are smaller than the first.
  const first = await encode(images.slice(0, 1));
  expect(file.length).toBeLessThan(0.7 * images.length * first.length);

  const other = await sharp(file, { animated: true }).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  expect(other.info).toMatchObject({ width: columns * factor, height: rows * factor * images.length, channels: 3 });
  expect(other.data.equals(Buffer.from(frames.flatMap(({ rgb }) => rgb.flat())))).toBe(true);
});

test("invisible changes add up, and are drawn once they are visible", async () => {
  const random = numbers(3);
  const [width, height] = [40, 30];
  const noise = Uint8Array.from({ length: 4 * width * height }, (_, i) => (i % 4 === 3 ? 255 : 160 * random()));
  const images = Array.from({ length: 20 }, (_, f) => {
    return { width, height, rgba: noise.map((value, i) => (i % 4 === 3 ? 255 : value + 4 * f)) };
  });
  for (const [f, { rgb }] of decodeGif(await encode(images)).entries()) {
    for (const [i, pixel] of rgb.entries()) {
      // Colours are the mean of boxes, which are about as wide as this.
      for (let c = 0; c < 3; c++) expect(Math.abs(pixel[c] - images[f].rgba[4 * i + c]), `frame ${f}`).toBeLessThan(48);
    }
    expect(difference(rgb, images[f]), `frame ${f}`).toBeLessThan(12);
  }
});

test("a frame is the rectangle that changes, with as few colours as it needs; without a change it is a single pixel", async () => {
  const [width, height] = [50, 40];
  const plain = new Uint8Array(4 * width * height).fill(255);
  const marked = plain.slice();
  for (const [x, y] of [
    [12, 7],
    [30, 20],
  ]) {
    marked.set([200, 100, 50, 255], 4 * (y * width + x));
  }
  const frames = decodeGif(await encode([plain, marked, marked, plain].map((rgba) => ({ width, height, rgba }))));
  expect(frames.map(({ rectangle }) => rectangle)).toEqual([
    { left: 0, top: 0, width, height },
    { left: 12, top: 7, width: 19, height: 14 },
    { left: 0, top: 0, width: 1, height: 1 },
    { left: 12, top: 7, width: 19, height: 14 },
  ]);
  expect(frames.map(({ colours }) => colours)).toEqual([4, 4, 4, 4]);
  expect(frames[1].rgb).toEqual(
    Array.from({ length: width * height }, (_, i) => [...marked.subarray(4 * i, 4 * i + 3)]),
  );
  expect(frames[2].rgb).toEqual(frames[1].rgb);
  expect(frames[3].rgb).toEqual(frames[0].rgb);
});

test("frames of every number of colours up to the maximum are exact, whatever preceded them", async () => {
  const [width, height] = [32, 16];
  const images = [1, 2, 3, 4, 5, 16, 17, 100, 191].map((colours) => {
    const random = numbers(colours);
    const rgba = Uint8Array.from({ length: 4 * width * height }, () => 255);
    for (let i = 0; i < width * height; i++) {
      const n = i < colours ? i : Math.floor(random() * colours);
      // One apart: near enough to be taken for one another, if that were allowed.
      rgba.set([n, (7 * n) % 256, 3], 4 * i);
    }
    return { width, height, rgba };
  });
  const frames = decodeGif(await encode(images));
  for (const [f, { rgb }] of frames.entries()) expect(difference(rgb, images[f]), `frame ${f}`).toBe(0);
});

test("noise, which fills the table of codes again and again, at every size near its ends", async () => {
  const random = numbers(5);
  for (const width of [1, 2, 61, 62, 63, 64, 65, 300]) {
    const height = width === 300 ? 200 : 61;
    const rgba = Uint8Array.from({ length: width * height * 4 }, () => 256 * random());
    const file = await encode([{ width, height, rgba }]);
    const [{ rgb }] = decodeGif(file);
    expect(difference(rgb, { width, height, rgba }), `${width} wide`).toBeLessThan(20);
    const other = await sharp(file).removeAlpha().raw().toBuffer();
    expect(other.equals(Buffer.from(rgb.flat())), `${width} wide`).toBe(true);
  }
});

test("rows of every length: whichever code is the last, the end code has the width that decoders expect", async () => {
  const random = numbers(9);
  const colours = Uint8Array.from({ length: 400 }, () => 100 * Math.floor(2 * random()));
  for (let width = 1; width <= colours.length; width++) {
    const rgba = Uint8Array.from({ length: 4 * width }, (_, i) => (i % 4 === 3 ? 255 : colours[i >> 2]));
    const [{ rgb }] = decodeGif(await encode([{ width, height: 1, rgba }]));
    expect(difference(rgb, { width, height: 1, rgba }), `${width} wide`).toBe(0);
  }
});

test("frames of another size than the first are refused", async () => {
  const image = (width: number) => ({ width, height: 1, rgba: new Uint8Array(4 * width) });
  await expect(encode([image(2), image(3)])).rejects.toThrow("a frame of 3×1, the first has 2×1");
});

test("asks for a frame when the previous one is written, and holds no more than two", async () => {
  const asked: number[] = [];
  async function* frames() {
    for (let i = 0; i < 4; i++) {
      asked.push(i);
      yield { width: 1, height: 1, rgba: Uint8Array.of(i, i, i, 255) };
    }
  }
  const film = encodeGif(frames(), { delay: 50, lastDelay: 50 });
  const seen: number[] = [];
  for await (const _ of film) seen.push(asked.length);
  // A header, four frames, the end.
  expect(seen).toEqual([1, 2, 3, 4, 4, 4]);
  await expect(encode([])).rejects.toThrow("needs at least one frame");
});
