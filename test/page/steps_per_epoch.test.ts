import { expect, test } from "vitest";
import { stepsPerEpoch, tooFewPictures } from "../../src/page/steps_per_epoch.ts";

test("fewer pictures than a batch: says what to do, in the page's words", () => {
  expect(tooFewPictures(16, 16)).toBeNull();
  expect(tooFewPictures(12, 16)).toBe("12 pictures, but a batch is 16: choose a batch of 12, or add pictures");
  expect(tooFewPictures(1, 16)).toMatch(/^1 picture, but/);
  expect(stepsPerEpoch(33, 16)).toBe(2);
  expect(() => stepsPerEpoch(12, 16)).toThrow("choose a batch of 12");
});
