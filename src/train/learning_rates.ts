/** The learning-rate schedule: constant, then a linear decrease, then constant again. */
import type { Config } from "./config.ts";

export type Schedule = Pick<Config, "lrDecayFrom" | "lrDecaySteps" | "lrDecayTo">;

/** The factor of both learning rates in a step. @param step from 1 */
export function rateFactor({ lrDecayFrom, lrDecaySteps, lrDecayTo }: Schedule, step: number): number {
  if (lrDecayFrom === 0 || step <= lrDecayFrom) return 1;
  const done = Math.min(1, (step - lrDecayFrom) / lrDecaySteps);
  return 1 - (1 - lrDecayTo) * done;
}

/** Whether two schedules gave the same rates in all steps up to this one. */
export function sameRatesUntil(step: number, a: Schedule, b: Schedule): boolean {
  const begun = ({ lrDecayFrom }: Schedule) => lrDecayFrom > 0 && step > lrDecayFrom;
  if (!begun(a) && !begun(b)) return true;
  return (["lrDecayFrom", "lrDecaySteps", "lrDecayTo"] as const).every((key) => a[key] === b[key]);
}
