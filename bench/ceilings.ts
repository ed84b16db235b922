/** The adapter's ceilings: multiply-adds in registers, and bytes copied. */
import type { Gpu } from "../src/gpu/gpu.ts";
import { program } from "../src/gpu/program.ts";
import type { Stream } from "../src/gpu/stream.ts";
import type { Tensor } from "../src/gpu/tensor.ts";
import { type Ceilings, spreadOf } from "./arithmetic.ts";
import { timeInTurns } from "./timing.ts";
import { Workbench } from "./workbench.ts";

/** The flops of `fmaLoop`: see shaders/bench/fma_loop.wgsl. */
export function fmaLoopFlops(threads: number, steps: number): number {
  return 2 * 12 * 16 * 64 * steps * threads;
}

/** y[i] = 24, by many multiply-adds. @param y [threads] @param steps lengthens the loop */
export function fmaLoop(stream: Stream, y: Tensor, steps: number) {
  stream.append({
    program: program(stream.gpu, ["fma_loop"]),
    sizes: { threads: y.size, steps, factor: 0.5, summand: 1 },
    bindings: { y },
    workgroups: Math.ceil(y.size / 64),
    flops: fmaLoopFlops(y.size, steps),
  });
}

/** y = x, both of one size. */
export function copy(stream: Stream, x: Tensor, y: Tensor) {
  if (x.size !== y.size) throw new Error(`copy: ${x} and ${y} need the same number of elements`);
  const quads = Math.ceil(y.size / 4);
  stream.append({
    program: program(stream.gpu, ["copy"]),
    sizes: { quads },
    bindings: { x, y },
    workgroups: Math.ceil(quads / 64),
    cost: 16 * y.size,
  });
}

/** Threads and steps of the loop: some milliseconds each. */
const loops = { software: { threads: 4096, steps: 1 }, hardware: { threads: 2 ** 18, steps: 8 } };
/** Numbers copied: about as many as the cases' tensors have, so that caches help as much; on a GPU more than they hold. */
const copied = { software: 2 ** 20, hardware: 2 ** 26 };

/** Measures both, taking turns. */
export async function measureCeilings(gpu: Gpu, rounds: number): Promise<Ceilings> {
  const kind = gpu.software ? "software" : "hardware";
  const bench = new Workbench(gpu);
  try {
    const { stream } = bench;
    const { threads, steps } = loops[kind];
    const sums = bench.output([threads]);
    const size = Math.min(copied[kind], gpu.limits.bindingBytes / 4);
    const [x, y] = [bench.random([size]), bench.output([size])];
    const [loopMs, copyMs] = await timeInTurns(stream, [
      { label: "fma loop", append: () => fmaLoop(stream, sums, steps), rounds },
      { label: "copy", append: () => copy(stream, x, y), rounds },
    ]);
    const flops = fmaLoopFlops(threads, steps);
    return {
      gflops: spreadOf(loopMs.map((ms) => flops / ms / 1e6)),
      gbps: spreadOf(copyMs.map((ms) => (x.bytes + y.bytes) / ms / 1e6)),
    };
  } finally {
    await bench.dispose();
  }
}
