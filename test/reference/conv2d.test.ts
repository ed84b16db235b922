import { describe, expect, test } from "vitest";
import { conv2d, conv2dFilterGradient, conv2dInputGradient, samePadding } from "../../src/reference/conv2d.ts";
import { columnSum } from "../../src/reference/reduce.ts";
import { CONV_SHAPES, convSizes, describeConvShape } from "./conv_shapes.ts";
import { expectGradient, random } from "./finite_difference.ts";

describe("samePadding", () => {
  test.each([
    // size, kernel, stride, out, before, after
    [128, 5, 2, 64, 1, 2],
    [8, 5, 2, 4, 1, 2],
    [9, 5, 2, 5, 2, 2],
    [7, 5, 2, 4, 2, 2],
    [128, 5, 1, 128, 2, 2],
    [7, 5, 1, 7, 2, 2],
    [4, 3, 2, 2, 0, 1],
    [5, 4, 1, 5, 1, 2],
    [9, 1, 2, 5, 0, 0],
    [9, 1, 3, 3, 0, 0],
    [1, 5, 2, 1, 2, 2],
    [3, 1, 5, 1, 0, 0],
  ])("size %i, kernel %i, stride %i", (size, kernel, stride, out, before, after) => {
    expect(samePadding(size, kernel, stride)).toEqual({ out, before, after });
  });
});

describe("conv2d by hand", () => {
  const one = { N: 1, H: 1, W: 1, C: 1, R: 1, S: 1, K: 1, stride: 1 };
  const oneToNine = [1, 2, 3, 4, 5, 6, 7, 8, 9];

  test("3×3 on 3×3: the filter is not flipped, its centre is on the pixel", () => {
    const y = conv2d(oneToNine, oneToNine, [1000], { ...one, H: 3, W: 3, R: 3, S: 3 });
    expect([...y]).toEqual([1094, 1154, 1106, 1186, 1285, 1186, 1106, 1154, 1094]);
  });

  test("stride 2 on an even width pads after only", () => {
    const y = conv2d([1, 2, 3, 4], [1, 10, 100], null, { ...one, W: 4, S: 3, stride: 2 });
    expect([...y]).toEqual([321, 43]);
  });

  test("stride 2 on an odd width pads on both sides", () => {
    const y = conv2d([1, 2, 3], [1, 10, 100], null, { ...one, W: 3, S: 3, stride: 2 });
    expect([...y]).toEqual([210, 32]);
  });

  test("rows are rows: the same along H", () => {
    const y = conv2d([1, 2, 3, 4], [1, 10, 100], null, { ...one, H: 4, R: 3, stride: 2 });
    expect([...y]).toEqual([321, 43]);
  });

  test("channels: a 1×1 filter is a matrix product", () => {
    const y = conv2d([1, 2, 3, 4], [1, 2, 3, 10, 20, 30], [0.5, 0, 0], { ...one, N: 2, C: 2, K: 3 });
    expect([...y]).toEqual([21.5, 42, 63, 43.5, 86, 129]);
  });

  test("a pixel that no tap reaches has gradient 0", () => {
    const shape = { ...one, W: 4, stride: 2 };
    expect([...conv2dInputGradient([5, 7], [2], shape)]).toEqual([10, 0, 14, 0]);
    expect([...conv2dFilterGradient([1, 2, 3, 4], [5, 7], shape)]).toEqual([26]);
  });
});

describe("conv2d gradients", () => {
  test.each(CONV_SHAPES.map((shape) => ({ shape, name: describeConvShape(shape) })))("$name", ({ shape }) => {
    const size = convSizes(shape);
    const x = random(size.x, 1);
    const weight = random(size.weight, 2);
    const bias = random(shape.K, 3);
    const dy = random(size.y, 4);
    expectGradient(conv2dInputGradient(dy, weight, shape), (x) => conv2d(x, weight, bias, shape), x, dy);
    expectGradient(conv2dFilterGradient(x, dy, shape), (weight) => conv2d(x, weight, bias, shape), weight, dy);
    expectGradient(columnSum(dy, size.y / shape.K, shape.K), (bias) => conv2d(x, weight, bias, shape), bias, dy);
  });

  test("a filter that is rotated or shifted by one tap is detected", () => {
    const shape = { N: 1, H: 5, W: 5, C: 1, R: 3, S: 3, K: 1, stride: 1 };
    const x = random(25, 1);
    const weight = random(9, 2);
    const dy = random(25, 4);
    const turned = conv2dInputGradient(dy, weight.toReversed(), shape);
    const moved = conv2dInputGradient(dy, [...weight.slice(1), weight[0]], shape);
    expect(() => expectGradient(turned, (x) => conv2d(x, weight, null, shape), x, dy)).toThrow();
    expect(() => expectGradient(moved, (x) => conv2d(x, weight, null, shape), x, dy)).toThrow();
  });
});
