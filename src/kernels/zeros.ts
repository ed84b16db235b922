import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";

/**
 * Zeros to bind, where a layer has no bias or a noise kernel no step counter: one buffer per GPU, at least as long as
 * the longest asked for. Nobody writes it.
 */
export function zeros(stream: Stream, count: number): Tensor {
  const { gpu } = stream;
  if (!gpu.zeros || gpu.zeros.size < count) {
    // A shorter one before may be in dispatches that are not submitted yet, or in recordings, so it stays.
    gpu.zeros = stream.persistent("zeros", [Math.max(4096, 2 ** Math.ceil(Math.log2(count)))]);
  }
  return gpu.zeros;
}
