/**
 * What happens when training fails: one policy for the terminal and the page.
 *
 * | failure | the run goes back to | and continues |
 * | --- | --- | --- |
 * | diverged: numbers not finite, losses explode | the newest checkpoint; after each further divergence, one earlier | with half of both learning rates |
 * | device lost, out of memory | the newest checkpoint | on a new device, with shorter submits each time |
 *
 * Any other error ends training. A run goes back at most `maxAttempts` times in a row. Once a checkpoint is saved past the
 * furthest step at which it failed, the failures are forgiven and the count starts again; the learning rates stay halved.
 *
 * Reasons:
 * - The same numbers would diverge again, hence the smaller rates. The newest checkpoint may already contain the start
 * of the
 *   trouble, hence the earlier one. A lost device says nothing about the numbers, so it costs no more than the last steps.
 * - A failure while going back (the new device is lost as well) counts as another attempt at the same checkpoint instead of
 *   ending the run.
 * - Failures of all kinds count together, so a run whose failures alternate ends too.
 * - The user is notified only once it is known at which step the run continues.
 *
 * Storage, devices and messages belong to the caller: see `RecoverableRun`.
 */
import type { Config } from "./config.ts";

/** Failures that a run can recover from. */
export type Failure = "diverged" | "device lost" | "out of memory";

/** How often in a row a run goes back before it is given up. */
export const maxAttempts = 3;

/** One attempt to continue after a failure. */
export interface Attempt {
  /** From 1 to `maxAttempts`. */
  readonly number: number;
  /** The checkpoint to go back to: 0 the newest, 1 the one before; the oldest if there are fewer. */
  readonly back: number;
  /** What the run continues with. */
  readonly config: Config;
  /** How long a submit may take on a new device, as a fraction of the usual time. */
  readonly submitShare: number;
}

/** An error as the caller understands it. */
export interface Problem {
  /** Null: going back would not help. */
  readonly failure: Failure | null;
}

/** The run as far as recovery needs it. */
export interface RecoverableRun<P extends Problem> {
  /** Steps done. */
  readonly step: number;
  readonly config: Config;
  explain(error: unknown): P | Promise<P>;
  /** Goes back to `attempt.back` and tells the user. What it throws is the next failure. */
  goBack(attempt: Attempt, problem: P): Promise<void>;
}

export class Recovery<P extends Problem> {
  private attempts = 0;
  private divergences = 0;
  /** The furthest step at which the run failed. */
  private failedAt = 0;

  constructor(private readonly run: RecoverableRun<P>) {}

  /** Goes back until that succeeds. @returns null when training can continue; otherwise the problem that ends it */
  async recover(error: unknown): Promise<P | null> {
    let attempt: Attempt | null = null;
    for (let cause = error; ; ) {
      const problem = await this.run.explain(cause);
      attempt = this.next(problem.failure, attempt);
      if (attempt === null) return problem;
      try {
        await this.run.goBack(attempt, problem);
        return null;
      } catch (again) {
        cause = again;
      }
    }
  }

  /** Call after each checkpoint: failures before it are forgiven. */
  saved(step: number): void {
    if (step > this.failedAt) this.attempts = this.divergences = 0;
  }

  /** @param failed the attempt that has just failed; null: training has */
  private next(failure: Failure | null, failed: Attempt | null): Attempt | null {
    this.failedAt = Math.max(this.failedAt, this.run.step);
    if (failure === null || this.attempts === maxAttempts) return null;
    const number = ++this.attempts;
    const submitShare = 1 / 2 ** number;
    const { back, config } = failed ?? { back: 0, config: this.run.config };
    if (failure !== "diverged") return { number, back, config, submitShare };
    const slower = { ...config, lrD: config.lrD / 2, lrG: config.lrG / 2 };
    return { number, back: this.divergences++, config: slower, submitShare };
  }
}
