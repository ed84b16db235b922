/** Runs every kernel against its f64 twin on this machine's adapter. */
import type { Stream } from "../gpu/stream.ts";
import { type Check, type Dims, describeDims, type RandomInt } from "./check.ts";
import { checks as all } from "./checks.ts";
import { Lab, type NumberKind, randomNumbers, worst } from "./lab.ts";

/** What became of one kernel. */
export interface KernelResult {
  readonly kernel: string;
  /** Shapes run; each with every kind of numbers that the kernel is checked on. */
  readonly shapes: number;
  /** The largest error ÷ allowed error; over 1 is a miss, Infinity stands for NaN and for an unequal whole number. */
  readonly worst: number;
  /** What missed, in words; empty when the kernel agrees with its twin. */
  readonly failures: readonly string[];
}

/**
 * The worst error ÷ allowed of one check on one shape, the output that has it, and all that were compared.
 * @throws Error when nothing was compared: such a check could not fail
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
 * Runs checks, by default all and each convolution by every variant, over their tables and over `rounds` random shapes each.
 * @param filter only kernels with this in their names; their shapes are those that a whole run has
 * @param onResult is told each kernel's result when it is done
 * @throws GpuError only when the device is lost: a kernel that does not compile or run is a failure of that kernel
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
    const int: RandomInt = (least, most) => least + Math.floor(next() * (most - least + 1));
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
