/** Which kernels were measured to be the fastest on this machine's GPUs, beside the runs. */
import type { VariantMemory } from "../../train/choose_variants.ts";
import type { Folder } from "./folder.ts";

const name = "variants.json";

/** One file: where it is torn, it counts as none, and is measured again. */
export function variantMemory(folder: Folder): VariantMemory {
  return {
    async read() {
      const bytes = await folder.read(name);
      return bytes && new TextDecoder().decode(bytes);
    },
    write: (text) => folder.write(name, new TextEncoder().encode(text)),
  };
}
