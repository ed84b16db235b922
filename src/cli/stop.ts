/** Ctrl-C and similar signals: the first lets the current step finish and be saved, the second ends immediately. */
import { constants } from "node:os";

/** One press may arrive twice: from the terminal, and from npm, which passes signals on. */
const samePressMs = 400;

export class StopRequest {
  private readonly controller = new AbortController();
  private first: { signal: NodeJS.Signals; at: number } | null = null;

  constructor(private readonly onFirst: () => void) {
    for (const signal of signals) process.on(signal, this.onSignal);
    process.stdout.on("error", this.onOutputError);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** As in shells: 128 + the signal's number, 130 for Ctrl-C. */
  get exitCode(): number {
    return 128 + (this.first ? constants.signals[this.first.signal] : constants.signals.SIGPIPE);
  }

  private readonly onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (this.first === null) {
      this.first = { signal, at: now };
      this.controller.abort();
      this.onFirst();
    } else if (now - this.first.at >= samePressMs) {
      endBy(signal);
    }
  };

  /** The reader of the output is gone (`catgan train --json | head`): stop, but do not crash. */
  private readonly onOutputError = () => this.controller.abort();

  dispose(): void {
    for (const signal of signals) process.off(signal, this.onSignal);
    process.stdout.off("error", this.onOutputError);
  }
}

/**
 * While there is nothing worth saving: a signal ends the process after a clean-up.
 * @returns a function that stops listening for signals
 */
export function endAtSignal(cleanUp: () => Promise<void>): () => void {
  const onSignal = (signal: NodeJS.Signals) =>
    void cleanUp()
      .catch(() => {})
      .finally(() => endBy(signal));
  for (const signal of signals) process.once(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}

/** Ends the process by the signal itself: process.exit would unload the GPU's driver while it works, and may crash. */
function endBy(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

const signals: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
