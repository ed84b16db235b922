/** The losses that D and G minimise, computed from D's logits: each side's targets, and the gradient to start from. */
import type { Tensor } from "../gpu/tensor.ts";
import { hingeLoss, relativisticLoss, sigmoidCrossEntropyBoth } from "../kernels/loss.ts";
import type { Root, Tape } from "../nn/tape.ts";
import type { Config } from "./config.ts";

/** A network and the pictures it is trained on: D on real ones and on fakes, G on fakes. */
export type Side = "D(real)" | "D(fake)" | "G";

/** The direction in which each side moves the logits. */
const signs: Readonly<Record<Side, number>> = { "D(real)": 1, "D(fake)": -1, G: 1 };

/**
 * @param scores [groups · N, 1] logits @param sides the side of each group: G alone, or one or both of D's, whose
 * losses add up
 * @param opposite logits of the same shape that a relativistic loss compares with, as constants; for D's two groups in one
 * tensor, the scores themselves. Other losses ignore it.
 * @returns losses [groups, 2]: each group's loss and mean score; and the root of the backward pass
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
  const directions = sides.map((side) => signs[side]);
  const ofG = sides.includes("G");
  switch (loss) {
    case "bce": {
      const targets = { "D(real)": 1 - smoothing, "D(fake)": 0, G: 1 };
      const labels = sides.map((side) => targets[side]);
      sigmoidCrossEntropyBoth(stream, scores, labels, losses, dy);
      break;
    }
    case "hinge":
      // Only D's loss has a margin.
      hingeLoss(stream, scores, directions, !ofG, losses, dy);
      break;
    case "relativistic":
      // D's two groups are the same pairs, seen from either side, so each records half of their loss.
      relativisticLoss(stream, scores, opposite!, directions, ofG ? 1 : 1 / 2, losses, dy);
  }
  return { losses, root: { y: scores, dy } };
}
