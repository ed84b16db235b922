import { sigmoid } from "./activations.ts";

/**
 * The mean loss of logits that should be above (or below) their opposites, pair by pair:
 *
 *     m = sign·(x − opposite),    loss = mean(log(1 + exp(−m))) = mean(max(−m, 0) + log1p(exp(−|m|)))
 *
 * Source: Jolicoeur-Martineau 2018, "The relativistic discriminator", arxiv.org/abs/1807.00734 (RSGAN); Huang et al. 2024,
 * arxiv.org/abs/2501.05441 (RpGAN).
 *
 * @param x, opposite logits [N]
 * @param sign 1 if x should be above, −1 if below
 */
export function relativisticLoss(x: ArrayLike<number>, opposite: ArrayLike<number>, sign: number): number {
  let loss = 0;
  for (let i = 0; i < x.length; i++) {
    const m = sign * (x[i] - opposite[i]);
    loss += Math.max(-m, 0) + Math.log1p(Math.exp(-Math.abs(m)));
  }
  return loss / x.length;
}

/**
 * The gradient of `relativisticLoss` with respect to x, where opposites are constants: −sign·σ(−m) / N.
 *
 * @param x, opposite logits [N]
 * @returns dx [N]
 */
export function relativisticLossGradient(
  x: ArrayLike<number>,
  opposite: ArrayLike<number>,
  sign: number,
): Float64Array {
  const margins = Float64Array.from(x, (value, i) => sign * (value - opposite[i]));
  return sigmoid(margins.map((m) => -m)).map((score) => (-sign * score) / x.length);
}
