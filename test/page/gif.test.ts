import { expect, test } from "vitest";
import { encodeGif, quantise } from "../../src/page/gif.ts";

/** Reads a GIF as decoders do: blocks, palettes, LZW. @returns a frame's size, delay and colours */
function decode(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: { width: number; height: number; delay: number; rgb: number[][] }[] = [];
  let at = 13;
  let delay = 0;
  const blocks = () => {
    const found: number[] = [];
    for (; bytes[at] !== 0; at += bytes[at] + 1) found.push(...bytes.subarray(at + 1, at + 1 + bytes[at]));
    at++;
    return found;
  };
  while (bytes[at] !== 0x3b) {
    if (bytes[at] === 0x21) {
      if (bytes[at + 1] === 0xf9) delay = view.getUint16(at + 4, true);
      at += 2;
      blocks();
    } else if (bytes[at] === 0x2c) {
      const [width, height] = [view.getUint16(at + 5, true), view.getUint16(at + 7, true)];
      expect(bytes[at + 9]).toBe(0x87);
      const palette = bytes.subarray(at + 10, at + 10 + 768);
      at += 10 + 768 + 1;
      const indices = unpack(blocks());
      expect(indices.length).toBe(width * height);
      frames.push({ width, height, delay, rgb: indices.map((i) => [...palette.subarray(3 * i, 3 * i + 3)]) });
    } else throw new Error(`block ${bytes[at]} at ${at}`);
  }
  return frames;
}

function unpack(data: number[]): number[] {
  const out: number[] = [];
  let table: number[][] = [];
  let width = 9;
  let before: number[] | null = null;
  for (let bit = 0; ; ) {
    let code = 0;
    for (let i = 0; i < width; i++, bit++) code |= ((data[bit >> 3] >> (bit & 7)) & 1) << i;
    if (code === 257) return out;
    if (code === 256) {
      table = Array.from({ length: 258 }, (_, i) => [i]);
      width = 9;
      before = null;
      continue;
    }
    const entry: number[] = table[code] ?? [...before!, before![0]];
    out.push(...entry);
    if (before && table.length < 4096) table.push([...before, entry[0]]);
    if (table.length === 1 << width && width < 12) width++;
    before = entry;
  }
}

test("a frame a grid, the last one stays longer, and the colours are those of the grids", async () => {
  const done: number[] = [];
  const image = (index: number) => ({
    width: 6,
    height: 4,
    rgba: Uint8Array.from({ length: 6 * 4 * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 40 * (index + 1)) % 256)),
  });
  const file = await encodeGif(
    3,
    async (index) => image(index),
    (count) => done.push(count),
  );
  expect(new TextDecoder().decode(file.subarray(0, 6))).toBe("GIF89a");
  const frames = decode(file);
  expect(frames.map(({ width, height, delay }) => [width, height, delay])).toEqual([
    [6, 4, 14],
    [6, 4, 14],
    [6, 4, 250],
  ]);
  for (const [f, { rgb }] of frames.entries()) {
    const { rgba } = image(f);
    expect(rgb).toEqual(Array.from({ length: 24 }, (_, i) => [...rgba.subarray(4 * i, 4 * i + 3)]));
  }
  expect(done).toEqual([1, 2, 3]);
});

test("a large frame of noise, which fills the table of codes again and again, comes back within its palette's reach", async () => {
  const [width, height] = [300, 200];
  let state = 1;
  const rgba = Uint8Array.from(
    { length: width * height * 4 },
    () => (state = Math.imul(state, 1664525) + 1013904223) >>> 24,
  );
  const [{ rgb }] = decode(await encodeGif(1, async () => ({ width, height, rgba })));
  const { palette, indices } = quantise(rgba);
  expect(rgb).toEqual(Array.from(indices, (i) => [...palette.subarray(3 * i, 3 * i + 3)]));
  let error = 0;
  for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) error += Math.abs(rgb[i][c] - rgba[4 * i + c]);
  // 256 boxes of uniform colours are some 6.3 a cube's side: 40 wide, which is 10 away on average.
  expect(error / (3 * width * height)).toBeLessThan(14);
});
