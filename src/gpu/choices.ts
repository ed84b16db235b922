/**
 * Which variant computes which problem, for kernels that have several: the choices made, and those used. Every stream owns
 * one record. Problems and variants are strings here, so that they can be cached and saved with a run;
 * src/kernels/choices.ts interprets them.
 */

/** Variants by problem. */
export type Choices = ReadonlyMap<string, string>;

export class ChoiceRecord {
  /** The variants that kernels use from now on. A problem without an entry gets its default. */
  chosen: Choices = new Map();
  private readonly uses = new Map<string, { variant: string; problem: unknown }>();

  /** @param key the problem as a string @param problem the kernel's own description of it */
  use(key: string, variant: string, problem: unknown): void {
    this.uses.set(key, { variant, problem });
  }

  /** Every choice used so far. */
  get used(): Choices {
    return new Map([...this.uses].map(([key, { variant }]) => [key, variant]));
  }

  /** The last problem of each key used so far. */
  get problems(): unknown[] {
    return [...this.uses.values()].map(({ problem }) => problem);
  }
}
