/** Training that handles trouble as --on-trouble says. The policy for going back is in src/train/recovery.ts. */
import { checkCheckpoint, type PictureSource, type RunState, withConfig } from "../train/checkpoint.ts";
import type { Config } from "../train/config.ts";
import { DivergedError, divergedText } from "../train/diverged.ts";
import { type Finding, type Guard, guardOf } from "../train/guards.ts";
import { type Attempt, maxAttempts, type Problem, Recovery } from "../train/recovery.ts";
import { type RunHooks, runTraining } from "../train/run.ts";
import type { Trainer } from "../train/trainer.ts";
import { watched } from "../train/watch.ts";
import { checkpointSteps, readCheckpoint } from "./checkpoint_files.ts";
import type { OnTrouble } from "./commands/train.ts";
import { warn } from "./describe.ts";
import { kebab } from "./options.ts";
import { grouped, type Reporter } from "./progress.ts";
import type { RunFolder } from "./run_folder.ts";

/** What training needs from the command. */
export interface TrainingHost {
  readonly folder: RunFolder;
  readonly source: PictureSource;
  readonly onTrouble: OnTrouble;
  /** Stops training after a save. */
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
  hooks(trainer: Trainer): RunHooks;
  /** A trainer that is ready. @param state what it continues from; null: the beginning */
  build(config: Config, state: RunState | null): Promise<Trainer>;
}

interface TerminalProblem extends Problem {
  readonly error: unknown;
}

/**
 * @param first destroyed when another trainer replaces it
 * @returns how training ended, and the trainer that it ended with
 * @throws DivergedError where going back is not wanted or did not help
 */
export async function trainWithRecovery(first: Trainer, host: TrainingHost) {
  const { source, onTrouble, reporter } = host;
  let trainer = first;
  const guard = guardOf(trainer);
  const troubled = new AbortController();
  const signal = AbortSignal.any([host.signal, troubled.signal]);
  const recovery = new Recovery<TerminalProblem>({
    get step() {
      return trainer.step;
    },
    get config() {
      return trainer.config;
    },
    explain(error) {
      const recoverable = error instanceof DivergedError && onTrouble === "rollback";
      return { failure: recoverable ? "diverged" : null, error };
    },
    async goBack(attempt, { error }) {
      trainer = await goBack(trainer, guard, attempt, error as DivergedError, host);
    },
  });
  for (;;) {
    const hooks = host.hooks(trainer);
    const { config } = trainer;
    let saved = trainer.step;
    const saving: RunHooks = {
      ...hooks,
      async onCheckpoint(step, bytes) {
        await hooks.onCheckpoint(step, bytes);
        saved = step;
        recovery.saved(step);
      },
    };
    const handle = (finding: Finding) => {
      report(finding, config, onTrouble, reporter);
      const { step, what, broken } = finding;
      if (broken && onTrouble !== "warn") throw new DivergedError(divergedText(step, what, saved));
      if (onTrouble === "stop") troubled.abort();
    };
    try {
      const outcome = await runTraining(trainer, source, watched(saving, guard, handle), signal);
      const ending = troubled.signal.aborted && !host.signal.aborted ? "troubled" : outcome;
      return { ending, trainer } as const;
    } catch (error) {
      const problem = await recovery.recover(error);
      if (problem !== null) throw problem.error;
    }
  }
}

/** @returns the trainer that replaces this one */
async function goBack(
  trainer: Trainer,
  guard: Guard,
  { number, back, config }: Attempt,
  error: DivergedError,
  { folder, reporter, build }: TrainingHost,
): Promise<Trainer> {
  const { dir } = folder;
  const any = (await checkpointSteps(dir)).length > 0;
  const kept = any ? await readCheckpoint(dir, (state) => void checkCheckpoint(state, "run"), back) : null;
  await trainer.stream.idle();
  trainer.destroy();
  const next = await build(config, kept && withConfig(kept, config));
  guard.rewound();
  const { step } = next;
  for (const line of await folder.rewind(step, "diverged", config)) warn(line);
  const { lrD, lrG } = config;
  const what = error.message.split(";")[0];
  const message = `${what}: back to step ${grouped(step)} with half the learning rates, --lr-d ${lrD} --lr-g ${lrG}`;
  reporter.clear();
  if (kept?.warning) warn(kept.warning);
  warn(`${message} (${number} of ${maxAttempts})`);
  reporter.event({ event: "rollback", step, attempt: number, lrD, lrG, message });
  return next;
}

/** Reports a finding, as a warning and as an event. */
function report(finding: Finding, config: Config, onTrouble: OnTrouble, reporter: Reporter): void {
  const { kind, step, what, remedies, broken } = finding;
  const helps = remedies.map(({ key, change }) => `a ${change} --${kebab(key)} (it is ${config[key]})`).join(" or ");
  const message = `step ${grouped(step)}: ${what}. What usually helps: ${helps}`;
  reporter.clear();
  // What ends a run, or takes it back, has a message of its own.
  if (!broken || onTrouble === "warn") warn(message);
  reporter.event({ event: "trouble", kind, step, broken, message });
}
