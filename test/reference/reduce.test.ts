import { expect, test } from "vitest";
import { columnSum, sum, sumOfSquares } from "../../src/reference/reduce.ts";

test("sums by hand", () => {
  const x = [1, -2, 3, 40, 50, 60];
  expect([...columnSum(x, 2, 3)]).toEqual([41, 48, 63]);
  expect([...columnSum(x, 3, 2)]).toEqual([54, 98]);
  expect([...columnSum(x, 1, 6)]).toEqual(x);
  expect(sum(x)).toBe(152);
  expect(sumOfSquares(x)).toBe(14 + 1600 + 2500 + 3600);
  expect([sum([]), sumOfSquares([])]).toEqual([0, 0]);
});
