/** Training under a guard. */
import { diversity, type Finding, type Guard } from "./guards.ts";
import type { RunHooks } from "./run.ts";

/**
 * The same hooks, with a guard that checks every record and every preview after they are handled.
 * @param onFinding is called with what the guard finds; it may throw to end training
 */
export function watched(hooks: RunHooks, guard: Guard, onFinding: (finding: Finding) => void): RunHooks {
  const report = (finding: Finding | null) => {
    if (finding !== null) onFinding(finding);
  };
  return {
    ...hooks,
    async onRecords(records) {
      await hooks.onRecords(records);
      for (const record of records) report(guard.record(record));
    },
    async onSample(step, pictures) {
      await hooks.onSample(step, pictures);
      report(guard.sample(step, diversity(pictures)));
    },
  };
}
