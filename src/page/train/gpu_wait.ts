/**
 * Waits for a GPU that was there before. After several device losses, Chromium blocks the GPU for a page for two
 * minutes and offers no adapter meanwhile.
 */
import type { WorkerEvent } from "../protocol.ts";
import { NoGpuError } from "./device.ts";

/** Seconds before each further attempt; together a little more than the two minutes. */
export const pauses = [2, 4, 8, 16, 32, 64] as const;

export class GpuWait {
  private end: ((goOn: boolean) => void) | null = null;

  /** @param emit is called for every pause, and at the end @param sleep for tests */
  constructor(
    private readonly emit: (event: WorkerEvent & { type: "gpu wait" }) => void,
    private readonly sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  ) {}

  /** @throws NoGpuError when there is still none after the last pause, or when waiting was given up */
  async open<T>(open: () => Promise<T>): Promise<T> {
    try {
      for (const [i, seconds] of pauses.entries()) {
        try {
          return await open();
        } catch (error) {
          if (!(error instanceof NoGpuError)) throw error;
          this.emit({ type: "gpu wait", wait: { seconds, attempt: i + 1, attempts: pauses.length } });
          const goOn = new Promise<boolean>((resolve) => {
            this.end = resolve;
          });
          if (!(await Promise.race([goOn, this.sleep(1000 * seconds).then(() => true)]))) throw error;
        }
      }
      return await open();
    } finally {
      if (this.end) this.emit({ type: "gpu wait", wait: null });
      this.end = null;
    }
  }

  tryNow(): void {
    this.end?.(true);
  }

  giveUp(): void {
    this.end?.(false);
  }
}
