/** Adam's constants and rates from the configuration. Separate from the schedule, which the page needs without any kernel. */
import { type AdamConstants, adamRate } from "../kernels/adam.ts";
import { adamEpsilon, type Config } from "./config.ts";
import { rateFactor } from "./learning_rates.ts";

export function adamConstants({ beta1, beta2 }: Pick<Config, "beta1" | "beta2">): AdamConstants {
  return { beta1, beta2, epsilon: adamEpsilon };
}

/** Adam's rates in a step, including its bias correction. @param step from 1 */
export function adamRates(config: Config, step: number): { d: number; g: number } {
  const factor = rateFactor(config, step);
  const corrected = (rate: number) => adamRate(rate * factor, step, adamConstants(config));
  return { d: corrected(config.lrD), g: corrected(config.lrG) };
}
