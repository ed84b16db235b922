/** Whether a configuration fits the adapter. */
import type { Choices } from "../gpu/choices.ts";
import type { Config } from "../train/config.ts";
import { type Plan, type PlanLimits, planWithin, TooLargeError } from "../train/plan.ts";
import { UserError } from "./user_error.ts";

/** What training needs. @throws UserError if the adapter's limits are too small, naming a batch that fits */
export async function checkFits(config: Config, limits: PlanLimits, choices?: Choices): Promise<Plan> {
  try {
    return await planWithin(config, limits, choices);
  } catch (error) {
    if (!(error instanceof TooLargeError)) throw error;
    const { obstacle, batch } = error;
    if (batch !== null) throw new UserError(`${obstacle}: try --batch ${batch}`);
    throw new UserError(`${obstacle}, with any --batch: try a smaller --base, --base-d or --size`);
  }
}
