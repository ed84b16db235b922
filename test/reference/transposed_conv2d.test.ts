import { describe, expect, test } from "vitest";
import { conv2d, conv2dFilterGradient, conv2dInputGradient } from "../../src/reference/conv2d.ts";
import { columnSum } from "../../src/reference/reduce.ts";
import {
  transposedConv2d,
  transposedConv2dFilterGradient,
  transposedConv2dInputGradient,
} from "../../src/reference/transposed_conv2d.ts";
import { CONV_SHAPES, convSizes, describeConvShape } from "./conv_shapes.ts";
import { dot, expectClose, expectGradient, random } from "./finite_difference.ts";

describe("transposedConv2d by hand", () => {
  const one = { N: 1, H: 1, W: 1, C: 1, R: 1, S: 1, K: 1, stride: 1 };

  test("stride 2 to an even width: what falls off the end is dropped", () => {
    const y = transposedConv2d([1, 2], [1, 10, 100], [0.5], { ...one, W: 4, S: 3, stride: 2 });
    expect([...y]).toEqual([1.5, 10.5, 102.5, 20.5]);
  });

  test("stride 2 to an odd width: one tap falls off at each end", () => {
    const y = transposedConv2d([1, 2], [1, 10, 100], null, { ...one, W: 3, S: 3, stride: 2 });
    expect([...y]).toEqual([10, 102, 20]);
  });

  test("rows are rows: the same along H", () => {
    const y = transposedConv2d([1, 2], [1, 10, 100], null, { ...one, H: 4, R: 3, stride: 2 });
    expect([...y]).toEqual([1, 10, 102, 20]);
  });

  test("channels: K go in, C come out, weight [C,K]", () => {
    const y = transposedConv2d([1, 2, 3], [1, 10, 100, 2, 20, 200], [0.5, 0], { ...one, C: 2, K: 3 });
    expect([...y]).toEqual([321.5, 642]);
  });

  test("a filter below the stride leaves the bias between its copies", () => {
    const y = transposedConv2d([1, 2], [10], [3], { ...one, W: 4, stride: 2 });
    expect([...y]).toEqual([13, 3, 23, 3]);
  });
});

describe.each(CONV_SHAPES.map((shape) => ({ shape, name: describeConvShape(shape) })))(
  "transposedConv2d, transposing $name",
  ({ shape }) => {
    const size = convSizes(shape);
    const x = random(size.y, 1);
    const weight = random(size.weight, 2);
    const bias = random(shape.C, 3);
    const dy = random(size.x, 4);

    test("gradients", () => {
      const { C } = shape;
      expectGradient(
        transposedConv2dInputGradient(dy, weight, shape),
        (x) => transposedConv2d(x, weight, bias, shape),
        x,
        dy,
      );
      expectGradient(
        transposedConv2dFilterGradient(x, dy, shape),
        (weight) => transposedConv2d(x, weight, bias, shape),
        weight,
        dy,
      );
      expectGradient(columnSum(dy, size.x / C, C), (bias) => transposedConv2d(x, weight, bias, shape), bias, dy);
    });

    test("is the adjoint of conv2d: ⟨conv(a), b⟩ = ⟨a, transposed(b)⟩", () => {
      const left = dot(conv2d(dy, weight, null, shape), x);
      const right = dot(dy, transposedConv2d(x, weight, null, shape));
      expectClose([right], [left]);
    });

    test("its three passes are conv2d's, with the roles swapped", () => {
      expectClose(transposedConv2d(x, weight, null, shape), conv2dInputGradient(x, weight, shape));
      expectClose(transposedConv2dInputGradient(dy, weight, shape), conv2d(dy, weight, null, shape));
      expectClose(transposedConv2dFilterGradient(x, dy, shape), conv2dFilterGradient(dy, x, shape));
    });
  },
);
