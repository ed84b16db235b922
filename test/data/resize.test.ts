import { describe, expect, it } from "vitest";
import { resizeRgb } from "../../src/data/resize.ts";

/** [height, width, 3] from one number a pixel. */
function picture(width: number, height: number, value: (x: number, y: number) => number): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) rgb.fill(value(i % width, Math.floor(i / width)), i * 3, i * 3 + 3);
  return rgb;
}

const noise = (x: number, y: number) => (x * 7919 + y * 104729 + x * y * 31) % 256;
/** The first channel of one row. */
const row = (rgb: Uint8Array, size: number, y: number) =>
  Array.from({ length: size }, (_, x) => rgb[(y * size + x) * 3]);
const mean = (rgb: Uint8Array) => rgb.reduce((sum, value) => sum + value, 0) / rgb.length;

function mirrored(rgb: Uint8Array, width: number, height: number): Uint8Array {
  const result = new Uint8Array(rgb.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + width - 1 - x) * 3;
      result.set(rgb.subarray(from, from + 3), (y * width + x) * 3);
    }
  }
  return result;
}

describe("resizeRgb", () => {
  it("keeps a single colour, whatever the sizes", () => {
    for (const [width, height, size] of [
      [1, 1, 16],
      [7, 5, 4],
      [100, 33, 32],
      [3, 200, 24],
      [640, 480, 16],
    ]) {
      const rgb = new Uint8Array(width * height * 3).map((_, i) => [13, 255, 0][i % 3]);
      const expected = new Uint8Array(size * size * 3).map((_, i) => [13, 255, 0][i % 3]);
      for (const fit of ["crop", "stretch"] as const) {
        expect(resizeRgb(rgb, width, height, size, fit)).toEqual(expected);
      }
    }
  });

  it("copies a picture of the wanted size", () => {
    const rgb = picture(17, 17, noise);
    expect(resizeRgb(rgb, 17, 17, 17, "crop")).toEqual(rgb);
    expect(resizeRgb(rgb, 17, 17, 17, "stretch")).toEqual(rgb);
  });

  it("keeps the channels apart", () => {
    const rgb = new Uint8Array(16 * 16 * 3);
    for (let i = 0; i < 256; i++) rgb.set([i % 16 < 8 ? 250 : 10, i < 128 ? 240 : 20, 77], i * 3);
    const small = resizeRgb(rgb, 16, 16, 2, "crop");
    const [r, g, b] = [0, 1, 2].map((channel) => [0, 1, 2, 3].map((pixel) => small[pixel * 3 + channel]));
    expect(r[0]).toBe(r[2]);
    expect(r[0] - r[1]).toBeGreaterThan(180);
    expect(g[0]).toBe(g[1]);
    expect(g[0] - g[2]).toBeGreaterThan(160);
    expect(b).toEqual([77, 77, 77, 77]);
  });

  it("crops to the central square", () => {
    const wide = picture(10, 4, (x, y) => x * 16 + y);
    expect(resizeRgb(wide, 10, 4, 4, "crop")).toEqual(picture(4, 4, (x, y) => (x + 3) * 16 + y));
    const tall = picture(3, 8, (x, y) => x * 16 + y);
    expect(resizeRgb(tall, 3, 8, 3, "crop")).toEqual(picture(3, 3, (x, y) => x * 16 + y + 2));
  });

  it("takes every part of a stretched picture", () => {
    const halves = picture(64, 8, (x) => (x < 32 ? 0 : 200));
    const middle = row(resizeRgb(halves, 64, 8, 8, "stretch"), 8, 4);
    expect(middle[0]).toBe(0);
    expect(middle[7]).toBe(200);
    // The step lies halfway: what is missing below it stands above it.
    expect(middle[3] + middle[4]).toBe(200);
  });

  it("halves a ramp to the means of pairs, away from the borders", () => {
    const ramp = picture(64, 64, (x) => 2 * x + 10);
    // Pixels 2i and 2i + 1: (4i + 10 + 4i + 12) / 2.
    const half = row(resizeRgb(ramp, 64, 64, 32, "crop"), 32, 16);
    for (let i = 3; i < 29; i++) expect(half[i]).toBe(4 * i + 11);
  });

  it("agrees with the filter written out, including when it enlarges and overshoots", () => {
    const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
    const lanczos = (x: number) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0);
    for (const [from, to] of [
      [2, 4],
      [5, 8],
      [9, 7],
      [16, 3],
    ]) {
      // Every row is the same, so that the second pass changes nothing.
      const value = (x: number) => [0, 255, 40, 255, 255][x % 5];
      const scale = Math.max(from / to, 1);
      const expected = Array.from({ length: to }, (_, i) => {
        const weights = Array.from({ length: from }, (_, j) => lanczos((j + 0.5 - (i + 0.5) * (from / to)) / scale));
        const sum = weights.reduce((a, b) => a + b, 0);
        return weights.reduce((total, weight, j) => total + (weight / sum) * value(j), 0);
      });
      const result = row(resizeRgb(picture(from, from, value), from, from, to, "crop"), to, 0);
      for (let i = 0; i < to; i++) {
        expect(Math.abs(result[i] - Math.max(0, Math.min(255, expected[i])))).toBeLessThanOrEqual(0.501);
      }
    }
  });

  it("agrees with the block definition written out where it shrinks by 6 or more", () => {
    const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
    const lanczos = (x: number) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0);
    for (const [from, to, block] of [
      [47, 8, 1], // 5.875
      [48, 8, 3],
      [50, 8, 3], // The first and the last block lack pixels.
      [49, 8, 3],
      [64, 8, 4],
      [333, 16, 10],
    ]) {
      const value = (x: number) => (x * 97 + x * x * 31) % 256;
      const scale = from / to;
      const lead = Math.floor((Math.ceil(from / block) * block - from) / 2);
      // A pixel weighs what its block's centre does.
      const centre = (x: number) => {
        const first = Math.floor((x + lead) / block) * block - lead;
        return (Math.max(0, first) + Math.min(from, first + block)) / 2;
      };
      const expected = Array.from({ length: to }, (_, i) => {
        const weights = Array.from({ length: from }, (_, x) => lanczos((centre(x) - (i + 0.5) * scale) / scale));
        const sum = weights.reduce((a, b) => a + b, 0);
        return weights.reduce((total, weight, x) => total + (weight / sum) * value(x), 0);
      });
      const alongX = row(resizeRgb(picture(from, from, value), from, from, to, "crop"), to, 0);
      const down = resizeRgb(
        picture(from, from, (_, y) => value(y)),
        from,
        from,
        to,
        "crop",
      );
      for (let i = 0; i < to; i++) {
        const clamped = Math.max(0, Math.min(255, expected[i]));
        if (!(Math.abs(alongX[i] - clamped) <= 0.501)) throw new Error(`${from} to ${to}, x ${i}`);
        if (!(Math.abs(down[i * to * 3] - clamped) <= 0.501)) throw new Error(`${from} to ${to}, y ${i}`);
      }
    }
  });

  it("in blocks stays near the filter without them", () => {
    // Waves of 3 to 50 pixels, as photographs have them: the coarser, the stronger.
    const wave = (x: number, y: number) =>
      128 +
      [50, 23, 11, 7, 3].reduce(
        (sum, length) => sum + length * Math.sin((x * 0.8 + y * 0.6) * ((2 * Math.PI) / length)),
        0,
      );
    const small = resizeRgb(picture(400, 400, wave), 400, 400, 50, "crop");
    // By 2 (no blocks), then by 4 (none either): nearly the same as by 8.
    const half = resizeRgb(picture(400, 400, wave), 400, 400, 200, "crop");
    const twice = resizeRgb(half, 200, 200, 50, "crop");
    const inner = small.map((value, i) => {
      const pixel = Math.floor(i / 3);
      const [x, y] = [pixel % 50, Math.floor(pixel / 50)];
      return x < 4 || y < 4 || x > 45 || y > 45 ? 0 : Math.abs(value - twice[i]);
    });
    expect(Math.max(...inner)).toBeLessThanOrEqual(4);
  });

  it("enlarges two pixels to the values computed by hand", () => {
    // Output centres lie at 1/4, 3/4, 5/4, 7/4, pixel centres at 1/2 and 3/2; L(x) = sinc(x)·sinc(x/3).
    const quarter = 0.9003163 * 0.9886159; // L(1/4), output 0 to pixel 0, and output 1 to pixel 0
    const fiveQuarters = -0.1800633 * 0.737913; // L(5/4), output 0 to pixel 1
    const threeQuarters = 0.3001054 * 0.9003163; // L(3/4), output 1 to pixel 1
    const result = row(
      resizeRgb(
        picture(2, 2, (x) => 100 + 100 * x),
        2,
        2,
        4,
        "crop",
      ),
      4,
      1,
    );
    expect(result[0]).toBe(Math.round(100 + (100 * fiveQuarters) / (quarter + fiveQuarters)));
    expect(result[1]).toBe(Math.round(100 + (100 * threeQuarters) / (quarter + threeQuarters)));
    expect(result[2]).toBe(300 - result[1]);
    expect(result[3]).toBe(300 - result[0]);
  });

  it("keeps the energy of a point and the mean of noise", () => {
    // A point of 255 on black has negative lobes that would be clamped: on grey they stay.
    const point = resizeRgb(
      picture(64, 64, (x, y) => (x === 32 && y === 32 ? 255 : 100)),
      64,
      64,
      32,
      "crop",
    );
    const added = point.reduce((sum, value) => sum + value - 100, 0) / 3;
    // 155 / 4 in exact arithmetic; rounding touches the few dozen pixels under the filter.
    expect(Math.abs(added - 155 / 4)).toBeLessThan(12);
    const random = picture(96, 96, noise);
    expect(Math.abs(mean(resizeRgb(random, 96, 96, 24, "crop")) - mean(random))).toBeLessThan(1.5);
  });

  it("mirrors as the picture mirrors", () => {
    for (const [width, height, size] of [
      [40, 30, 16],
      [13, 13, 8],
      [9, 31, 32],
      [100, 100, 8],
      [132, 100, 8],
    ]) {
      const rgb = picture(width, height, noise);
      const fit = (width - height) % 2 === 0 ? "crop" : "stretch";
      const result = resizeRgb(mirrored(rgb, width, height), width, height, size, fit);
      expect(result).toEqual(mirrored(resizeRgb(rgb, width, height, size, fit), size, size));
    }
  });

  it("blurs stripes that are too fine instead of inventing coarse ones", () => {
    const stripes = picture(90, 90, (x) => (x % 2 === 0 ? 0 : 255));
    for (const value of resizeRgb(stripes, 90, 90, 16, "crop")) expect(Math.abs(value - 127.5)).toBeLessThan(12);
  });

  it("refuses an array of another length, and sizes of 0", () => {
    expect(() => resizeRgb(new Uint8Array(11), 2, 2, 4, "crop")).toThrow("2×2 to 4×4 from 11 values, expected 12");
    expect(() => resizeRgb(new Uint8Array(0), 0, 0, 4, "crop")).toThrow("resizeRgb");
    expect(() => resizeRgb(new Uint8Array(12), 2, 2, 0, "crop")).toThrow("resizeRgb");
  });
});
