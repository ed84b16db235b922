import { describe, expect, test } from "vitest";
import { dense, denseInputGradient, denseWeightGradient } from "../../src/reference/dense.ts";
import { columnSum } from "../../src/reference/reduce.ts";
import { expectGradient, random } from "./finite_difference.ts";

describe("dense", () => {
  test("by hand", () => {
    const dims = { N: 2, C: 2, K: 3 };
    const weight = [1, 2, 3, 10, 20, 30];
    expect([...dense([1, 2, 3, 4], weight, [0.5, 0, 0], dims)]).toEqual([21.5, 42, 63, 43.5, 86, 129]);
    expect([...dense([1, 2, 3, 4], weight, null, dims)]).toEqual([21, 42, 63, 43, 86, 129]);
  });

  test.each([
    { N: 1, C: 1, K: 1 },
    { N: 3, C: 7, K: 5 },
    { N: 4, C: 9, K: 1 },
    { N: 1, C: 2, K: 11 },
  ])("gradients, x [$N,$C] weight [$C,$K]", (dims) => {
    const { N, C, K } = dims;
    const x = random(N * C, 1);
    const weight = random(C * K, 2);
    const bias = random(K, 3);
    const dy = random(N * K, 4);
    expectGradient(denseInputGradient(dy, weight, dims), (x) => dense(x, weight, bias, dims), x, dy);
    expectGradient(denseWeightGradient(x, dy, dims), (weight) => dense(x, weight, bias, dims), weight, dy);
    expectGradient(columnSum(dy, N, K), (bias) => dense(x, weight, bias, dims), bias, dy);
  });
});
