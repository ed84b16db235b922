/**
 * The learning-rate schedule: constant, then a linear decrease, then constant again. And Adam's rates, which follow
 * from it.
 */
import { type AdamConstants, adamRate } from "../kernels/adam.ts";
import { adamEpsilon, type Config } from "./config.ts";

export type Schedule = Pick<Config, "lrDecayFrom" | "lrDecaySteps" | "lrDecayTo">;

/** The factor of both learning rates in a step. @param step from 1 */
export function rateFactor({ lrDecayFrom, lrDecaySteps, lrDecayTo }: Schedule, step: number): number {
  if (lrDecayFrom === 0 || step <= lrDecayFrom) return 1;
  const done = Math.min(1, (step - lrDecayFrom) / lrDecaySteps);
  return 1 - (1 - lrDecayTo) * done;
}

export function adamConstants({ beta1, beta2 }: Pick<Config, "beta1" | "beta2">): AdamConstants {
  return { beta1, beta2, epsilon: adamEpsilon };
}

/** Adam's rates in a step, including its bias correction. @param step from 1 */
export function adamRates(config: Config, step: number): { d: number; g: number } {
  const factor = rateFactor(config, step);
  const corrected = (rate: number) => adamRate(rate * factor, step, adamConstants(config));
  return { d: corrected(config.lrD), g: corrected(config.lrG) };
}

/** Whether two schedules gave the same rates in all steps up to this one. */
export function sameRatesUntil(step: number, a: Schedule, b: Schedule): boolean {
  const begun = ({ lrDecayFrom }: Schedule) => lrDecayFrom > 0 && step > lrDecayFrom;
  if (!begun(a) && !begun(b)) return true;
  return (["lrDecayFrom", "lrDecaySteps", "lrDecayTo"] as const).every((key) => a[key] === b[key]);
}
