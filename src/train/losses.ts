/** The losses that D and G play by: what one kernel makes of D's logits, and what goes back from there. */
import type { Tensor } from "../gpu/tensor.ts";
import { hingeLoss, relativisticLoss, sigmoidCrossEntropyBoth } from "../kernels/loss.ts";
import type { Root, Tape } from "../nn/tape.ts";
import type { Config } from "./config.ts";

/** Who judges what: D real pictures, D fakes, or G, which wants its fakes taken for real. */
export type Side = "D(real)" | "D(fake)" | "G";

/** Where each side wants its logits. */
const signs: Readonly<Record<Side, number>> = { "D(real)": 1, "D(fake)": -1, G: 1 };

/**
 * @param scores [groups · N, 1] logits @param sides of each group: G alone, or D's, which add up to one loss
 * @param opposite like scores, the logits on the other side, constants here: for two groups the scores themselves.
 * Only the relativistic loss has any.
 * @returns losses [groups, 2]: the loss, or each group's part of it, and the mean score; and the root to go back from
 */
export function scoreLosses(
  tape: Tape,
  { loss, smoothing }: Pick<Config, "loss" | "smoothing">,
  scores: Tensor,
  sides: readonly Side[],
  opposite: Tensor | null,
): { losses: Tensor; root: Root } {
  const { stream } = tape;
  const losses = tape.temporary("losses", [sides.length, 2]);
  const dy = tape.temporary("score gradient", scores.shape);
  const wanted = sides.map((side) => signs[side]);
  switch (loss) {
    case "bce": {
      const targets = { "D(real)": 1 - smoothing, "D(fake)": 0, G: 1 };
      const labels = sides.map((side) => targets[side]);
      sigmoidCrossEntropyBoth(stream, scores, labels, losses, dy);
      break;
    }
    case "hinge":
      hingeLoss(stream, scores, wanted, !sides.includes("G"), losses, dy);
      break;
    case "relativistic":
      // D's two groups tell of the same pairs.
      relativisticLoss(stream, scores, opposite!, wanted, sides.includes("G") ? 1 : 1 / 2, losses, dy);
  }
  return { losses, root: { y: scores, dy } };
}
