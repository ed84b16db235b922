/** The losses on logits: sigmoid cross-entropy, hinge, relativistic. */
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** loss = (mean cross-entropy, mean σ(x)). @param x [N] or [N,1] logits @param target in [0, 1] @param loss [2] */
export function sigmoidCrossEntropy(stream: Stream, x: Tensor, target: number, loss: Tensor) {
  if (loss.size !== 2) throw new Error(`sigmoidCrossEntropy: loss needs [2], came ${loss}`);
  stream.append({
    program: program(stream.gpu, ["sigmoid_cross_entropy", "log1p"]),
    sizes: { N: x.size, target_value: target },
    bindings: { x, loss },
    workgroups: 1,
    cost: 20 * x.size,
  });
}

/** dx = dloss[0] · (σ(x) − target) / N. @param dloss [2]; its second element, the score's, is ignored @param dx like x */
export function sigmoidCrossEntropyGradient(stream: Stream, x: Tensor, target: number, dloss: Tensor, dx: Tensor) {
  if (dloss.size !== 2 || dx.size !== x.size) {
    throw new Error(`sigmoidCrossEntropyGradient: needs dloss [2] and dx like x ${x}; came ${dloss}, ${dx}`);
  }
  stream.append({
    program: program(stream.gpu, ["sigmoid_cross_entropy_gradient"]),
    sizes: { N: x.size, target_value: target },
    bindings: { x, dloss, dx },
    workgroups: Math.ceil(x.size / 64),
    cost: 20 * x.size,
  });
}

/**
 * The losses of one or two groups of logits and the gradient of their sum, at once.
 * @param x [groups · N] or [groups · N, 1] logits @param targets of each group, in [0, 1]
 * @param losses [groups, 2]: (mean cross-entropy, mean σ(x)) @param dx like x
 */
export function sigmoidCrossEntropyBoth(
  stream: Stream,
  x: Tensor,
  targets: readonly number[],
  losses: Tensor,
  dx: Tensor,
) {
  const groups = targets.length;
  checkGroups("sigmoidCrossEntropyBoth", "targets", groups, x, losses, dx);
  const [first, second = first] = targets;
  stream.append({
    program: program(stream.gpu, ["sigmoid_cross_entropy_both", "log1p"]),
    sizes: { N: x.size / groups, first_target: first, second_target: second },
    bindings: { x, losses, dx },
    workgroups: groups,
    cost: 30 * x.size,
  });
}

function checkGroups(operation: string, given: string, groups: number, x: Tensor, losses: Tensor, dx: Tensor) {
  if (groups < 1 || groups > 2 || x.size % groups !== 0 || losses.size !== 2 * groups || dx.size !== x.size) {
    throw new Error(
      `${operation}: needs one or two ${given}, x of as many equal groups, losses [groups,2], dx like x; ` +
        `came ${groups} ${given}, ${x}, ${losses}, ${dx}`,
    );
  }
}

/**
 * The hinge losses of one or two groups of logits and the gradient of their sum.
 * @param x [groups · N] or [groups · N, 1] logits @param signs of each group: 1 is to be real, −1 fake
 * @param bounded D's form, max(0, 1 − sign·x); else G's, −sign·x
 * @param losses [groups, 2]: (mean loss, mean σ(x)) @param dx like x
 */
export function hingeLoss(
  stream: Stream,
  x: Tensor,
  signs: readonly number[],
  bounded: boolean,
  losses: Tensor,
  dx: Tensor,
) {
  const groups = signs.length;
  checkGroups("hingeLoss", "signs", groups, x, losses, dx);
  const [first, second = first] = signs;
  stream.append({
    program: program(stream.gpu, ["hinge_loss"]),
    sizes: { N: x.size / groups, first_sign: first, second_sign: second, bounded: Number(bounded) },
    bindings: { x, losses, dx },
    workgroups: groups,
    cost: 20 * x.size,
  });
}

/**
 * The relativistic losses of one or two groups of logits and their gradient by x, the opposites being constants.
 * @param x [groups · N] or [groups · N, 1] logits @param opposite like x; of two groups each is paired with the other
 * @param signs of each group: 1 is to be above its opposite, −1 below
 * @param share of the mean loss that is recorded: a half where two groups tell of the same pairs
 * @param losses [groups, 2]: (share · mean loss, mean σ(x)) @param dx like x
 */
export function relativisticLoss(
  stream: Stream,
  x: Tensor,
  opposite: Tensor,
  signs: readonly number[],
  share: number,
  losses: Tensor,
  dx: Tensor,
) {
  const groups = signs.length;
  checkGroups("relativisticLoss", "signs", groups, x, losses, dx);
  if (opposite.size !== x.size) {
    throw new Error(`relativisticLoss: opposite needs the size of x ${x}, came ${opposite}`);
  }
  const [first, second = first] = signs;
  stream.append({
    program: program(stream.gpu, ["relativistic_loss", "log1p"]),
    sizes: { N: x.size / groups, groups, first_sign: first, second_sign: second, share },
    bindings: { x, opposite, losses, dx },
    workgroups: groups,
    cost: 40 * x.size,
  });
}

/**
 * Puts a step's losses into slot (step mod slots) of the ring.
 * @param real, fake (loss, score) in the first row of `real` and in the last of `fake`, which may be one tensor [2, 2]
 * @param fooled [2] @param penalty [1] @param flag [1], as `adam` sets it @param ring [slots, 8] words
 */
export function recordLosses(
  stream: Stream,
  step: Tensor,
  { real, fake, fooled, penalty }: { real: Tensor; fake: Tensor; fooled: Tensor; penalty: Tensor },
  flag: Tensor,
  ring: Tensor,
) {
  stream.append({
    program: program(stream.gpu, ["record_losses"]),
    sizes: { slots: ring.shape[0], fake_at: fake.size - 2 },
    bindings: { step, real, fake, fooled, penalty, flag, ring },
    workgroups: 1,
    cost: 1,
  });
}
