/** The losses on logits: sigmoid cross-entropy, hinge, relativistic. */
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** loss = (mean cross-entropy, mean σ(x)). @param x [N] or [N,1] logits @param target in [0, 1] @param loss [2] */
export function sigmoidCrossEntropy(stream: Stream, x: Tensor, target: number, loss: Tensor) {
  if (loss.size !== 2) throw new Error(`sigmoidCrossEntropy: loss needs [2], got ${loss}`);
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
    throw new Error(`sigmoidCrossEntropyGradient: needs dloss [2] and dx like x ${x}; got ${dloss}, ${dx}`);
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
 * The cross-entropy of one or two groups of logits and the gradient of its sum, in one pass.
 * @param x [groups · N] or [groups · N, 1] logits @param targets one for each group, in [0, 1]
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
      `${operation}: needs one or two ${given}, x in that many equal groups, losses [groups,2], dx like x; ` +
        `got ${groups} ${given}, ${x}, ${losses}, ${dx}`,
    );
  }
}

/**
 * The hinge losses of one or two groups of logits and the gradient of their sum.
 * @param x [groups · N] or [groups · N, 1] logits @param signs one for each group: 1 if it should be real, −1 if fake
 * @param bounded whether to use D's form, max(0, 1 − sign·x), instead of G's, −sign·x
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
 * The relativistic losses of one or two groups of logits and their gradient with respect to x; opposites are constants.
 * @param x [groups · N] or [groups · N, 1] logits @param opposite like x; with two groups, each is paired with the other
 * @param signs one for each group: 1 if it should be above its opposite, −1 if below
 * @param share the fraction of the mean loss that is recorded: ½ if two groups describe the same pairs
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
    throw new Error(`relativisticLoss: opposite needs the size of x ${x}, got ${opposite}`);
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
 * Writes a step's losses to slot (step mod slots) of the ring.
 * @param real, fake (loss, score) in the first row of `real` and in the last row of `fake`; may be the same tensor [2, 2]
 * @param fooled [2] @param penalty [1] @param flag [1], as set by `adam` @param ring [slots, 8] words
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
