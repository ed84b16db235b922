import { expect, test } from "vitest";
import { encodeGif, quantise } from "../../src/data/gif.ts";
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

test("a frame a grid, the last one stays longer, and the colours are those of the grids", async () => {
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

test("a large frame of noise, which fills the table of codes again and again, comes back within its palette's reach", async () => {
  const [width, height] = [300, 200];
  let state = 1;
  const rgba = Uint8Array.from(
    { length: width * height * 4 },
    () => (state = Math.imul(state, 1664525) + 1013904223) >>> 24,
  );
  const [{ rgb }] = decodeGif(await encode([{ width, height, rgba }]));
  const { palette, indices } = quantise(rgba);
  expect(rgb).toEqual(Array.from(indices, (i) => [...palette.subarray(3 * i, 3 * i + 3)]));
  let error = 0;
  for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) error += Math.abs(rgb[i][c] - rgba[4 * i + c]);
  // 256 boxes of uniform colours are some 6.3 a cube's side: 40 wide, which is 10 away on average.
  expect(error / (3 * width * height)).toBeLessThan(14);
});

test("asks for a frame when the one before is written, and holds no more than two", async () => {
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
