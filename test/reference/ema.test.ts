import { expect, test } from "vitest";
import { ema } from "../../src/reference/ema.ts";

test("ema by hand", () => {
  expect([...ema([4, -8], [8, 0], 0.75)]).toEqual([5, -6]);
  expect([...ema([4], [8], 1)]).toEqual([4]);
  expect([...ema([4], [8], 0)]).toEqual([8]);
});
