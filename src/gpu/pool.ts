/**
 * Temporary tensors on pooled buffers. Commands run in the order in which they are appended, so a released buffer can
 * serve the next temporary immediately: the order of `take` and `release` is the memory plan of a step.
 *
 * Invariants: a buffer is either live (exactly one temporary uses it) or free. Only `dispose` destroys buffers, so a
 * recording may keep using them.
 */
import type { Gpu } from "./gpu.ts";
import { elements, paddedBytes, Tensor } from "./tensor.ts";

/** Usage of every tensor's buffer: STORAGE | COPY_SRC | COPY_DST. */
export const tensorUsage = 0x80 | 0x4 | 0x8;

export class TensorPool {
  /** Free buffers by their size in bytes. */
  private readonly free = new Map<number, GPUBuffer[]>();
  private readonly live = new Set<GPUBuffer>();

  constructor(private readonly gpu: Gpu) {}

  /** The number of temporaries that have not been released. */
  get liveCount(): number {
    return this.live.size;
  }

  /** A tensor on the best-fitting free buffer, or on a new one. Its contents are undefined. */
  take(label: string, shape: readonly number[]): Tensor {
    const need = paddedBytes(elements(shape));
    let best = 0;
    for (const [bytes, buffers] of this.free) {
      if (bytes >= need && bytes <= 2 * need && buffers.length > 0 && (best === 0 || bytes < best)) best = bytes;
    }
    const buffer = best > 0 ? this.free.get(best)!.pop()! : this.gpu.createBuffer(label, need, tensorUsage);
    this.live.add(buffer);
    return new Tensor(label, shape, buffer);
  }

  /** Returns a temporary's buffer to the pool. @throws Error when it is not a live temporary */
  release(tensor: Tensor): void {
    if (!this.live.delete(tensor.buffer)) {
      throw new Error(`release: ${tensor} is not a live temporary (released twice, or persistent)`);
    }
    const { size } = tensor.buffer;
    const buffers = this.free.get(size);
    if (buffers) buffers.push(tensor.buffer);
    else this.free.set(size, [tensor.buffer]);
  }

  /** Destroys the free buffers. */
  dispose(): void {
    for (const buffer of [...this.free.values()].flat()) this.gpu.destroyBuffer(buffer);
    this.free.clear();
  }
}
