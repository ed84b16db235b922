import { describe, expect, test } from "vitest";
import { philox4x32, randomPermutation, truncatedNormal, uniform, type Words } from "../../src/random/philox.ts";
import { expectClose } from "../reference/finite_difference.ts";

const key = { seed: 1234, purpose: 5, step: 67 };

/** The keys that differ from `key` in one field. */
const otherKeys = [
  { ...key, seed: 1235 },
  { ...key, purpose: 6 },
  { ...key, step: 68 },
];

function moments(x: Float64Array): { mean: number; variance: number } {
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  return { mean, variance: x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length };
}

describe("philox4x32", () => {
  // The known answers of Random123, the authors' own library (tests/kat_vectors).
  const ones = 0xffffffff;
  const answers: { counter: Words; key: [number, number]; words: Words }[] = [
    { counter: [0, 0, 0, 0], key: [0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
    {
      counter: [ones, ones, ones, ones],
      key: [ones, ones],
      words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    },
    {
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0],
      words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    },
  ];

  test.each(answers)("known answer for key $key", ({ counter, key, words }) => {
    expect(philox4x32(counter, key)).toEqual(words);
  });
});

describe("uniform", () => {
  test("element i is word i%4 of block i/4", () => {
    const words = [0, 1, 2].flatMap((block) => philox4x32([block, 67, 0, 0], [1234, 5]));
    const expected = words.slice(0, 10).map((word) => Math.floor(word / 256) / 2 ** 24);
    expect([...uniform(10, key, 0, 1)]).toEqual(expected);
    expect([...uniform(10, key, -1, 1)]).toEqual(expected.map((u) => 2 * u - 1));
    // The first words of this key, from an implementation with 64-bit integers.
    expect(expected.slice(0, 2)).toEqual([0x61769c / 2 ** 24, 0x1e40b1 / 2 ** 24]);
  });

  test("every number is an f32 in [low, high), even where rounding matters", () => {
    for (const [low, high] of [
      [-1, 1],
      [0.1, 0.3],
      [-0.7, 1.9],
    ]) {
      const x = uniform(4096, key, low, high);
      expect([...x]).toEqual([...Float32Array.from(x)]);
      expect(Math.min(...x)).toBeGreaterThanOrEqual(Math.fround(low));
      expect(Math.max(...x)).toBeLessThan(high);
    }
  });

  test("mean and variance", () => {
    const { mean, variance } = moments(uniform(20000, key, -1, 1));
    // Five standard errors: 5·sqrt(1/3 / 20000), and 5·sqrt((1/5 − 1/9) / 20000).
    expectClose([mean, variance], [0, 1 / 3], { atol: 0.0204 });
    expectClose([variance], [1 / 3], { atol: 0.0105 });
  });

  test("a number depends on its place, not on how many are drawn; each part of the key matters", () => {
    const x = uniform(9, key, -1, 1);
    expect([...uniform(100, key, -1, 1).slice(0, 9)]).toEqual([...x]);
    for (const other of otherKeys) {
      expect(uniform(9, other, -1, 1).filter((value, i) => value === x[i])).toHaveLength(0);
    }
  });
});

describe("truncatedNormal", () => {
  test("known answers", () => {
    // From an implementation with 64-bit integers. The elements took the first number of their first pair, the second
    // number of it, and the first number of their second pair.
    const x = truncatedNormal(360, key, 0.5);
    expectClose([x[0], x[13], x[359]], [-0.056315537910191456 / 2, -1.97244844182459 / 2, -0.5230644514184346 / 2]);
  });

  test("nothing beyond two standard deviations; the moments of a truncated normal", () => {
    const x = truncatedNormal(20000, key, 0.02);
    const largest = Math.max(...x.map(Math.abs));
    expect(largest).toBeLessThanOrEqual(0.04);
    expect(largest).toBeGreaterThan(0.0399);
    const { mean, variance } = moments(x);
    // 1 − 2·2·φ(2) / (2·Φ(2) − 1) = 0.773741; five standard errors.
    expectClose([mean / 0.02], [0], { atol: 0.032 });
    expectClose([variance / 0.02 ** 2], [0.773741], { atol: 0.033 });
    // P(|x| ≤ 1) / P(|x| ≤ 2) = 0.682689 / 0.954500
    expectClose([x.filter((value) => Math.abs(value) <= 0.02).length / x.length], [0.715233], { atol: 0.016 });
  });

  test("a number depends on its place, not on how many are drawn; each part of the key matters", () => {
    const x = truncatedNormal(9, key, 1);
    expect([...truncatedNormal(100, key, 1).slice(0, 9)]).toEqual([...x]);
    for (const other of otherKeys) {
      expect(truncatedNormal(9, other, 1).filter((value, i) => value === x[i])).toHaveLength(0);
    }
  });
});

describe("randomPermutation", () => {
  test("known answer", () => {
    // From an implementation with 64-bit integers.
    expect([...randomPermutation(8, key)]).toEqual([4, 0, 6, 5, 3, 1, 2, 7]);
  });

  test.each([0, 1, 2, 1000])("of %i numbers has each of them once", (count) => {
    expect([...randomPermutation(count, key)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, i) => i),
    );
  });

  test("every order of three is equally likely", () => {
    const counts = new Map<string, number>();
    for (let step = 0; step < 6000; step++) {
      const order = randomPermutation(3, { ...key, step }).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // Five standard errors of a count of 1000: 5·sqrt(6000 · 1/6 · 5/6).
    for (const count of counts.values()) expectClose([count], [1000], { atol: 145 });
  });

  test("each part of the key matters", () => {
    const order = randomPermutation(100, key).join();
    for (const other of otherKeys) expect(randomPermutation(100, other).join()).not.toBe(order);
  });
});
