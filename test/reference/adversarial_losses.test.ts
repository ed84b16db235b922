import { describe, expect, test } from "vitest";
import { hingeLoss, hingeLossGradient } from "../../src/reference/hinge_loss.ts";
import { relativisticLoss, relativisticLossGradient } from "../../src/reference/relativistic_loss.ts";
import { expectClose, expectGradient, random } from "./finite_difference.ts";

describe("hingeLoss", () => {
  test.each([
    // logit, sign, bounded, loss, gradient
    [0, 1, true, 1, -1],
    [0.5, 1, true, 0.5, -1],
    [1, 1, true, 0, 0],
    [2, 1, true, 0, 0],
    [-3, 1, true, 4, -1],
    [-3, -1, true, 0, 0],
    [3, -1, true, 4, 1],
    [3, 1, false, -3, -1],
    [-3, 1, false, 3, -1],
  ])("logit %d, sign %d, bounded %s", (logit, sign, bounded, loss, gradient) => {
    expectClose([hingeLoss([logit], sign, bounded)], [loss]);
    expectClose(hingeLossGradient([logit], sign, bounded), [gradient]);
  });

  test.each([
    [1, true],
    [-1, true],
    [1, false],
  ])("gradient, sign %d, bounded %s", (sign, bounded) => {
    const x = random(9, 1).map((value) => 3 * value);
    const dy = random(1, 2);
    expectGradient(
      hingeLossGradient(x, sign, bounded).map((value) => value * dy[0]),
      (x) => [hingeLoss(x, sign, bounded)],
      x,
      dy,
    );
  });
});

describe("relativisticLoss", () => {
  test.each([
    // logit, opposite, sign, loss, gradient
    [2, 2, 1, Math.LN2, -0.5],
    [2, 2, -1, Math.LN2, 0.5],
    [Math.log(3) + 5, 5, 1, -Math.log(0.75), -0.25],
    [5, Math.log(3) + 5, 1, -Math.log(0.25), -0.75],
    [5, Math.log(3) + 5, -1, -Math.log(0.75), 0.25],
    [1000, 0, 1, 0, 0],
    [-1000, 0, 1, 1000, -1],
    [0, -100, -1, 100, 1],
  ])("logit %d, opposite %d, sign %d", (logit, opposite, sign, loss, gradient) => {
    expectClose([relativisticLoss([logit], [opposite], sign)], [loss]);
    expectClose(relativisticLossGradient([logit], [opposite], sign), [gradient]);
  });

  test("a pair's loss is the same from both sides", () => {
    const [a, b] = [random(5, 1), random(5, 2)];
    expect(relativisticLoss(a, b, 1)).toBeCloseTo(relativisticLoss(b, a, -1), 14);
  });

  test.each([1, -1])("gradient, sign %d", (sign) => {
    const x = Float64Array.of(...random(9, 1).map((value) => 5 * value), 100, -100);
    const opposite = random(11, 3);
    const dy = random(1, 2);
    expectGradient(
      relativisticLossGradient(x, opposite, sign).map((value) => value * dy[0]),
      (x) => [relativisticLoss(x, opposite, sign)],
      x,
      dy,
    );
  });
});
