/** Has the generator learned pictures by heart? Then what it draws lies nearer to one of them than real pictures do. */
import { type Points, pointAt, squaredDistances } from "./points.ts";

export interface Nearest {
  /** Which point of the set. */
  readonly index: number;
  readonly distance: number;
}

/**
 * Each point's nearest neighbour in a set.
 * @param self where the points are in the set themselves, and not to be their own neighbours; null where they are not
 */
export function nearestTo(points: Points, set: Points, self: ArrayLike<number> | null): Nearest[] {
  return Array.from({ length: points.count }, (_, i) => {
    const squares = squaredDistances(pointAt(points, i), set);
    if (self) squares[self[i]] = Infinity;
    let index = 0;
    for (let j = 1; j < squares.length; j++) if (squares[j] < squares[index]) index = j;
    return { index, distance: Math.sqrt(squares[index]) };
  });
}

export interface Closeness {
  /** Median distance to the nearest neighbour. */
  readonly median: number;
  /** Share of the points that are nearer to theirs than 99 of 100 real pictures. */
  readonly copies: number;
}

/** @param reals the same of real pictures, whose lowest hundredth says what is near */
export function closeness(points: readonly Nearest[], reals: readonly Nearest[]): Closeness {
  const sorted = (list: readonly Nearest[]) => Float64Array.from(list, ({ distance }) => distance).sort();
  const near = quantile(sorted(reals), 0.01);
  const distances = sorted(points);
  return {
    median: quantile(distances, 0.5),
    copies: distances.filter((distance) => distance < near).length / distances.length,
  };
}

/** Of sorted numbers, between two of them by proportion. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}
