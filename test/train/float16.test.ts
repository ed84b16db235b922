import { expect, test } from "vitest";
import { fromHalf, toHalf } from "../../src/train/float16.ts";
import { randomNumbers } from "../../src/verify/lab.ts";

/** Every half but infinities and NaN, in order: −65504 … −0, 0 … 65504. */
const finite = Array.from({ length: 2 * 0x7c00 }, (_, i) => (i < 0x7c00 ? 0xfbff - i : i - 0x7c00));
const values = finite.map(fromHalf);

test("known halves", () => {
  const known: [bits: number, value: number][] = [
    [0x0000, 0],
    [0x8000, -0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3c00, 1],
    [0x3555, 0.333251953125],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e00, Number.NaN],
  ];
  for (const [bits, value] of known) {
    expect(fromHalf(bits)).toBe(value);
    expect(toHalf(value)).toBe(bits);
  }
  expect(fromHalf(0x7c01)).toBeNaN();
});

test("every half comes back, in order, and what lies between two goes to the nearer or the even one", () => {
  const wrong = finite.flatMap((bits, i) => {
    const value = values[i];
    if (toHalf(value) !== bits) return [`${value} → ${toHalf(value)}`];
    if (i === 0 || value === 0) return [];
    const middle = (values[i - 1] + value) / 2;
    const even = bits % 2 === 0 ? bits : finite[i - 1];
    // The f32 beside the middle.
    const nudge = Math.abs(middle) * 2 ** -22;
    const rounded = [toHalf(middle - nudge), toHalf(middle), toHalf(middle + nudge)];
    const expected = [finite[i - 1], even, bits];
    return value > values[i - 1] && rounded.join() === expected.join() ? [] : [`${middle} → ${rounded}`];
  });
  expect(wrong).toEqual([]);
});

test("the ends of the range, and random f32", () => {
  expect(toHalf(65519.99609375)).toBe(0x7bff);
  expect(toHalf(65520)).toBe(0x7c00);
  expect(toHalf(-1e30)).toBe(0xfc00);
  expect(toHalf(2 ** -25)).toBe(0);
  expect(toHalf(-(2 ** -25) * 1.001)).toBe(0x8001);
  expect(toHalf(1e-40)).toBe(0);
  const random = randomNumbers(5);
  for (let i = 0; i < 10_000; i++) {
    const value = Math.fround((2 * random() - 1) * 2 ** Math.floor(random() * 45 - 30));
    const error = Math.abs(fromHalf(toHalf(value)) - value);
    const allowed = Math.max(2 ** -11 * Math.abs(value), 2 ** -25);
    if (!(error <= allowed || Math.abs(value) >= 65520)) expect.fail(`${value} → ${fromHalf(toHalf(value))}`);
  }
});
