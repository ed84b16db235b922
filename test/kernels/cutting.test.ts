import { afterEach, describe, expect, test, vi } from "vitest";
import { conv2dNaive } from "../../src/kernels/naive.ts";
import type { Dims } from "../../src/verify/check.ts";
import { Lab } from "../../src/verify/lab.ts";
import { checkOf, misses } from "./check_table.ts";
import { testStream } from "./gpu.ts";

const { limits } = (await testStream()).gpu;
const real = { ...limits };
afterEach(() => {
  Object.assign(limits, real);
});

describe("tensors larger than a binding are processed in pieces", () => {
  const aligned = { N: 7, H: 4, W: 4, C: 4, R: 3, S: 3, K: 16, stride: 2, plus: 1 };
  // Pictures of 72 and 40 bytes: only every 64th starts where a binding may.
  const ragged = { N: 150, H: 3, W: 2, C: 3, R: 3, S: 3, K: 5, stride: 2, plus: 1 };
  const convolutions = ["conv2d", "conv2dInputGradient", "conv2dFilterGradient", "transposedConv2d"];
  const rowKernels = ["batchNormStatistics", "batchNorm", "batchNormGradient"];
  const groupKernels = ["batchNormLeakyRelu", "batchNormLeakyReluGradient"];
  const cases: [kernel: string, bindingBytes: number, dims: Dims][] = [
    ...convolutions.flatMap((kernel): [string, number, Dims][] => [
      [kernel, 1024 + 12, aligned],
      [kernel, 5000, ragged],
    ]),
    ["dense", 5000, { N: 150, C: 13, K: 11, plus: 1 }],
    ["denseInputGradient", 5000, { N: 150, C: 13, K: 11, plus: 0 }],
    ["denseWeightGradient", 5000, { N: 150, C: 13, K: 11, plus: 1 }],
    // Pieces of 50 rows: a chunk of 32 and one of 18 each, then a last piece of 20.
    ...rowKernels.map((kernel): [string, number, Dims] => [kernel, 50 * 256 + 12, { rows: 170, C: 64, mean: 2 }]),
    ...rowKernels.map((kernel): [string, number, Dims] => [kernel, 64 * 20 + 12, { rows: 300, C: 5, mean: 0 }]),
    // The same pieces of each of two groups, which start where a binding may.
    ...groupKernels.map((kernel): [string, number, Dims] => [
      kernel,
      50 * 256 + 12,
      { rows: 170, C: 64, mean: 2, groups: 2, plus: 1 },
    ]),
    // Pictures of 3,072 bytes, two a piece.
    ...["augment", "augmentGradient"].map((kernel): [string, number, Dims] => [
      kernel,
      2 * 3072 + 12,
      { N: 5, size: 16, row: 1, color: 1, translation: 1, cutout: 1 },
    ]),
    ["columnSum", 50 * 256 + 12, { rows: 170, columns: 64, plus: 1 }],
    ["columnSum", 192 * 12 + 12, { rows: 400, columns: 3, plus: 0 }],
    ...["leakyRelu", "leakyReluGradient", "tanh", "add", "accumulate", "scaleBy", "lerp", "fill", "adam"].map(
      (kernel): [string, number, Dims] => [kernel, 1024 + 12, { size: 1031, steps: 2, t: 1 }],
    ),
  ];

  test.each(cases.map(([kernel, bytes, dims]) => ({ kernel, bytes, dims })))(
    "$kernel, bindings of $bytes bytes",
    async ({ kernel, bytes, dims }) => {
      const check = checkOf(kernel);
      const appended = async () => {
        const stream = await testStream();
        const append = vi.spyOn(stream, "append");
        expect(await misses(stream, check, [dims])).toEqual([]);
        // Not those of the poison.
        return append.mock.calls.filter(([{ program }]) => (program.name === "fill") === (kernel === "fill")).length;
      };
      const whole = await appended();
      limits.bindingBytes = bytes;
      expect(await appended()).toBeGreaterThanOrEqual(whole + check.kinds.length);
    },
  );

  test("an entry that does not fit in a binding is an error that says what to do", async () => {
    limits.bindingBytes = 512;
    await expect(misses(await testStream(), checkOf("conv2d"), [{ ...aligned, K: 64 }])).rejects.toThrow(
      /one entry of .* does not fit this GPU's bindings of 512 bytes: try a smaller --batch, --base or --size/,
    );
  });
});

test("more workgroups than one dimension of the grid holds", async () => {
  const stream = await testStream();
  stream.pacing.maxDispatchCost = Number.POSITIVE_INFINITY;
  const [H, W] = [2049, 2048];
  expect((H * W) / 64).toBeGreaterThan(real.workgroupsPerDimension);
  const lab = new Lab(stream, "integers", Math.random);
  const x = Float32Array.from({ length: H * W }, (_, i) => i % 4093);
  const y = lab.poisoned([1, H, W, 1]);
  const weight = lab.upload([1, 1, 1, 1], [2]);
  conv2dNaive(stream, lab.upload([1, H, W, 1], x), weight, null, y, 1);
  const actual = await stream.read(y);
  await lab.close();
  expect(actual.findIndex((value, i) => value !== 2 * x[i])).toBe(-1);
});
