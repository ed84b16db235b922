import { expect, test } from "vitest";
import { adam } from "../../src/reference/adam.ts";
import { expectClose } from "./finite_difference.ts";

test("adam: two steps by hand, epsilon in TensorFlow 1's place", () => {
  // With these numbers lr_1 = 0.1·sqrt(1/4)/(1/2) = 0.1 and lr_2 = 0.1·sqrt(7/16)/(3/4) = 0.1·sqrt(7)/3. An epsilon of 1
  // shows where it is added: PyTorch's form would make the first step 0.1·2/(2 + 1) instead of 0.1·1/(1 + 1).
  const options = { lr: 0.1, beta1: 0.5, beta2: 0.75, epsilon: 1 };
  const start = { parameter: Float64Array.of(1, -2, 0.5), m: new Float64Array(3), v: new Float64Array(3) };

  const first = adam(start, [2, 0, -2], { ...options, t: 1 });
  expectClose(first.m, [1, 0, -1]);
  expectClose(first.v, [1, 0, 1]);
  expectClose(first.parameter, [0.95, -2, 0.55]);

  const second = adam(first, [1, 2, 1], { ...options, t: 2 });
  expectClose(second.m, [1, 1, 0]);
  expectClose(second.v, [1, 1, 1]);
  expectClose(second.parameter, [0.95 - Math.sqrt(7) / 60, -2 - Math.sqrt(7) / 60, 0.55]);

  expect(start).toEqual({ parameter: Float64Array.of(1, -2, 0.5), m: new Float64Array(3), v: new Float64Array(3) });
});

test("adam: the first step is lr, whatever the size of the gradient", () => {
  const start = { parameter: new Float64Array(2), m: new Float64Array(2), v: new Float64Array(2) };
  const { parameter } = adam(start, [1000, -0.1], { t: 1, lr: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 1e-8 });
  expectClose(parameter, [-2e-4, 2e-4], { rtol: 1e-5 });
});
