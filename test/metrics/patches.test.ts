import { expect, test } from "vitest";
import { normalisedPatches, patchesPerPicture, patchStride } from "../../src/metrics/patches.ts";
import { randomNumbers } from "../../src/verify/lab.ts";

const size = 16;
const random = randomNumbers(1);
const values = Float32Array.from({ length: 3 * size * size * 3 }, (_, i) => random() * 10 ** (i % 3) + 1000);

test("each channel has mean 0 and standard deviation 1, and the number after a patch is 0", () => {
  const patches = normalisedPatches({ size, values }, 1);
  expect(patches.length).toBe(3 * patchesPerPicture * patchStride);
  for (let c = 0; c < 3; c++) {
    const numbers = [...patches].filter((_, i) => i % patchStride !== 147 && (i % patchStride) % 3 === c);
    const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
    const square = numbers.reduce((sum, value) => sum + value ** 2, 0) / numbers.length;
    expect(Math.abs(mean)).toBeLessThan(1e-4);
    expect(Math.abs(square - 1)).toBeLessThan(1e-4);
  }
  expect(patches.every((value, i) => i % patchStride !== 147 || value === 0)).toBe(true);
});

test("patches are 7×7 neighbourhoods of their own picture, everywhere in it", () => {
  // A pixel's three numbers: which picture, which row, which column.
  const places = Float32Array.from({ length: 2 * size * size * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return [Math.floor(pixel / size ** 2), Math.floor(pixel / size) % size, pixel % size][i % 3];
  });
  const patches = normalisedPatches({ size, values: places }, 5);
  const [pictures, tops, lefts] = [0, 1, 2].map((c) =>
    Array.from({ length: 2 * patchesPerPicture }, (_, p) => patches[p * patchStride + c]),
  );
  // 10 places along each axis; 256 patches leave out one of them once in 10¹¹ times.
  expect(new Set(tops).size).toBe(10);
  expect(new Set(lefts).size).toBe(10);
  expect(new Set(pictures).size).toBe(2);
  expect(pictures.every((value, p) => value === pictures[p < patchesPerPicture ? 0 : patchesPerPicture])).toBe(true);
  // One step down and right is the same step, in units of the standard deviation, in every patch.
  const step = (p: number, i: number, c: number) => patches[p * patchStride + i * 3 + c] - patches[p * patchStride + c];
  for (let p = 0; p < 2 * patchesPerPicture; p += 37) {
    expect(step(p, 8, 0)).toBe(0);
    expect(step(p, 8, 1)).toBeCloseTo(step(0, 7, 1), 4);
    expect(step(p, 8, 2)).toBeCloseTo(step(0, 1, 2), 4);
    expect(step(p, 48, 1)).toBeCloseTo(6 * step(0, 7, 1), 4);
  }
});

test("a constant channel becomes 0, not NaN", () => {
  expect(normalisedPatches({ size, values: values.map((_, i) => (i % 3 === 0 ? 7 : values[i])) }, 1)[0]).toBe(0);
});
