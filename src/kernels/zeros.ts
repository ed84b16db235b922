import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";

/**
 * Zeros to bind where a layer has no bias or a noise kernel has no step counter: one buffer per GPU, at least as long as
 * the longest request so far. It is never written.
 */
export function zeros(stream: Stream, count: number): Tensor {
  const { gpu } = stream;
  if (!gpu.zeros || gpu.zeros.size < count) {
    // The shorter buffer is kept: unsubmitted dispatches and recordings may still use it.
    gpu.zeros = stream.persistent("zeros", [Math.max(4096, 2 ** Math.ceil(Math.log2(count)))]);
  }
  return gpu.zeros;
}
