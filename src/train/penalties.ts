/**
 * Gradient penalties on D, as data: which ones, at which pictures, how strong, how often. The step has two more losses,
 * D's and G's own, which it computes every time (step.ts); NVIDIA's StyleGAN3 lists all of them as `phases`: Dmain,
 * Dr1, Gmain.
 */
import type { Tensor } from "../gpu/tensor.ts";
import { sumOfSquares } from "../nn/ops.ts";
import { addRecorded, type Tape } from "../nn/tape.ts";
import type { Config } from "./config.ts";
import type { Side } from "./losses.ts";

export interface Penalty {
  readonly name: "R1" | "R2";
  /** Where D's slope is penalised: at real pictures or at fakes. */
  readonly side: Side;
  /** γ of γ/2 · E‖∇ₓD(x)‖². */
  readonly gamma: number;
  /** Steps from one to the next, beginning with the first step of a run. */
  readonly interval: number;
}

/** The penalties of a configuration; none where γ is 0. */
export function penaltiesOf({ r1, r2, r1Every }: Pick<Config, "r1" | "r2" | "r1Every">): Penalty[] {
  const penalties: Penalty[] = [
    { name: "R1", side: "D(real)", gamma: r1, interval: r1Every },
    { name: "R2", side: "D(fake)", gamma: r2, interval: r1Every },
  ];
  return penalties.filter(({ gamma }) => gamma > 0);
}

/** Those that are due in a step. @param step from 0 */
export function duePenalties(penalties: readonly Penalty[], step: number): Penalty[] {
  return penalties.filter(({ interval }) => step % interval === 0);
}

/** Pictures that D judged together. */
export interface Judged {
  /** Which side each of the groups is on: [N or 2N, size, size, 3] has one or two. */
  readonly sides: readonly Side[];
  /** What D saw. */
  readonly x: Tensor;
  /** D's logits [N or 2N, 1]. */
  readonly scores: Tensor;
}

/**
 * Σ γ/2 · E‖∇ₓD(x)‖² (Mescheder, Geiger and Nowozin 2018). Recorded on the tape, so that it can be differentiated
 * again, by D's parameters. x is what D saw, after augmentation, so the augmentation need not be differentiated twice.
 * @param penalties at least one @param judged one group of pictures each
 * @param ones [N, 1]: the gradient of the sum of the logits. Without minibatch stddev only a picture's own logit depends on
 * it, so the gradient of the sum holds each picture's own gradient.
 * @returns [1]
 */
export function gradientPenalty(
  tape: Tape,
  penalties: readonly Penalty[],
  judged: readonly Judged[],
  ones: Tensor,
): Tensor {
  return penalties
    .map(({ side, gamma }) => {
      const { x, scores } = judged.find(({ sides }) => sides.includes(side))!;
      const [gradient] = tape.gradients([{ y: scores, dy: ones }], [x]);
      return sumOfSquares(tape, gradient, gamma / (2 * ones.size));
    })
    .reduce((sum, one) => addRecorded(tape, sum, one));
}
