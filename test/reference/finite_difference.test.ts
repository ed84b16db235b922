import { describe, expect, test } from "vitest";
import { dot, expectClose, expectGradient, random } from "./finite_difference.ts";

// The checks that all the others rest on must be able to fail.
describe("finite differences", () => {
  const x = random(5, 1);
  const dy = random(5, 2);
  const cube = (x: Float64Array) => x.map((value) => value ** 3);
  const gradient = x.map((value, i) => 3 * value * value * dy[i]);

  test("accept the right gradient", () => {
    expectGradient(gradient, cube, x, dy);
  });

  test.each([
    ["one element 1% off", gradient.map((value, i) => (i === 3 ? value * 1.01 : value))],
    ["NaN", gradient.map((value, i) => (i === 3 ? Number.NaN : value))],
    ["one element short", gradient.slice(1)],
    ["the sign", gradient.map((value) => -value)],
  ])("refuse a wrong gradient: %s", (_, wrong) => {
    expect(() => expectGradient(wrong, cube, x, dy)).toThrow();
  });

  test("refuse a function that gives NaN or too few numbers", () => {
    expect(() => expectGradient(gradient, (x) => cube(x).fill(Number.NaN), x, dy)).toThrow();
    expect(() => expectGradient(gradient, (x) => cube(x).slice(1), x, dy)).toThrow();
  });

  test("closeness knows NaN, infinity and length", () => {
    expectClose([1, 2], [1, 2]);
    expect(() => expectClose([1, 2], [1, 2.001])).toThrow("element 1 of 2");
    expect(() => expectClose([Number.NaN], [1])).toThrow();
    expect(() => expectClose([Number.POSITIVE_INFINITY], [1])).toThrow();
    expect(() => expectClose([1], [1, 2])).toThrow("expected 2 numbers");
    expect(dot([1, 2], [3])).toBeNaN();
  });
});
