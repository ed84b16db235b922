import type { Points } from "../../src/metrics/points.ts";
import { randomNumbers } from "../../src/verify/lab.ts";

/** Points with normal coordinates of deviation 1, the first of them around `shift`. */
export function normalPoints(count: number, dimensions: number, shift: number, seed: number): Points {
  const random = randomNumbers(seed);
  const values = Float32Array.from({ length: count * dimensions }, (_, i) => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return normal + (i % dimensions === 0 ? shift : 0);
  });
  return { count, dimensions, values };
}

/** The same points in another order. */
export function reversed({ count, dimensions, values }: Points): Points {
  return {
    count,
    dimensions,
    values: values.map((_, i) => values[(count - 1 - Math.floor(i / dimensions)) * dimensions + (i % dimensions)]),
  };
}
