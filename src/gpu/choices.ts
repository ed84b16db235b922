/**
 * Which variant computes which problem, where a kernel has several: as chosen, and as used. Every stream owns one record.
 * Problems and variants are texts here, so that they can be cached and kept with a run; the kernels give them their
 * meaning (src/kernels/choices.ts).
 */

/** Variants by problem. */
export type Choices = ReadonlyMap<string, string>;

export class ChoiceRecord {
  /** What kernels use from now on. A problem that is left out gets its default. */
  chosen: Choices = new Map();
  private readonly uses = new Map<string, { variant: string; problem: unknown }>();

  /** @param key the problem as a text @param problem what the kernel knows it by */
  use(key: string, variant: string, problem: unknown): void {
    this.uses.set(key, { variant, problem });
  }

  /** Every choice that was used so far. */
  get used(): Choices {
    return new Map([...this.uses].map(([key, { variant }]) => [key, variant]));
  }

  /** The last problem of each key that was used so far. */
  get problems(): unknown[] {
    return [...this.uses.values()].map(({ problem }) => problem);
  }
}
