/** The `Sizes` uniform of every dispatch: a few words that say how large its tensors are and which tiles it does. */
import type { Gpu } from "./gpu.ts";

const slotBytes = 256;
const slotsPerPage = 256;
/** Words after the range of tiles. */
const mostSizes = 60;

const words = new Uint32Array(slotBytes / 4);
const floats = new Float32Array(words.buffer);

/** The bits of a float, to stand in `Work.sizes`. */
export function f32Bits(value: number): number {
  floats[0] = value;
  return words[0];
}

/** Equal sizes share one slot of one uniform buffer, so that a training run writes each of them once. */
export class SizesSlots {
  private readonly slots = new Map<string, GPUBufferBinding>();
  private pages: GPUBuffer[] = [];

  constructor(private readonly gpu: Gpu) {}

  /** @param name the kernel's @param first, end the tiles [first, end) @param sizes the words after these two */
  slot(name: string, first: number, end: number, sizes: readonly number[]): GPUBufferBinding {
    const key = `${first},${end},${sizes.join()}`;
    const found = this.slots.get(key);
    if (found) return found;
    if (sizes.length > mostSizes) {
      throw new Error(`${name}: sizes has ${sizes.length} words, at most ${mostSizes} fit`);
    }
    const index = this.slots.size % slotsPerPage;
    if (index === 0) this.pages.push(this.gpu.createBuffer("sizes", slotsPerPage * slotBytes, 0x40 | 0x8)); // UNIFORM | COPY_DST
    const slot = { buffer: this.pages[this.pages.length - 1], offset: index * slotBytes, size: slotBytes };
    words.fill(0);
    words[0] = first;
    words[1] = end;
    words.set(sizes, 2);
    this.gpu.device.queue.writeBuffer(slot.buffer, slot.offset, words);
    this.slots.set(key, slot);
    return slot;
  }

  dispose(): void {
    for (const page of this.pages) this.gpu.destroyBuffer(page);
    this.pages = [];
    this.slots.clear();
  }
}
