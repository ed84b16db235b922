/** What a session needs around it, in Node: a store in memory, a device that is kept, events that are written down. */
import { vi } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import type { NewRun, WorkerEvent } from "../../src/page/protocol.ts";
import { RunStore } from "../../src/page/store/run_store.ts";
import { variantMemory } from "../../src/page/store/variant_memory.ts";
import type { Device } from "../../src/page/train/device.ts";
import type { GridView } from "../../src/page/train/grid_view.ts";
import type { SessionHost } from "../../src/page/train/host.ts";
import { openDevice } from "../kernels/gpu.ts";
import { smallConfig } from "../train/small_run.ts";
import { MemoryFolder } from "./memory_folder.ts";

export const newRun: NewRun = {
  name: "Mine",
  config: { ...smallConfig, steps: 6, sampleEvery: 3 },
  photographs: { pictures: paintCats(16, 13, 5), label: "cats.zip", fit: "crop" },
};

/** What a worker has and Node has not, as far as grids are made into files. @returns what undoes it, for `beforeAll` */
export function stubCanvas(): () => void {
  vi.stubGlobal(
    "OffscreenCanvas",
    class {
      getContext = () => ({ putImageData() {} });
      convertToBlob = async () =>
        new Blob([Uint8Array.of(0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82)], { type: "image/png" });
    },
  );
  vi.stubGlobal("ImageData", class {});
  return () => vi.unstubAllGlobals();
}

/** From one world of a test file to the next: compiling takes long. */
let device: Device | null = null;

export class World {
  readonly events: WorkerEvent[] = [];
  /** What `folder` is at the moment: site data that are cleared leave a new one. */
  folder = new MemoryFolder();
  readonly store = new RunStore(async () => this.folder);
  readonly view = { use: vi.fn(), draw: vi.fn(async () => {}), readBack: vi.fn(async () => {}) };
  /** Devices that were opened. */
  opened = 0;
  readonly host: SessionHost = {
    store: this.store,
    variants: variantMemory(async () => this.folder),
    view: this.view as unknown as GridView,
    emit: (event) => this.events.push(event),
    device: async () => device ?? (await this.host.reopen(100)),
    reopen: async (submitBudget) => {
      device?.gpu.destroy();
      this.opened++;
      device = { gpu: await openDevice(), submitBudget };
      return device;
    },
    endGpuWait: vi.fn(),
  };

  get device(): Device {
    return device!;
  }

  of<Type extends WorkerEvent["type"]>(type: Type): (WorkerEvent & { type: Type })[] {
    return this.events.filter((event): event is WorkerEvent & { type: Type } => event.type === type);
  }
}
