/**
 * Limits the work in one submit and in one dispatch, so that no watchdog fires and the desktop stays responsive. Both limits
 * follow from the measured speed of earlier submits.
 *
 * Invariants: results depend on the order of dispatches, never on how they are cut. After `pace`, fewer than
 * `maxInFlight` submits are in flight.
 */
import { type Gpu, handled } from "./gpu.ts";

/** Cost of a launch, in flops of a matrix product that takes about as long: every dispatch costs at least this. */
export const launchCost = 20_000;
/** Flops per millisecond of the slowest adapters of each kind, assumed until the first submits are timed. */
const firstRate = { software: 1e6, hardware: 5e7 };
/** Maximum cost of one dispatch at first: 100 ms on two CPU cores, or at 200 GFLOP/s. */
const firstMaxDispatchCost = { software: 2e8, hardware: 2e10 };
/** A submit shorter than this, in milliseconds, cannot be timed. */
const shortestTimed = 0.5;
/** Enough to keep the GPU busy while the next submit is encoded; more would only queue up. */
const maxInFlight = 3;

export class Pacing {
  /** The time that each submit should take, in milliseconds. */
  submitBudget = 100;
  /** Dispatches above this cost are cut by workgroups as they are appended, so a captured step keeps its cuts. */
  maxDispatchCost: number;
  /** Submits and dispatches sent so far. */
  submits = 0;
  dispatches = 0;

  /** Measured flops per millisecond; adapts to the adapter and to its load. */
  private rate: number;
  private readonly inFlight: Promise<void>[] = [];
  /** When the last submit finished, in milliseconds of `performance.now()`. */
  private lastDone = 0;

  constructor(private readonly gpu: Gpu) {
    const kind = gpu.software ? "software" : "hardware";
    this.rate = firstRate[kind];
    this.maxDispatchCost = firstMaxDispatchCost[kind];
  }

  /**
   * Sets the adapter's rate from a measurement; submits and dispatches are cut accordingly.
   * @param rate in flops of a matrix product per millisecond
   */
  assumeRate(rate: number): void {
    this.rate = rate;
    // Half a submit's budget, since a shared GPU may be half as fast at another time.
    this.maxDispatchCost = Math.max(this.maxDispatchCost, (rate * this.submitBudget) / 2);
  }

  /** Whether dispatches with this total cost fit one submit. */
  fits(cost: number): boolean {
    return cost <= this.rate * this.submitBudget;
  }

  /** Submits the buffer and times it, to size the following submits. */
  submit(buffer: GPUCommandBuffer, cost: number): void {
    const { queue } = this.gpu.device;
    queue.submit([buffer]);
    this.submits++;
    const sent = performance.now();
    const done = queue.onSubmittedWorkDone().then(() => {
      const now = performance.now();
      // It started when the previous one finished.
      const took = now - Math.max(sent, this.lastDone);
      this.lastDone = now;
      const measured = cost / Math.max(took, shortestTimed);
      // A submit of few launches measures mostly their overhead; one too short to time gives only a lower bound.
      const telling = took > shortestTimed ? cost > 50 * launchCost : measured > this.rate;
      if (telling) this.rate += (measured - this.rate) * 0.25;
    });
    this.inFlight.push(handled(done));
  }

  /** Whether the GPU has no room for another submit, so that `pace` would wait. */
  get isFull(): boolean {
    return this.inFlight.length >= maxInFlight;
  }

  /** Waits until the GPU has room for another submit. */
  async pace(): Promise<void> {
    while (this.isFull) await this.inFlight.shift();
  }

  /** Waits until everything submitted has finished. */
  async idle(): Promise<void> {
    await Promise.all(this.inFlight.splice(0));
  }
}
