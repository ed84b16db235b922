/** What people are told when something went wrong. */

import { maxAttempts } from "../train/recovery.ts";
import { fields } from "./fields.ts";
import { count } from "./format.ts";
import type { Trouble } from "./protocol.ts";

const happened = {
  "device lost": "The GPU was lost",
  "out of memory": "The GPU ran out of memory",
  diverged: "Training diverged",
  "no GPU": "The GPU is gone",
  sign: "A sign of trouble",
  other: "Something failed",
} as const;

export function troubleWord({ kind, message, remedies = [], attempt, backTo }: Trouble): string {
  const begun = `${happened[kind]}: ${message.replace(/\.$/, "")}.`;
  if (kind === "sign") {
    const helps = remedies.map(({ key, change }) => `${fields[key].label}: ${change}`);
    return `${begun} What usually helps: ${helps.join("; or ")}.`;
  }
  if (kind === "no GPU") {
    const on = backTo > 0 ? "continue this run: what was saved is safe" : "start again: nothing was saved yet";
    return (
      `${begun} Training has stopped. Browsers block the GPU for a while after it has failed repeatedly: ` +
      `restart the browser, then ${on}. In Chrome and Edge, chrome://gpu says whether the GPU is blocked.`
    );
  }
  if (attempt === null) {
    const safe = "what was saved is safe: play goes on from there";
    const lost = "nothing was saved yet: play begins again";
    return `${begun} Training has stopped; ${backTo > 0 ? safe : lost}.`;
  }
  const went = backTo > 0 ? `Went back to the save of step ${count(backTo)},` : "Nothing was saved yet: began again";
  return `${begun} ${went} ${kind === "diverged" ? "with half the learning rates" : "on a new device"}, try ${attempt} of ${maxAttempts}.`;
}
