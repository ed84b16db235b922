/** Which kernels were measured to be the fastest on this machine's GPUs, stored next to the runs. */
import type { VariantMemory } from "../../train/choose_variants.ts";
import type { Folder } from "./folder.ts";

const name = "variants.json";

/**
 * One file: if it is torn, the kernels are measured again.
 * @param openRoot opens the folder each time it is needed, since the browser may delete and recreate it
 */
export function variantMemory(openRoot: () => Promise<Folder>): VariantMemory {
  return {
    async read() {
      const bytes = await (await openRoot()).read(name);
      return bytes && new TextDecoder().decode(bytes);
    },
    write: async (text) => (await openRoot()).write(name, new TextEncoder().encode(text)),
  };
}
