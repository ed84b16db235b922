/** Sets of points: rows of numbers, one after the other. */
export interface Points {
  readonly count: number;
  readonly dimensions: number;
  /** [count, dimensions] */
  readonly values: Float32Array;
}

export function pointAt({ dimensions, values }: Points, i: number): Float32Array {
  return values.subarray(i * dimensions, (i + 1) * dimensions);
}

/** The points with these indices, in this order. */
export function pickPoints(points: Points, indices: ArrayLike<number>): Points {
  const { dimensions } = points;
  const values = new Float32Array(indices.length * dimensions);
  for (let i = 0; i < indices.length; i++) values.set(pointAt(points, indices[i]), i * dimensions);
  return { count: indices.length, dimensions, values };
}

/** Squared distances of a point to every point of a set. @returns [count] */
export function squaredDistances(point: Float32Array, { count, dimensions, values }: Points): Float64Array {
  const squares = new Float64Array(count);
  for (let j = 0; j < count; j++) {
    let sum = 0;
    for (let d = 0; d < dimensions; d++) sum += (point[d] - values[j * dimensions + d]) ** 2;
    squares[j] = sum;
  }
  return squares;
}

/** Every coordinate shifted and scaled so that the reference has mean 0 and standard deviation 1 (0 where constant). */
export function standardise(sets: readonly Points[], reference: Points): Points[] {
  const { count, dimensions } = reference;
  const mean = new Float64Array(dimensions);
  const square = new Float64Array(dimensions);
  for (const [i, value] of reference.values.entries()) mean[i % dimensions] += value / count;
  for (const [i, value] of reference.values.entries()) {
    square[i % dimensions] += (value - mean[i % dimensions]) ** 2 / count;
  }
  const rstd = square.map((value) => (value > 0 ? 1 / Math.sqrt(value) : 0));
  return sets.map((set) => ({
    ...set,
    values: set.values.map((value, i) => (value - mean[i % dimensions]) * rstd[i % dimensions]),
  }));
}
