import { meanDistance } from "../../src/metrics/swd.ts";

/**
 * The reference for SWD: the sliced Wasserstein distance of two clouds of points (Rabin et al., "Wasserstein barycenter and its application to
 * texture mixing", 2011): along one direction, the cheapest way to move one cloud onto the other pairs the points in
 * sorted order; the distance is the mean |Δ| over points and directions.
 *
 * @param a, b [points, stride], the same number of points
 * @param directions [directions, stride], unit vectors
 */
export function slicedWasserstein(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  directions: ArrayLike<number>,
  stride: number,
): number {
  const count = directions.length / stride;
  let sum = 0;
  for (let d = 0; d < count; d++) {
    const project = (points: ArrayLike<number>) =>
      new Float64Array(points.length / stride).map((_, p) => {
        let dot = 0;
        for (let i = 0; i < stride; i++) dot += points[p * stride + i] * directions[d * stride + i];
        return dot;
      });
    sum += meanDistance(project(a).sort(), project(b).sort());
  }
  return sum / count;
}
