/**
 * Are the fakes where real pictures are, and are all real pictures reached? Around each real point lies a ball that ends at
 * its k-th nearest real neighbour (Naeem, Oh, Uh, Choi and Yoo, "Reliable fidelity and diversity metrics for generative
 * models", 2020).
 *
 *     density  = 1/(k·M) Σ_fakes (real balls that the fake is in)     fidelity; about 1 for real pictures, may be more
 *     coverage = 1/N Σ_reals [a fake is in the ball]                   diversity; at most 1
 */
import { type Points, pointAt, squaredDistances } from "./points.ts";

export interface DensityCoverage {
  readonly density: number;
  readonly coverage: number;
}

/** @param k neighbours that a ball holds @throws Error for no fakes or not more than k real points */
export function densityCoverage(reals: Points, fakes: Points, k: number): DensityCoverage {
  if (reals.count <= k || fakes.count === 0) {
    throw new Error(`density: ${reals.count} real points and ${fakes.count} others, expected more than ${k} and 1`);
  }
  let [inside, covered] = [0, 0];
  for (let i = 0; i < reals.count; i++) {
    const point = pointAt(reals, i);
    // The point itself, at distance 0, is the first.
    const radius = squaredDistances(point, reals).sort()[k];
    const near = squaredDistances(point, fakes).reduce((count, distance) => count + (distance < radius ? 1 : 0), 0);
    inside += near;
    if (near > 0) covered++;
  }
  return { density: inside / (k * fakes.count), coverage: covered / reals.count };
}
