import { describe, expect, it } from "vitest";
import { paintCat, paintCats } from "../../src/data/painted.ts";

/** Means over factor×factor blocks of an [size, size, 3] picture. */
function shrink(pixels: Uint8Array, size: number, factor: number): Float64Array {
  const small = size / factor;
  const means = new Float64Array(small * small * 3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const to = (Math.floor(y / factor) * small + Math.floor(x / factor)) * 3;
      for (let c = 0; c < 3; c++) means[to + c] += pixels[(y * size + x) * 3 + c] / factor ** 2;
    }
  }
  return means;
}

function meanDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
  return sum / a.length;
}

const deviation = (values: number[]) => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
};

describe("paintCat", () => {
  it("returns [size, size, 3] bytes at any size", () => {
    for (const size of [1, 7, 32, 65]) expect(paintCat(size, 1, 0)).toHaveLength(size * size * 3);
  });

  it("depends on size, seed and index alone", () => {
    const first = paintCat(32, 5, 17);
    paintCat(64, 9, 3);
    expect(paintCat(32, 5, 17)).toEqual(first);
    expect(paintCat(32, 6, 17)).not.toEqual(first);
    expect(paintCat(32, 5, 18)).not.toEqual(first);
  });

  it("paints the same bytes on every engine", () => {
    // FNV-1a over 64 cats. A deliberate change of the drawing changes it: put the new value here.
    let hash = 0x811c9dc5;
    for (const byte of paintCats(32, 64, 1).pixels) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    expect(hash.toString(16)).toBe("d093c7ab");
  });

  it("paints the same cat at every size", () => {
    for (let index = 0; index < 20; index++) {
      const small = paintCat(32, 2, index);
      const same = meanDifference(small, shrink(paintCat(128, 2, index), 128, 4));
      const other = meanDifference(small, shrink(paintCat(128, 2, index + 1), 128, 4));
      expect(same).toBeLessThan(6);
      expect(other).toBeGreaterThan(2 * same);
    }
  });

  it("gives every cat two eyes: a dark pupil and a bright gleam, left and right", () => {
    for (let index = 0; index < 300; index++) {
      const pixels = paintCat(64, 3, index);
      for (const [left, right] of [
        [15, 30],
        [34, 49],
      ]) {
        let darkest = 255;
        let brightest = 0;
        for (let y = 28; y < 46; y++) {
          for (let x = left; x < right; x++) {
            const rgb = pixels.subarray((y * 64 + x) * 3, (y * 64 + x) * 3 + 3);
            darkest = Math.min(darkest, Math.max(...rgb));
            brightest = Math.max(brightest, Math.min(...rgb));
          }
        }
        expect(darkest).toBeLessThan(40);
        expect(brightest).toBeGreaterThan(230);
      }
    }
  });

  it("refuses a size that is not a whole number of pixels", () => {
    expect(() => paintCat(0, 1, 0)).toThrow(/paintCat: size is 0/);
    expect(() => paintCat(32.5, 1, 0)).toThrow(/paintCat: size is 32.5/);
  });
});

describe("paintCats", () => {
  it("returns paintCat's pictures in one block", () => {
    const { size, count, pixels } = paintCats(16, 5, 8);
    expect([size, count, pixels.length]).toEqual([16, 5, 5 * 16 * 16 * 3]);
    for (let i = 0; i < count; i++) expect(pixels.subarray(i * 768, (i + 1) * 768)).toEqual(paintCat(16, 8, i));
  });

  it("paints 500 different cats with different colours", () => {
    const { size, count, pixels } = paintCats(16, 500, 4);
    const bytes = size * size * 3;
    const cats = Array.from({ length: count }, (_, i) => pixels.subarray(i * bytes, (i + 1) * bytes));
    expect(new Set(cats.map((cat) => cat.join())).size).toBe(count);
    for (let channel = 0; channel < 3; channel++) {
      const means = cats.map((cat) => cat.reduce((sum, v, i) => sum + (i % 3 === channel ? v : 0), 0) / (bytes / 3));
      expect(deviation(means)).toBeGreaterThan(15);
      // The middle of the forehead shows the coat: black to white, ginger to grey.
      const forehead = cats.map((cat) => cat[(6 * size + 5) * 3 + channel]);
      expect(deviation(forehead)).toBeGreaterThan(30);
    }
  });

  it("refuses a count below 0", () => {
    expect(() => paintCats(16, -1, 0)).toThrow(/paintCats: count is -1/);
  });
});
