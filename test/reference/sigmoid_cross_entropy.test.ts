import { describe, expect, test } from "vitest";
import { sigmoidCrossEntropy, sigmoidCrossEntropyGradient } from "../../src/reference/sigmoid_cross_entropy.ts";
import { expectClose, expectGradient, random } from "./finite_difference.ts";

describe("sigmoidCrossEntropy", () => {
  test.each([
    // logit, target, loss, gradient
    [0, 1, Math.LN2, -0.5],
    [0, 0, Math.LN2, 0.5],
    [Math.log(3), 1, -Math.log(0.75), -0.25],
    [Math.log(3), 0, -Math.log(0.25), 0.75],
    [100, 0, 100, 1],
    [100, 1, Math.exp(-100), 0],
    [100, 0.9, 10, 0.1],
    [-100, 1, 100, -1],
    [-100, 0, Math.exp(-100), Math.exp(-100)],
    [-100, 0.9, 90, -0.9],
    [1000, 0, 1000, 1],
    [-1000, 1, 1000, -1],
  ])("logit %d, target %d", (logit, target, loss, gradient) => {
    expectClose([sigmoidCrossEntropy([logit], target)], [loss], { atol: 1e-60 });
    expectClose(sigmoidCrossEntropyGradient([logit], target), [gradient], { atol: logit > 0 ? 1e-15 : 1e-60 });
  });

  test("is the mean", () => {
    expectClose([sigmoidCrossEntropy([0, 100], 0)], [(Math.LN2 + 100) / 2]);
    expectClose(sigmoidCrossEntropyGradient([0, 100], 0), [0.25, 0.5]);
  });

  test.each([0, 0.9, 1])("gradient, target %d", (target) => {
    const x = Float64Array.of(...random(9, 1).map((value) => 5 * value), 100, -100);
    const dy = random(1, 2);
    expect(dy[0]).not.toBe(0);
    expectGradient(
      sigmoidCrossEntropyGradient(x, target).map((value) => value * dy[0]),
      (x) => [sigmoidCrossEntropy(x, target)],
      x,
      dy,
    );
  });
});
