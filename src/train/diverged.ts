/** The error for a run whose numbers are no longer finite, or whose losses explode. */

/** The run can continue only from an earlier checkpoint, with smaller learning rates. */
export class DivergedError extends Error {}

/** @param what is wrong @param saved the newest checkpoint's step; 0 = none */
export function divergedText(step: number, what: string, saved: number): string {
  const kept = saved > 0 ? `the checkpoint of step ${saved} is intact` : "there is no checkpoint yet";
  return `training diverged at step ${step}: ${what}; ${kept}: try smaller --lr-d and --lr-g`;
}
