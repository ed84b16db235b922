/**
 * The mean hinge loss of logits that should all be on the same side:
 *
 *     D: mean(max(0, 1 − sign·x))        G: mean(−sign·x)
 *
 * Source: Lim and Ye 2017, "Geometric GAN", arxiv.org/abs/1705.02894; Miyato et al. 2018, arxiv.org/abs/1802.05957,
 * eq. 16–17.
 *
 * @param x logits [N]
 * @param sign 1 if they should be real, −1 if fake
 * @param bounded whether to use D's form, which is 0 beyond the margin, instead of G's
 */
export function hingeLoss(x: ArrayLike<number>, sign: number, bounded: boolean): number {
  let loss = 0;
  for (let i = 0; i < x.length; i++) loss += bounded ? Math.max(0, 1 - sign * x[i]) : -sign * x[i];
  return loss / x.length;
}

/**
 * The gradient of `hingeLoss`: −sign / N, in D's form only where sign·x < 1.
 *
 * @param x logits [N]
 * @returns dx [N]
 */
export function hingeLossGradient(x: ArrayLike<number>, sign: number, bounded: boolean): Float64Array {
  return Float64Array.from(x, (value) => (bounded && sign * value >= 1 ? 0 : -sign / x.length));
}
