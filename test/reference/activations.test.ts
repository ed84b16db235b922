import { describe, expect, test } from "vitest";
import {
  leakyRelu,
  leakyReluGradient,
  sigmoid,
  sigmoidGradient,
  tanh,
  tanhGradient,
} from "../../src/reference/activations.ts";
import { expectClose, expectGradient, random } from "./finite_difference.ts";

// At least 0.1 away from 0, where leaky ReLU has no derivative.
const x = random(31, 1).map((value) => value * 3 + Math.sign(value) / 10);
const dy = random(31, 2);

describe("leakyRelu", () => {
  test("by hand", () => {
    expect([...leakyRelu([2, -2, 0], 0.25)]).toEqual([2, -0.5, 0]);
    expect([...leakyRelu([2, -2, 0], 0)]).toEqual([2, -0, 0]);
  });

  test("at exactly 0 the gradient takes the slope", () => {
    expect([...leakyReluGradient([8, 8, 8, 8], [2, -0.5, 0, -0], 0.25)]).toEqual([8, 2, 2, 2]);
  });

  test.each([0.2, 0])("gradient, slope %d", (slope) => {
    expectGradient(leakyReluGradient(dy, leakyRelu(x, slope), slope), (x) => leakyRelu(x, slope), x, dy);
  });
});

describe("tanh", () => {
  test("values and gradient", () => {
    expectClose(tanh([0, Math.log(2), -Math.log(2), 100, -100]), [0, 0.6, -0.6, 1, -1]);
    expectGradient(tanhGradient(dy, tanh(x)), tanh, x, dy);
  });
});

describe("sigmoid", () => {
  test("values and gradient", () => {
    expectClose(sigmoid([0, Math.log(3), -Math.log(3)]), [0.5, 0.75, 0.25]);
    expectGradient(sigmoidGradient(dy, sigmoid(x)), sigmoid, x, dy);
  });

  test("neither end overflows, the lower one keeps its digits", () => {
    expectClose(sigmoid([-100, 100, -1000, 1000]), [Math.exp(-100), 1, 0, 1], { atol: 0 });
  });
});
