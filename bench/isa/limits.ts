/** What `--check` demands: no program that a GPU runs spills, and no tile needs so many registers that waves are lost. */
import type { Analysis } from "./analysis.ts";

/**
 * Vector registers that a shared tile may need, by the number of waves per SIMD that they leave: an 8×8 block of sums per
 * thread 4 on navi21 and 5 on navi31, a 4×4 block 6 and 7.
 */
const maxVgprs: Readonly<Record<string, { readonly large: number; readonly small: number }>> = {
  navi21: { large: 128, small: 80 },
  navi31: { large: 144, small: 108 },
};

/** @returns one line per violation, with the program's name */
export function violations(results: readonly Analysis[]): string[] {
  return results.flatMap(({ program, family, inStep, tile, facts, iteration }) => {
    const name = `${program} on ${family}`;
    const found: string[] = [];
    const spilled = facts.spilledVgprs + facts.spilledSgprs;
    if ((inStep || tile === "shared") && spilled > 0) {
      found.push(
        `${name}: spills ${spilled} registers, expected none; make its tile smaller or keep fewer values alive`,
      );
    }
    const limits = maxVgprs[family];
    if (tile !== "shared" || !iteration || !limits) return found;
    const limit = iteration.fma / iteration.steps > 16 ? limits.large : limits.small;
    if (!(facts.vgprs <= limit)) {
      found.push(`${name}: needs ${facts.vgprs} vector registers, expected at most ${limit}`);
    }
    return found;
  });
}
