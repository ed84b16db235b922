/** The worker's GPU device: opened when it is needed, opened again after a loss, described and measured. */
import type { WorkerEvent } from "../protocol.ts";
import { type Device, describe, measure, NoGpuError, openDevice } from "./device.ts";
import { GpuWait } from "./gpu_wait.ts";

export class GpuHolder {
  readonly wait: GpuWait;
  private device: Device | null = null;
  private lost = false;
  private measuring: { controller: AbortController; done: Promise<void> } | null = null;

  constructor(
    private readonly options: {
      /** Sends an event to this tab. */
      post(event: WorkerEvent): void;
      /** Also to tabs that watch. */
      emit(event: WorkerEvent): void;
      /** Watching for the device's loss has failed. */
      onWatchFailed(error: unknown): void;
    },
  ) {
    this.wait = new GpuWait(options.emit);
  }

  /** The device at hand, if it is not lost. */
  get current(): Device | null {
    return this.lost ? null : this.device;
  }

  /** @throws NoGpuError */
  async get(): Promise<Device> {
    return this.current ?? (await this.reopen());
  }

  /** Throws the device away and opens another, waiting a while when there is none. @throws NoGpuError */
  async reopen(submitBudget?: number): Promise<Device> {
    const { device } = this;
    const { emit, onWatchFailed } = this.options;
    device?.gpu.destroy();
    const open = () => openDevice((what, done, total) => emit({ type: "progress", what, done, total }), submitBudget);
    // Where there never was a GPU, there is nothing to wait for.
    const opened = device ? await this.wait.open(open) : await open();
    this.device = opened;
    this.lost = false;
    opened.gpu.lost
      .then(() => {
        if (this.device === opened) this.lost = true;
      })
      .catch(onWatchFailed);
    return opened;
  }

  /** Tells the page which adapter there is. */
  async announce(): Promise<void> {
    this.options.post({ type: "adapter", adapter: describe(await this.get()) });
  }

  /**
   * Announces the adapter or that there is none, and measures how fast it is until `endMeasuring`.
   * @param mayMeasure asked once the device is open: two measurements on one GPU would disturb each other
   */
  async introduce(mayMeasure: () => Promise<boolean>): Promise<void> {
    try {
      await this.announce();
      if (!(await mayMeasure())) return;
      const controller = new AbortController();
      const done = measure(await this.get(), controller.signal).then((speed) => {
        if (speed) this.options.post({ type: "speed", speed });
      });
      this.measuring = { controller, done: done.catch(console.error) };
      await this.measuring.done;
    } catch (error) {
      if (!(error instanceof NoGpuError)) throw error;
      this.options.post({ type: "adapter", adapter: error.adapter });
    } finally {
      this.measuring = null;
    }
  }

  /** Gives up the measurement, because training is about to begin. */
  async endMeasuring(): Promise<void> {
    this.measuring?.controller.abort();
    await this.measuring?.done;
  }
}
