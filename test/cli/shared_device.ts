/** One device for all the commands of a test file, which then compile nothing anew. */
import type { Gpu } from "../../src/gpu/gpu.ts";

type Adapter = typeof import("../../src/cli/adapter.ts");

/** For `vi.mock` of src/cli/adapter.ts. A name that somebody asks for is looked for as always. */
export function withSharedDevice(real: Adapter): Adapter {
  let opened: Promise<Gpu> | null = null;
  return {
    ...real,
    async openAdapter(choice) {
      if (choice !== "auto" && choice !== "software") return await real.openAdapter(choice);
      opened ??= real.openAdapter(choice).then((gpu) => Object.assign(gpu, { destroy() {} }));
      return await opened;
    },
  };
}
