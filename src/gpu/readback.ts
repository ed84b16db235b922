/**
 * Reads tensors back through mappable staging buffers, which are pooled by their exact size.
 *
 * Invariants: a staging buffer belongs to one read at a time, and is unmapped while it is in the pool. If a read fails, its
 * buffer is destroyed.
 */
import type { Copy } from "./commands.ts";
import type { Gpu } from "./gpu.ts";
import { paddedBytes, type Tensor } from "./tensor.ts";

const mapRead = 0x1;
const stagingUsage = 0x1 | 0x8; // MAP_READ | COPY_DST

export class Readback {
  private readonly free = new Map<number, GPUBuffer[]>();

  constructor(private readonly gpu: Gpu) {}

  /** The command that copies a tensor into a buffer for `finish` to read. */
  begin(source: Tensor): Copy {
    const bytes = paddedBytes(source.size);
    return { source, staging: this.free.get(bytes)?.pop() ?? this.gpu.createBuffer("readback", bytes, stagingUsage) };
  }

  /**
   * The copied bytes, including the padding.
   * @param submitted resolves when the copy is submitted
   * @throws GpuError that names the tensor, or the loss of the device
   */
  async finish({ source, staging }: Copy, submitted: Promise<void>): Promise<ArrayBuffer> {
    let copy: ArrayBuffer;
    try {
      await submitted;
      await staging.mapAsync(mapRead);
      // If the device is lost at this point, the mapping is gone.
      copy = staging.getMappedRange().slice(0);
      staging.unmap();
    } catch (error) {
      this.gpu.destroyBuffer(staging);
      return await this.gpu.fail(error, `read: ${source}`);
    }
    const { size } = staging;
    const pooled = this.free.get(size);
    if (pooled) pooled.push(staging);
    else this.free.set(size, [staging]);
    return copy;
  }

  dispose(): void {
    for (const buffer of [...this.free.values()].flat()) this.gpu.destroyBuffer(buffer);
    this.free.clear();
  }
}
