/**
 * How much work one submit and one dispatch may hold, so that no watchdog fires and no desktop freezes: both are cut by
 * the rate at which earlier submits were done.
 *
 * Invariants: results depend on the order of dispatches, never on how they are cut. After `pace` fewer than
 * `maxInFlight` submits are in flight.
 */
import { type Gpu, handled } from "./gpu.ts";

/** Cost of a launch, in flops of a product that takes about as long: the least that a dispatch costs. */
export const launchCost = 20_000;
/** Flops per millisecond of the slowest adapters of a kind: assumed until the first submits were timed. */
const firstRate = { software: 1e6, hardware: 5e7 };
/** Cost of one dispatch: 100 ms on two CPU cores, or at 200 GFLOP/s. */
const firstMaxDispatchCost = { software: 2e8, hardware: 2e10 };
/** A submit shorter than this, in milliseconds, cannot be timed. */
const shortestTimed = 0.5;
/** A submit in flight keeps the GPU busy while the next is encoded; more would only let them pile up. */
const maxInFlight = 3;

export class Pacing {
  /** Submits are cut so that each runs about this long, in milliseconds. */
  submitBudget = 100;
  /** Dispatches above this cost are cut by range of workgroups: when they are appended, so a captured step keeps its cuts. */
  maxDispatchCost: number;
  /** How many submits and dispatches were sent so far. */
  submits = 0;
  dispatches = 0;

  /** Flops per millisecond, as measured; adapts to the adapter and to how busy it is. */
  private rate: number;
  private readonly inFlight: Promise<void>[] = [];
  /** When the last submit was done, in milliseconds of `performance.now()`. */
  private lastDone = 0;

  constructor(private readonly gpu: Gpu) {
    const kind = gpu.software ? "software" : "hardware";
    this.rate = firstRate[kind];
    this.maxDispatchCost = firstMaxDispatchCost[kind];
  }

  /**
   * Takes a measured rate for the adapter's: submits and dispatches are cut by it.
   * @param rate in flops of a product per millisecond
   */
  assumeRate(rate: number): void {
    this.rate = rate;
    // Half of a submit's budget, as a GPU that others use too may be half as fast at another time.
    this.maxDispatchCost = Math.max(this.maxDispatchCost, (rate * this.submitBudget) / 2);
  }

  /** Whether dispatches of this cost together may be one submit. */
  fits(cost: number): boolean {
    return cost <= this.rate * this.submitBudget;
  }

  /** Submits and times it: the next are cut by what it took. */
  submit(buffer: GPUCommandBuffer, cost: number): void {
    const { queue } = this.gpu.device;
    queue.submit([buffer]);
    this.submits++;
    const sent = performance.now();
    const done = queue.onSubmittedWorkDone().then(() => {
      const now = performance.now();
      // It began when the one before it was done.
      const took = now - Math.max(sent, this.lastDone);
      this.lastDone = now;
      const measured = cost / Math.max(took, shortestTimed);
      // A submit of a few launches measures those; one too short to be timed only says that the rate is higher.
      const telling = took > shortestTimed ? cost > 50 * launchCost : measured > this.rate;
      if (telling) this.rate += (measured - this.rate) * 0.25;
    });
    this.inFlight.push(handled(done));
  }

  /** The GPU has no room for another submit yet: `pace` would wait. */
  get isFull(): boolean {
    return this.inFlight.length >= maxInFlight;
  }

  /** Waits until the GPU has room for another submit. */
  async pace(): Promise<void> {
    while (this.isFull) await this.inFlight.shift();
  }

  /** Waits until everything that was submitted is done. */
  async idle(): Promise<void> {
    await Promise.all(this.inFlight.splice(0));
  }
}
