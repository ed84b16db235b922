/** Why files were refused, grouped where only numbers differ. */
import type { Refused } from "./photographs.ts";

export interface RefusalGroup {
  /** The command line's words; numbers that differ from file to file are `…`. */
  reason: string;
  files: Refused[];
}

/** The largest group first. */
export function groupRefusals(skipped: readonly Refused[]): RefusalGroup[] {
  const groups = new Map<string, RefusalGroup>();
  for (const refused of skipped) {
    const key = refused.reason.replace(/\d+/g, "#");
    const group = groups.get(key);
    if (!group) groups.set(key, { reason: refused.reason, files: [refused] });
    else {
      group.reason = common(group.reason, refused.reason);
      group.files.push(refused);
    }
  }
  return [...groups.values()].sort((a, b) => b.files.length - a.files.length);
}

/** Merges two texts that differ only in numbers: differing numbers become `…`. */
function common(a: string, b: string): string {
  const numbers = /\d+|…/g;
  const ofB = b.match(numbers) ?? [];
  let i = 0;
  return a.replace(numbers, (number) => (number === ofB[i++] ? number : "…"));
}
