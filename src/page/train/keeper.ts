/**
 * Keeps an open run in the browser's storage. Nothing that fails here ends training: it is reported once and tried again
 * with the next save, and a checkpoint that could not be saved stays in memory until a later one is.
 */
import { reasonOf } from "../reason.ts";
import type { RunStore } from "../store/run_store.ts";

/** Something that failed. A checkpoint has no work to repeat: the next one takes its place. */
interface Failure {
  text: string;
  work: (() => Promise<void>) | null;
}

const checkpointKey = "The run";
const curvesKey = "The curves";

export class Keeper {
  /** The newest step that is in the storage; 0 = none. */
  savedStep = 0;
  /** The newest checkpoint, while it is in memory only. */
  unsaved: { step: number; bytes: Uint8Array } | null = null;
  private readonly failures = new Map<string, Failure>();
  private reported: string | null = null;

  constructor(
    private readonly store: RunStore,
    private readonly id: string,
    private readonly options: {
      /** Creates the run again, without a checkpoint, after the storage has lost it. */
      recreate(): Promise<void>;
      /** What is not in the storage and why, for the user; null: everything is stored. Called when that changes. */
      onProblem(problem: string | null): void;
    },
  ) {}

  /** @returns whether the checkpoint was saved */
  async checkpoint(step: number, bytes: Uint8Array, rows: Float32Array): Promise<boolean> {
    let curvesError: Error | null;
    try {
      if (!(await this.store.has(this.id))) await this.options.recreate();
      curvesError = await this.store.saveCheckpoint(this.id, step, bytes, rows);
    } catch (error) {
      this.unsaved = { step, bytes };
      const since = this.savedStep > 0 ? `the save of step ${this.savedStep.toLocaleString("en")}` : "the beginning";
      const text =
        `The run could not be saved: ${reasonOf(error)}. Training continues, and saving will be tried again. Until then, ` +
        `everything since ${since} is only in this tab: download it to be safe`;
      this.failures.set(checkpointKey, { text, work: null });
      this.tell();
      return false;
    }
    this.unsaved = null;
    this.savedStep = step;
    this.failures.delete(checkpointKey);
    this.failures.delete(curvesKey);
    if (curvesError) {
      const work = () => this.store.saveCurves(this.id, rows);
      this.failures.set(curvesKey, { text: failureText(curvesKey, curvesError), work });
    }
    await this.retry();
    return true;
  }

  /** Tries again to store what could not be stored besides the checkpoints. */
  async retry(): Promise<void> {
    for (const [key, { work }] of [...this.failures]) if (work) await this.attempt(key, work);
    this.tell();
  }

  /**
   * Stores something besides the checkpoint, now or with a later save.
   * @param key what it is, for the user; later work with the same key replaces work that failed
   */
  async alongside(key: string, work: () => Promise<void>): Promise<void> {
    await this.attempt(key, work);
    this.tell();
  }

  /** Drops an unsaved checkpoint of a later step: the run went back. */
  wentBack(step: number): void {
    if (this.unsaved === null || this.unsaved.step <= step) return;
    this.unsaved = null;
    this.failures.delete(checkpointKey);
    this.tell();
  }

  /** Gives up work that failed and is no longer wanted. */
  forget(unwanted: (key: string) => boolean): void {
    for (const key of [...this.failures.keys()]) if (unwanted(key)) this.failures.delete(key);
    this.tell();
  }

  private async attempt(key: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.failures.delete(key);
    } catch (error) {
      this.failures.set(key, { text: failureText(key, error), work });
    }
  }

  private tell(): void {
    const first = this.failures.get(checkpointKey) ?? this.failures.values().next().value;
    const problem = first?.text ?? null;
    if (problem === this.reported) return;
    this.reported = problem;
    this.options.onProblem(problem);
  }
}

function failureText(what: string, error: unknown): string {
  return `${what} could not be stored: ${reasonOf(error)}. Training continues, and this will be tried again with the next save`;
}
