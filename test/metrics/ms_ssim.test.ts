import { describe, expect, test } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import { meanPairSimilarity, msSsim } from "../../src/metrics/ms_ssim.ts";
import { randomNumbers } from "../../src/verify/lab.ts";

const flat = (size: number, value: number) => new Float64Array(size * size * 3).fill(value);
const noise = (size: number, seed: number) => {
  const random = randomNumbers(seed);
  return new Float64Array(size * size * 3).map(() => 255 * random());
};

describe("MS-SSIM", () => {
  test.each([8, 16, 32, 128])("is 1 for a picture and itself, %i pixels wide", (size) => {
    expect(msSsim(noise(size, 1), noise(size, 1), size)).toBeCloseTo(1, 12);
  });

  test("of two flat pictures: the luminance term of the coarsest scale, to its weight", () => {
    const [a, b] = [60, 120];
    const C1 = 2.55 ** 2;
    const luminance = (2 * a * b + C1) / (a * a + b * b + C1);
    // Three scales of 32 pixels: 32, 16, 8.
    const weight = 0.3001 / (0.0448 + 0.2856 + 0.3001);
    expect(msSsim(flat(32, a), flat(32, b), 32)).toBeCloseTo(luminance ** weight, 12);
    expect(msSsim(flat(8, a), flat(8, b), 8)).toBeCloseTo(luminance, 12);
  });

  test("one scale, against the formula with the window as one sum", () => {
    const [x, y] = [noise(8, 2), noise(8, 3).map((value, i) => 0.7 * value + 0.3 * noise(8, 2)[i])];
    // A picture of 8 pixels has one scale and one place for the window, which is shrunk to 8.
    const gauss = Array.from({ length: 8 }, (_, i) => Math.exp(-((i - 3.5) ** 2) / (2 * ((1.5 * 8) / 11) ** 2)));
    const total = gauss.reduce((sum, value) => sum + value, 0);
    let expected = 0;
    for (let c = 0; c < 3; c++) {
      const mean = (f: (i: number) => number) => {
        let sum = 0;
        for (let h = 0; h < 8; h++) {
          for (let w = 0; w < 8; w++) sum += ((gauss[h] * gauss[w]) / total ** 2) * f((h * 8 + w) * 3 + c);
        }
        return sum;
      };
      const [mx, my] = [mean((i) => x[i]), mean((i) => y[i])];
      const [vx, vy] = [mean((i) => (x[i] - mx) ** 2), mean((i) => (y[i] - my) ** 2)];
      const covariance = mean((i) => (x[i] - mx) * (y[i] - my));
      const [C1, C2] = [2.55 ** 2, 7.65 ** 2];
      const l = (2 * mx * my + C1) / (mx ** 2 + my ** 2 + C1);
      expected += (l * (2 * covariance + C2)) / (vx + vy + C2) / 3;
    }
    expect(msSsim(x, y, 8)).toBeCloseTo(expected, 12);
    expect(msSsim(y, x, 8)).toBeCloseTo(expected, 12);
  });

  test("is small for noise, 0 for a negative", () => {
    expect(msSsim(noise(32, 4), noise(32, 5), 32)).toBeLessThan(0.35);
    expect(
      msSsim(
        noise(32, 4),
        noise(32, 4).map((value) => 255 - value),
        32,
      ),
    ).toBe(0);
  });
});

describe("of a set's pairs", () => {
  const cats = paintCats(32, 40, 1);
  const bytes = 32 * 32 * 3;

  test("a collapsed set has 1, a varied one far less", () => {
    const collapsed = { ...cats, pixels: cats.pixels.map((_, i, all) => all[i % bytes]) };
    expect(meanPairSimilarity(collapsed)).toBeCloseTo(1, 12);
    expect(meanPairSimilarity(cats)).toBeLessThan(0.6);
  });

  test("is the mean over pairs; one picture has none", () => {
    const picture = (n: number) => Float64Array.from(cats.pixels.subarray(n * bytes, (n + 1) * bytes));
    const four = { size: 32, count: 4, pixels: cats.pixels.subarray(0, 4 * bytes) };
    const expected = (msSsim(picture(0), picture(1), 32) + msSsim(picture(2), picture(3), 32)) / 2;
    expect(meanPairSimilarity(four)).toBeCloseTo(expected, 12);
    expect(() => meanPairSimilarity({ ...four, count: 1 })).toThrow(/1 pictures, expected 2 or more/);
  });
});
