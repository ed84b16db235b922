/** Compares every kernel with its f64 reference implementation on this machine's adapter. */
import type { Stream } from "../gpu/stream.ts";
import { type Check, type Dims, describeDims, type RandomInt } from "./check.ts";
import { checks as all } from "./checks.ts";
import { Lab, type NumberKind, randomNumbers, worst } from "./lab.ts";

/** The result for one kernel. */
export interface KernelResult {
  readonly kernel: string;
  /** The number of shapes, each run with every kind of numbers that the kernel is checked on. */
  readonly shapes: number;
  /** The largest error ÷ allowed error; over 1 is a failure. Infinity for NaN, an unequal integer, or an exception. */
  readonly worst: number;
  /** Descriptions of the failures; empty if the kernel agrees with its reference implementation. */
  readonly failures: readonly string[];
}

/**
 * Runs one check on one shape. @returns the largest error ÷ allowed error, its output, and all outputs compared
 * @throws Error when nothing was compared, since such a check could not fail
 */
export async function runCheck(
  stream: Stream,
  check: Check,
  dims: Dims,
  kind: NumberKind,
  seed: number,
  everyVariant = false,
): Promise<{ ratio: number; output: string; outputs: string[] }> {
  const lab = new Lab(stream, kind, randomNumbers(seed), everyVariant);
  try {
    const result = { ratio: 0, output: "", outputs: [] as string[] };
    for (const comparison of await check.run(lab, dims)) {
      if (comparison.expected.length === 0) throw new Error(`${comparison.output}: no number was compared`);
      const ratio = worst(comparison);
      result.outputs.push(comparison.output);
      if (!(ratio <= result.ratio)) Object.assign(result, { ratio, output: comparison.output });
    }
    if (result.outputs.length === 0) throw new Error("nothing was compared");
    return result;
  } finally {
    await lab.close();
  }
}

/**
 * Runs checks on the shapes of their tables and on `rounds` random shapes each, convolutions by every variant.
 * @param checks default: all
 * @param filter runs only kernels whose names contain it, on the same shapes as in a full run
 * @param onResult called with each kernel's result
 * @throws GpuError only when the device is lost; a kernel that does not compile or run counts as a failure
 */
export async function verify(
  stream: Stream,
  {
    seed,
    rounds,
    checks = all,
    filter = "",
  }: { seed: number; rounds: number; checks?: readonly Check[]; filter?: string },
  onResult: (result: KernelResult) => void = () => {},
): Promise<KernelResult[]> {
  const results: KernelResult[] = [];
  for (const [position, check] of checks.entries()) {
    if (!check.kernel.toLowerCase().includes(filter.toLowerCase())) continue;
    const next = randomNumbers(seed + 7919 * position);
    const int: RandomInt = (min, max) => min + Math.floor(next() * (max - min + 1));
    const shapes = [...check.shapes, ...Array.from({ length: rounds }, () => check.random(int))];
    const failures: string[] = [];
    let largest = 0;
    for (const dims of shapes) {
      for (const kind of check.kinds) {
        const where = `${describeDims(dims)}, ${kind}`;
        try {
          const { ratio, output } = await runCheck(stream, check, dims, kind, int(0, 2 ** 31), true);
          largest = Math.max(largest, ratio);
          if (!(ratio <= 1)) failures.push(`${where}: ${output} is off by ${ratio.toPrecision(3)} × the allowed error`);
        } catch (error) {
          stream.gpu.checkAlive();
          largest = Number.POSITIVE_INFINITY;
          failures.push(`${where}: ${(error as Error).message}`);
        }
      }
    }
    const result = { kernel: check.kernel, shapes: shapes.length, worst: largest, failures };
    results.push(result);
    onResult(result);
  }
  return results;
}
