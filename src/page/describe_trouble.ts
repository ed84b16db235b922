/** Describes to the user what went wrong. */
import { maxAttempts } from "../train/recovery.ts";
import { settings } from "../train/settings.ts";
import { count } from "./format.ts";
import type { Trouble } from "./protocol.ts";

const happened = {
  "device lost": "The GPU was lost",
  "out of memory": "The GPU ran out of memory",
  diverged: "Training diverged",
  "no GPU": "The GPU is gone",
  sign: "Training may be going wrong",
  other: "Something failed",
} as const;

export function describeTrouble({ kind, message, remedies = [], attempt, backTo }: Trouble): string {
  const what = `${happened[kind]}: ${message.replace(/\.$/, "")}.`;
  const saved = backTo > 0;
  if (kind === "sign") {
    const helps = remedies.map(({ key, change }) => `${settings[key].label}: ${change}`);
    return `${what} What usually helps: ${helps.join("; or ")}.`;
  }
  if (kind === "no GPU") {
    const next = saved ? "continue this run: what was saved is safe" : "start again: nothing had been saved yet";
    return (
      `${what} Training has stopped. Browsers block the GPU for a while after it has failed repeatedly: ` +
      `restart the browser, then ${next}. In Chrome and Edge, chrome://gpu shows whether the GPU is blocked.`
    );
  }
  if (attempt === null) {
    const next = saved
      ? `what was saved is safe: press Play to continue from step ${count(backTo)}`
      : "nothing had been saved yet: press Play to start again";
    return `${what} Training has stopped; ${next}.`;
  }
  const went = saved
    ? `Returned to the save of step ${count(backTo)},`
    : "Nothing had been saved yet, so it started again";
  return `${what} ${went} ${kind === "diverged" ? "with half the learning rates" : "on a new device"}, attempt ${attempt} of ${maxAttempts}.`;
}
