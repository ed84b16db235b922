/** Has the generator memorised pictures? Then its drawings lie closer to one of them than real pictures do. */
import { type Points, pointAt, squaredDistances } from "./points.ts";

export interface Nearest {
  /** Which point of the set. */
  readonly index: number;
  readonly distance: number;
  /** This distance divided by that of the fifth nearest, at most 1; 1 if both are 0. */
  readonly ratio: number;
}

/** Which neighbour the nearest is compared with; the last one in smaller sets. */
const compared = 5;

/**
 * Each point's nearest neighbour in a set.
 * @param self the points' own indices if they belong to the set, so that none is its own neighbour; null otherwise
 */
export function nearestTo(points: Points, set: Points, self: ArrayLike<number> | null): Nearest[] {
  return Array.from({ length: points.count }, (_, i) => {
    const squares = squaredDistances(pointAt(points, i), set);
    if (self) squares[self[i]] = Infinity;
    let index = 0;
    for (let j = 1; j < squares.length; j++) if (squares[j] < squares[index]) index = j;
    const [nearest, far] = [squares[index], squares.sort()[Math.min(compared, squares.length) - 1]];
    return { index, distance: Math.sqrt(nearest), ratio: far > 0 ? Math.sqrt(nearest / far) : 1 };
  });
}

export interface Closeness {
  /** Median distance to the nearest neighbour. */
  readonly median: number;
  /**
   * Share of the points with one neighbour that is much nearer than the others: the ratio of nearest to fifth nearest is
   * below that of 99 of 100 real pictures. A typical or dull picture may be close to many others; a copy is close to one.
   */
  readonly copies: number;
}

/** @param reals the same for real pictures: the lowest hundredth of their ratios is the threshold */
export function closeness(points: readonly Nearest[], reals: readonly Nearest[]): Closeness {
  const few = quantile(Float64Array.from(reals, ({ ratio }) => ratio).sort(), 0.01);
  return {
    median: quantile(Float64Array.from(points, ({ distance }) => distance).sort(), 0.5),
    copies: points.filter(({ ratio }) => ratio < few).length / points.length,
  };
}

/** A quantile of sorted numbers, linearly interpolated. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}
