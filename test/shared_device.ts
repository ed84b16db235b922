/** One device for all test files of a process, which then compile each shader once. Set up by vitest.config.ts. */
import { vi } from "vitest";
import type { Gpu } from "../src/gpu/gpu.ts";

type Adapter = typeof import("../src/cli/adapter.ts");

let opened: Promise<Gpu> | null = null;

/** `openAdapter` with one device for those who do not ask for an adapter by name. Nobody can destroy it. */
export function withSharedDevice(real: Adapter): Adapter {
  return {
    ...real,
    async openAdapter(choice) {
      if (choice !== "auto" && choice !== "software") return await real.openAdapter(choice);
      opened ??= real.openAdapter(choice).then((gpu) => Object.assign(gpu, { destroy() {} }));
      return await opened;
    },
  };
}

vi.mock("../src/cli/adapter.ts", async (original) => withSharedDevice(await original()));
