/** Checks of the hinge and relativistic losses. */
import * as loss from "../kernels/loss.ts";
import { sigmoid } from "../reference/activations.ts";
import * as hinge from "../reference/hinge_loss.ts";
import { sum } from "../reference/reduce.ts";
import * as relativistic from "../reference/relativistic_loss.ts";
import { type Check, type Dims, divisionUnits, expUnits, realsOnly, smallest, unit } from "./check.ts";
import { sigmoidError } from "./elementwise.ts";
import type { Lab } from "./lab.ts";
import { logits, lossShapes, randomLoss } from "./losses.ts";

const { abs, ceil, exp, log1p, max } = Math;

/** The loss of each logit, with its allowed error. */
interface Terms {
  readonly values: readonly number[];
  readonly errors: readonly number[];
}

/** A row of losses: a group's mean loss and mean score, each with its allowed error. */
function lossRow(x: Float32Array, { values, errors }: Terms, share: number): { value: number; allowed: number }[] {
  const N = x.length;
  // A sum may be off by a unit of all its terms for each addition in the chain, then by the division and the share.
  const chain = unit * (ceil(N / 64) + 7 + divisionUnits);
  const score = sum(sigmoid(x)) / N;
  return [
    {
      value: (share * sum(values)) / N,
      allowed: (share * (sum(errors) + chain * sum(values.map(abs)))) / N + smallest,
    },
    { value: score, allowed: sum(Array.from(x, sigmoidError)) / N + chain * score },
  ];
}

const shapes: Dims[] = [1, 2].flatMap((groups) => lossShapes.map((dims) => ({ ...dims, groups, form: groups % 2 })));
const random: Check["random"] = (int) => ({ ...randomLoss(int), groups: int(1, 2), form: int(0, 1) });

/** The logits of each group with its sign; a single group's sign follows from the shape's target. */
function groupsOf(lab: Lab, dims: Dims): { x: Float32Array; sign: number }[] {
  const signs = dims.groups === 2 ? [1, -1] : [dims.target > 0 ? 1 : -1];
  return signs.map((sign) => ({ x: logits(lab, dims), sign }));
}

const hingeLoss: Check = {
  kernel: "hingeLoss",
  kinds: realsOnly,
  shapes: [...shapes, ...shapes.map((dims) => ({ ...dims, form: 1 - dims.form }))],
  random,
  async run(lab, dims) {
    const bounded = dims.form === 1;
    const groups = groupsOf(lab, dims);
    // On the margin itself the slope is 0.
    for (const { x, sign } of groups) if (x.length > 3) x.set([sign, -sign, 0], x.length - 3);
    const all = groups.flatMap(({ x }) => Array.from(x));
    const [losses, dx] = [lab.poisoned([groups.length, 2]), lab.poisoned([all.length])];
    const signs = groups.map(({ sign }) => sign);
    loss.hingeLoss(lab.stream, lab.upload([all.length], all), signs, bounded, losses, dx);
    const bounds = groups.flatMap(({ x, sign }) => {
      const values = Array.from(x, (value) => hinge.hingeLoss([value], sign, bounded));
      return lossRow(x, { values, errors: values.map((value) => unit * abs(value)) }, 1);
    });
    const rows = bounds.map(({ value }) => value);
    const gradient = groups.flatMap(({ x, sign }) => Array.from(hinge.hingeLossGradient(x, sign, bounded)));
    return [
      await lab.compare(losses, rows, (i) => bounds[i].allowed, "losses"),
      await lab.compare(dx, gradient, (i) => unit * divisionUnits * abs(gradient[i]), "dx"),
    ];
  },
};

const relativisticLoss: Check = {
  kernel: "relativisticLoss",
  kinds: realsOnly,
  shapes,
  random,
  async run(lab, dims) {
    const share = dims.form === 1 ? 1 : 0.5;
    const groups = groupsOf(lab, dims);
    const opposites = groups.length === 2 ? groups.map(({ x }) => x).reverse() : [logits(lab, { ...dims, offset: 0 })];
    const all = groups.flatMap(({ x }) => Array.from(x));
    const x = lab.upload([all.length, 1], all);
    const opposite = groups.length === 2 ? x : lab.upload([all.length, 1], opposites[0]);
    const [losses, dx] = [lab.poisoned([groups.length, 2]), lab.poisoned([all.length, 1])];
    const signs = groups.map(({ sign }) => sign);
    loss.relativisticLoss(lab.stream, x, opposite, signs, share, losses, dx);
    const judged = groups.map(({ x, sign }, g) => ({
      x,
      margins: Array.from(x, (value, i) => sign * (value - opposites[g][i])),
      gradient: relativistic.relativisticLossGradient(x, opposites[g], sign),
    }));
    const bounds = judged.flatMap(({ x, margins }) => {
      // The difference of two logits is rounded; the rest is as in cross-entropy with target 1.
      const errors = margins.map((m) => {
        const e = exp(-abs(m));
        const tail = e < 1 / 32 ? 10 * unit * e : 2 ** -21 + 5 * unit * log1p(e);
        // m's rounding error is scaled by the loss's slope.
        const slope = sigmoid([-m])[0];
        return tail + unit * (abs(m) * slope + expUnits(m) * e + 2 * max(-m, 0) + log1p(e)) + smallest;
      });
      const values = margins.map((m) => max(-m, 0) + log1p(exp(-abs(m))));
      return lossRow(x, { values, errors }, share);
    });
    const gradient = judged.flatMap(({ gradient }) => Array.from(gradient));
    const allowed = judged.flatMap(({ x, margins, gradient }) =>
      margins.map((m, i) => {
        const score = abs(gradient[i]) * x.length;
        // m's rounding error moves σ(−m) by at most σ(1 − σ) times as much.
        const error = sigmoidError(-m) + unit * abs(m) * score * (1 - score);
        return error / x.length + unit * (1 + divisionUnits) * abs(gradient[i]) + smallest;
      }),
    );
    return [
      await lab.compare(
        losses,
        bounds.map(({ value }) => value),
        (i) => bounds[i].allowed,
        "losses",
      ),
      await lab.compare(dx, gradient, (i) => allowed[i], "dx"),
    ];
  },
};

export const adversarialLossChecks: readonly Check[] = [hingeLoss, relativisticLoss];
