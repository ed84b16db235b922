import { expect, test } from "vitest";
import { rateFactor, sameRatesUntil } from "../../src/train/learning_rates.ts";

const decay = { lrDecayFrom: 10, lrDecaySteps: 4, lrDecayTo: 0.2 };
const never = { ...decay, lrDecayFrom: 0 };

test("constant, then linear, then constant", () => {
  const steps = [1, 10, 11, 12, 13, 14, 15, 1000];
  const expected = [1, 1, 0.8, 0.6, 0.4, 0.2, 0.2, 0.2];
  for (const [i, step] of steps.entries()) expect(rateFactor(decay, step)).toBeCloseTo(expected[i], 12);
});

test("without a decay the rates are those that were given, to the bit", () => {
  for (const step of [1, 10, 1e9]) expect(rateFactor(never, step)).toBe(1);
});

test("a decay that has not begun makes no difference", () => {
  expect(sameRatesUntil(10, decay, never)).toBe(true);
  expect(sameRatesUntil(10, decay, { ...decay, lrDecayTo: 0.5 })).toBe(true);
  expect(sameRatesUntil(11, decay, never)).toBe(false);
  expect(sameRatesUntil(11, never, decay)).toBe(false);
  expect(sameRatesUntil(11, decay, { ...decay, lrDecaySteps: 5 })).toBe(false);
  expect(sameRatesUntil(99, decay, { ...decay })).toBe(true);
});
