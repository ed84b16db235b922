/** Trains through trouble, as --on-trouble says. */
import { checkCheckpoint, DivergedError, type PictureSource, type RunState, withConfig } from "../train/checkpoint.ts";
import type { Config } from "../train/config.ts";
import { diversity, type Finding, guardOf } from "../train/guards.ts";
import { divergedText, type RunHooks, runTraining } from "../train/run.ts";
import type { Trainer } from "../train/trainer.ts";
import { checkpointSteps, readCheckpoint } from "./checkpoint_files.ts";
import type { OnTrouble } from "./command.ts";
import { warn } from "./describe.ts";
import { kebab } from "./option_table.ts";
import { grouped, type Reporter } from "./progress.ts";
import type { RunFolder } from "./run_folder.ts";

/** How often a run goes back until a save gets past where it failed. */
const mostRollbacks = 3;

export interface Surroundings {
  readonly folder: RunFolder;
  readonly source: PictureSource;
  readonly onTrouble: OnTrouble;
  /** Stops training, saved. */
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
  hooks(trainer: Trainer): RunHooks;
  /** A trainer that is ready. @param state what it goes on from; null: the beginning */
  build(config: Config, state: RunState | null): Promise<Trainer>;
}

/**
 * @param first is destroyed where another takes its place
 * @returns how it ended, and the trainer that it ended with
 * @throws DivergedError where going back is not wanted, or did not help
 */
export async function trainThrough(first: Trainer, around: Surroundings) {
  const { folder, source, onTrouble, reporter } = around;
  const { dir } = folder;
  let trainer = first;
  const guard = guardOf(trainer);
  const troubled = new AbortController();
  const signal = AbortSignal.any([around.signal, troubled.signal]);
  let rollbacks = 0;
  let failedAt = 0;
  for (;;) {
    const hooks = around.hooks(trainer);
    const { config } = trainer;
    let saved = trainer.step;
    const heed = (finding: Finding | null) => {
      if (finding === null) return;
      tell(finding, config, onTrouble, reporter);
      const { step, what, broken } = finding;
      if (broken && onTrouble !== "warn") throw new DivergedError(divergedText(step, what, saved));
      if (onTrouble === "stop") troubled.abort();
    };
    const watched: RunHooks = {
      ...hooks,
      async onRecords(records) {
        await hooks.onRecords(records);
        for (const record of records) heed(guard.record(record));
      },
      async onSample(step, pictures) {
        await hooks.onSample(step, pictures);
        heed(guard.sample(step, diversity(pictures)));
      },
      async onCheckpoint(step, bytes) {
        await hooks.onCheckpoint(step, bytes);
        saved = step;
        if (step > failedAt) rollbacks = 0;
      },
    };
    try {
      const outcome = await runTraining(trainer, source, watched, signal);
      const ending = troubled.signal.aborted && !around.signal.aborted ? "troubled" : outcome;
      return { ending, trainer } as const;
    } catch (error) {
      if (!(error instanceof DivergedError) || onTrouble !== "rollback" || rollbacks === mostRollbacks) throw error;
      failedAt = Math.max(failedAt, trainer.step);
      // The same numbers would go wrong again, so with half the rates; and each time from further back.
      const slower = { ...config, lrD: config.lrD / 2, lrG: config.lrG / 2 };
      const any = (await checkpointSteps(dir)).length > 0;
      const kept = any ? await readCheckpoint(dir, (state) => void checkCheckpoint(state, "run"), rollbacks) : null;
      rollbacks++;
      await trainer.stream.idle();
      trainer.destroy();
      trainer = await around.build(slower, kept && withConfig(kept, slower));
      guard.rewound();
      const { step } = trainer;
      for (const line of await folder.rewind(step, "diverged", slower)) warn(line);
      const rates = `half the learning rates, --lr-d ${slower.lrD} --lr-g ${slower.lrG}`;
      const message = `${error.message.split(";")[0]}: back to step ${grouped(step)} with ${rates}`;
      reporter.clear();
      if (kept?.warning) warn(kept.warning);
      warn(`${message} (${rollbacks} of ${mostRollbacks})`);
      reporter.event({ event: "rollback", step, attempt: rollbacks, lrD: slower.lrD, lrG: slower.lrG, message });
    }
  }
}

/** A finding, in words and as an event. */
function tell(finding: Finding, config: Config, onTrouble: OnTrouble, reporter: Reporter): void {
  const { kind, step, what, remedies, broken } = finding;
  const helps = remedies.map(({ key, change }) => `a ${change} --${kebab(key)} (it is ${config[key]})`).join(" or ");
  const message = `step ${grouped(step)}: ${what}. What usually helps: ${helps}`;
  reporter.clear();
  // What ends a run, or takes it back, is said by that.
  if (!broken || onTrouble === "warn") warn(message);
  reporter.event({ event: "trouble", kind, step, broken, message });
}
