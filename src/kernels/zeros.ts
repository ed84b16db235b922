import type { Gpu } from "../gpu/gpu.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";

const buffers = new WeakMap<Gpu, Tensor>();

/**
 * Zeros to bind, where a layer has no bias or a noise kernel no step counter: one buffer a GPU, at least as long as
 * the longest asked for. Nobody writes it.
 */
export function zeros(stream: Stream, count: number): Tensor {
  let found = buffers.get(stream.gpu);
  if (!found || found.size < count) {
    // A shorter one before may be in dispatches that are not submitted yet, or in recordings, so it stays.
    found = stream.persistent("zeros", [Math.max(4096, 2 ** Math.ceil(Math.log2(count)))]);
    buffers.set(stream.gpu, found);
  }
  return found;
}
