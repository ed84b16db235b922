/** The `Sizes` uniform of each dispatch: a few words with the sizes of its tensors and the range of its workgroups. */
import type { Gpu } from "./gpu.ts";
import { slotWords } from "./interface.ts";

const slotBytes = 4 * slotWords;
const slotsPerPage = 256;

/** Equal sizes share a slot of a uniform buffer, so a training run writes each of them only once. */
export class SizesSlots {
  private readonly slots = new Map<string, GPUBufferBinding>();
  private pages: GPUBuffer[] = [];

  constructor(private readonly gpu: Gpu) {}

  /** @param first, end the workgroups [first, end) @param words the words after them, from `encodeSizes` */
  slot(first: number, end: number, words: Uint32Array): GPUBufferBinding {
    const key = `${first},${end},${words.join()}`;
    const found = this.slots.get(key);
    if (found) return found;
    const index = this.slots.size % slotsPerPage;
    if (index === 0) this.pages.push(this.gpu.createBuffer("sizes", slotsPerPage * slotBytes, 0x40 | 0x8)); // UNIFORM | COPY_DST
    const slot = { buffer: this.pages[this.pages.length - 1], offset: index * slotBytes, size: slotBytes };
    const written = new Uint32Array(slotWords);
    written.set([first, end]);
    written.set(words, 2);
    this.gpu.device.queue.writeBuffer(slot.buffer, slot.offset, written);
    this.slots.set(key, slot);
    return slot;
  }

  dispose(): void {
    for (const page of this.pages) this.gpu.destroyBuffer(page);
    this.pages = [];
    this.slots.clear();
  }
}
