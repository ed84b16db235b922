/** Tests of kernels by their checks: every shape of the table, every kind of numbers. */
import { describe, expect, test } from "vitest";
import type { Stream } from "../../src/gpu/stream.ts";
import { type Pass, variants } from "../../src/kernels/variants.ts";
import { type Check, type Dims, describeDims } from "../../src/verify/check.ts";
import { checks } from "../../src/verify/checks.ts";
import { Lab, randomNumbers } from "../../src/verify/lab.ts";
import { runCheck } from "../../src/verify/verify.ts";
import { testStream } from "./gpu.ts";

export function checkOf(kernel: string): Check {
  const check = checks.find((candidate) => candidate.kernel === kernel);
  if (!check) throw new Error(`no check of ${kernel}`);
  return check;
}

/**
 * Every miss of a check on these shapes, in words.
 * @param compared if given, convolutions are computed by every variant, and what was compared is added to it
 */
export async function misses(
  stream: Stream,
  check: Check,
  shapes = check.shapes,
  compared?: Set<string>,
): Promise<string[]> {
  const found: string[] = [];
  for (const [i, dims] of shapes.entries()) {
    for (const kind of check.kinds) {
      const { ratio, output, outputs } = await runCheck(stream, check, dims, kind, i + 1, compared !== undefined);
      for (const name of outputs) compared?.add(name);
      if (!(ratio <= 1)) found.push(`${describeDims(dims)}, ${kind}: ${output} is off by ${ratio} × the allowed error`);
    }
  }
  return found;
}

/** The bits that a kernel computes on one shape; if asked, a convolution by every variant. */
async function outputBits(stream: Stream, check: Check, dims: Dims, everyVariant: boolean): Promise<string[]> {
  const lab = new Lab(stream, check.kinds[check.kinds.length - 1], randomNumbers(1), everyVariant);
  try {
    // The words as they are: as floats, unequal whole numbers could become equal.
    return (await check.run(lab, dims)).map(({ actual }) => {
      const { buffer, byteOffset, byteLength } = actual as Float32Array | Uint32Array;
      return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
    });
  } finally {
    await lab.close();
  }
}

/** The shapes of a table that make the most work. */
function largest(check: Check): Dims[] {
  const work = (dims: Dims) => Object.values(dims).reduce((product, value) => product * Math.max(1, value), 1);
  return [...check.shapes].sort((a, b) => work(b) - work(a)).slice(0, 3);
}

/** The bits of a second run, of one cut into single workgroups, and of one on a grid of two dimensions are the first's. */
async function expectSameBits(check: Check): Promise<void> {
  let dispatches = 0;
  let cutDispatches = 0;
  for (const [i, dims] of largest(check).entries()) {
    const everyVariant = i === 0;
    const whole = await testStream();
    const expected = await outputBits(whole, check, dims, everyVariant);
    dispatches += whole.pacing.dispatches;
    expect(await outputBits(whole, check, dims, everyVariant)).toEqual(expected);

    const cut = await testStream();
    cut.pacing.maxDispatchCost = 1;
    expect(await outputBits(cut, check, dims, everyVariant)).toEqual(expected);
    cutDispatches += cut.pacing.dispatches;

    const { limits } = whole.gpu;
    const { workgroupsPerDimension } = limits;
    limits.workgroupsPerDimension = 3;
    try {
      expect(await outputBits(await testStream(), check, dims, everyVariant)).toEqual(expected);
    } finally {
      limits.workgroupsPerDimension = workgroupsPerDimension;
    }
  }
  // Something was cut, but for kernels of one workgroup.
  if (!["sigmoidCrossEntropy", "recordLosses"].includes(check.kernel)) {
    expect(cutDispatches).toBeGreaterThan(dispatches);
  }
}

/** Kernels of one pass against their reference implementations, by every variant of it on every shape that the variant fits. */
export function testVariants(kernels: readonly string[], pass: Pass): void {
  describe(`agrees with its f64 reference in every variant of the ${pass}`, () => {
    test.each(kernels)("%s", async (kernel) => {
      const compared = new Set<string>();
      expect(await misses(await testStream(), checkOf(kernel), undefined, compared)).toEqual([]);
      // A variant that fits none of the shapes was not tested.
      const tested = [...compared].map((output) => /^y by (.*?)( in \d+)?$/.exec(output)?.[1]);
      expect(variants[pass].map(({ name }) => name).filter((name) => !tested.includes(name))).toEqual([]);
    });
  });
}

/** Two tests a kernel, by the variants that the adapter's kind uses. */
export function testKernels(kernels: readonly string[]): void {
  describe("agrees with its f64 reference", () => {
    test.each(kernels)("%s", async (kernel) => {
      expect(await misses(await testStream(), checkOf(kernel))).toEqual([]);
    });
  });
  describe("gives the same bits again, however its work is split", () => {
    test.each(kernels)("%s", (kernel) => expectSameBits(checkOf(kernel)));
  });
}
