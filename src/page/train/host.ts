/** What the worker provides to a session. */
import type { VariantMemory } from "../../train/choose_variants.ts";
import type { WorkerEvent } from "../protocol.ts";
import type { RunStore } from "../store/run_store.ts";
import type { Device } from "./device.ts";
import type { GridView } from "./grid_view.ts";

export interface SessionHost {
  store: RunStore;
  /** Measurements of this machine's GPUs. */
  variants: VariantMemory;
  view: GridView;
  emit(event: WorkerEvent): void;
  /** The device to train on; after a loss a new one. */
  device(): Promise<Device>;
  /** Throws the device away and opens another, waiting a while when there is none. @throws NoGpuError */
  reopen(submitBudget: number): Promise<Device>;
  /** Makes `reopen` give up waiting. */
  endGpuWait(): void;
}
