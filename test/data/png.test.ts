import { deflateSync, inflateSync, crc32 as zlibCrc32 } from "node:zlib";
import { PNG } from "pngjs";
import { describe, expect, it } from "vitest";
import { crc32 } from "../../src/data/crc32.ts";
import { readPngFile } from "../../src/data/png.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import { adam7 } from "../cli/picture_writers.ts";

function chunk(type: string, content: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(type, "latin1"), content]);
  const result = Buffer.alloc(body.length + 8);
  result.writeUInt32BE(content.length);
  body.copy(result, 4);
  result.writeUInt32BE(zlibCrc32(body), body.length + 4);
  return result;
}

interface Kind {
  colour: number;
  channels: number;
  depth: number;
  interlaced: boolean;
  transparent: boolean;
}

/** Any bytes at all, behind all filters: what they mean is for two decoders to say. */
function randomPng({ colour, channels, depth, interlaced, transparent }: Kind, random: () => number): Uint8Array {
  const byte = () => Math.floor(random() * 256);
  const [width, height] = [1 + Math.floor(random() * 19), 1 + Math.floor(random() * 19)];
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([depth, colour, 0, 0, interlaced ? 1 : 0], 8);
  const data: number[] = [];
  for (const [x, y, stepX, stepY] of interlaced ? adam7 : [[0, 0, 1, 1]]) {
    const columns = Math.ceil((width - x) / stepX);
    const rows = Math.ceil((height - y) / stepY);
    for (let row = 0; row < rows && columns > 0; row++) {
      data.push(Math.floor(random() * 5));
      for (let i = 0; i < Math.ceil((columns * channels * depth) / 8); i++) data.push(random() < 0.3 ? 0 : byte());
    }
  }
  const parts = [chunk("IHDR", header)];
  if (colour === 3) parts.push(chunk("PLTE", Uint8Array.from({ length: 3 * 2 ** depth }, byte)));
  if (transparent) {
    const maxSample = 2 ** depth - 1;
    const sample = () => (random() < 0.5 ? 0 : maxSample);
    const key = Array.from({ length: channels }, sample).flatMap((value) => [value >> 8, value & 255]);
    parts.push(chunk("tRNS", colour === 3 ? Uint8Array.from({ length: 2 ** depth - 1 }, byte) : Uint8Array.from(key)));
  }
  const deflated = deflateSync(Uint8Array.from(data));
  const cut = Math.floor(random() * deflated.length);
  parts.push(chunk("IDAT", deflated.subarray(0, cut)), chunk("IDAT", deflated.subarray(cut)));
  parts.push(chunk("IEND", new Uint8Array(0)));
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), ...parts]);
}

const kinds = [
  [0, 1, [1, 2, 4, 8, 16]],
  [2, 3, [8, 16]],
  [3, 1, [1, 2, 4, 8]],
  [4, 2, [8, 16]],
  [6, 4, [8, 16]],
] as const;

describe("a PNG", () => {
  for (const [colour, channels, depths] of kinds) {
    for (const depth of depths) {
      it(`of colour type ${colour} with ${depth} bits: its size, and the number of bytes that its data inflate to`, () => {
        const random = randomNumbers(colour * 100 + depth);
        for (let i = 0; i < 40; i++) {
          const kind = { colour, channels, depth, interlaced: i % 2 === 1, transparent: i % 4 > 1 && colour < 4 };
          const bytes = randomPng(kind, random);
          const expected = PNG.sync.read(Buffer.from(bytes));
          const file = readPngFile(bytes);
          expect([file.width, file.height, file.depth]).toEqual([expected.width, expected.height, depth]);
          expect(file.dataBytes).toBe(inflateSync(file.data).length);
        }
      });
    }
  }

  it("of an unknown kind is refused", () => {
    const plain = { colour: 2, channels: 3, depth: 8, interlaced: false, transparent: false };
    const change = (at: number, value: number) => {
      const bytes = Buffer.from(randomPng(plain, randomNumbers(1)));
      bytes[at] = value;
      // The header chunk's type and content are bytes 12…28.
      bytes.writeUInt32BE(zlibCrc32(bytes.subarray(12, 29)), 29);
      return bytes;
    };
    expect(() => readPngFile(change(26, 1))).toThrow("damaged PNG: compression 1, filter 0, interlace 0: no such kind");
    expect(() => readPngFile(change(28, 2))).toThrow("interlace 2: no such kind");
    expect(() => readPngFile(change(25, 5))).toThrow("damaged PNG: colour type 5 with 8 bits a sample");
    const bytes = randomPng(plain, randomNumbers(1));
    const withChunk = (type: string) =>
      Buffer.concat([bytes.subarray(0, 33), chunk(type, new Uint8Array(3)), bytes.subarray(33)]);
    expect(() => readPngFile(withChunk("CATS"))).toThrow("damaged PNG: a CATS chunk, which no reader knows");
    expect(readPngFile(withChunk("caTS"))).toEqual(readPngFile(bytes));
    expect(() => readPngFile(withChunk("tRNS"))).toThrow("damaged PNG: its tRNS chunk is too short");
  });
});

describe("crc32", () => {
  it("is zlib's", () => {
    const random = randomNumbers(3);
    for (let length = 0; length < 300; length += 7) {
      const bytes = Uint8Array.from({ length }, () => random() * 256);
      expect(crc32(bytes)).toBe(zlibCrc32(bytes));
      const half = length >> 1;
      expect(crc32(bytes.subarray(half), crc32(bytes.subarray(0, half)))).toBe(zlibCrc32(bytes));
    }
  });
});
