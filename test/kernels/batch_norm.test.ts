import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/gpu/tensor.ts";
import * as kernel from "../../src/kernels/batch_norm.ts";
import { leakyRelu, leakyReluGradient } from "../../src/kernels/elementwise.ts";
import { Lab, randomNumbers } from "../../src/verify/lab.ts";
import { testKernels } from "./check_table.ts";
import { testStream } from "./gpu.ts";

testKernels([
  "batchNormStatistics",
  "batchNorm",
  "batchNormRunning",
  "batchNormInference",
  "batchNormGradient",
  "batchNormLeakyRelu",
  "batchNormLeakyReluGradient",
]);

/** Kernels that round at other places than those they stand for. */
async function expectNear(lab: Lab, actual: Tensor, expected: Tensor) {
  const [got, wanted] = [await lab.stream.read(actual), await lab.stream.read(expected)];
  const largest = Math.max(...wanted.map(Math.abs));
  expect(largest).toBeGreaterThan(0.01);
  for (let i = 0; i < wanted.length; i++) {
    if (!(Math.abs(got[i] - wanted[i]) <= 1e-5 * Math.max(1, largest))) {
      expect.fail(`${expected}, element ${i}: ${got[i]}, the plain kernels have ${wanted[i]}`);
    }
  }
}

describe.each([1, 2])("fused with leaky ReLU, %i groups: what the plain kernels compute for each group", (groups) => {
  // Groups start where a binding may.
  const [rows, C] = [200, 16];
  const constants = { epsilon: 1e-5, slope: 0.2 };

  test("forward and back", async () => {
    const lab = new Lab(await testStream(), "reals", randomNumbers(3));
    const { stream } = lab;
    const upload = (...shape: number[]) => lab.upload(shape, lab.numbers(shape.reduce((a, b) => a * b)));
    const [x, dy] = [upload(groups * rows, C), upload(groups * rows, C)];
    const [gamma, beta] = [upload(C), upload(C)];
    const start = lab.numbers(3 * C);
    const averages = lab.upload([3, C], start);
    const [y, dx] = [lab.poisoned([groups * rows, C]), lab.poisoned([groups * rows, C])];
    const applied = lab.poisoned([groups, 4, C]);
    const [dgamma, dbeta] = [lab.poisoned([C]), lab.upload([C], new Float32Array(C).fill(2))];
    kernel.batchNormLeakyRelu(stream, x, gamma, beta, y, applied, {
      ...constants,
      running: { averages, momentum: 0.9 },
    });
    kernel.batchNormLeakyReluGradient(stream, dy, x, applied, dx, {
      slope: constants.slope,
      dgamma: { tensor: dgamma, accumulate: false },
      dbeta: { tensor: dbeta, accumulate: true },
    });

    const parameterGradients = new Float32Array(2 * C).fill(2, C);
    for (let group = 0; group < groups; group++) {
      const half = (tensor: Tensor) => tensor.slice(group * rows, (group + 1) * rows);
      const moments = lab.poisoned([3, C]);
      const [normalised, plain, masked, plainDx] = [1, 2, 3, 4].map(() => lab.poisoned([rows, C]));
      const sums = lab.poisoned([2, C]);
      kernel.batchNormStatistics(stream, half(x), moments, constants.epsilon);
      kernel.batchNorm(stream, half(x), moments, gamma, beta, normalised);
      leakyRelu(stream, normalised, plain, constants.slope);
      leakyReluGradient(stream, dy.slice(group * rows, (group + 1) * rows), plain, masked, constants.slope);
      kernel.batchNormGradient(stream, masked, half(x), moments, gamma, sums, plainDx);
      await expectNear(lab, half(y), plain);
      await expectNear(lab, half(dx), plainDx);
      (await stream.read(sums)).forEach((value, i) => {
        parameterGradients[i] += value;
      });
      if (group > 0) continue;
      const running = lab.upload([3, C], start);
      kernel.batchNormRunning(stream, moments, running, 0.9);
      await expectNear(lab, averages, running);
    }
    await expectNear(lab, dgamma, lab.upload([C], parameterGradients.subarray(0, C)));
    await expectNear(lab, dbeta, lab.upload([C], parameterGradients.subarray(C)));
    await lab.close();
  });

  test("without averages to update or parameter gradients: the same y and dx, to the bit", async () => {
    const lab = new Lab(await testStream(), "reals", randomNumbers(4));
    const { stream } = lab;
    const upload = (...shape: number[]) => lab.upload(shape, lab.numbers(shape.reduce((a, b) => a * b)));
    const [x, dy] = [upload(groups * rows, C), upload(groups * rows, C)];
    const [gamma, beta, averages] = [upload(C), upload(C), upload(3, C)];
    const run = async (asked: boolean) => {
      const [y, dx] = [lab.poisoned([groups * rows, C]), lab.poisoned([groups * rows, C])];
      const applied = lab.poisoned([groups, 4, C]);
      const running = asked ? { averages, momentum: 0.9 } : undefined;
      const destination = () => (asked ? { tensor: lab.poisoned([C]), accumulate: false } : null);
      kernel.batchNormLeakyRelu(stream, x, gamma, beta, y, applied, { ...constants, running });
      const gradients = { slope: constants.slope, dgamma: destination(), dbeta: destination() };
      kernel.batchNormLeakyReluGradient(stream, dy, x, applied, dx, gradients);
      return [...(await stream.read(y)), ...(await stream.read(dx))];
    };
    expect(await run(false)).toEqual(await run(true));
    expect(stream.liveTemporaries).toBe(0);
    await lab.close();
  });
});
