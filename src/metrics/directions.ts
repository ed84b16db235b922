import { purposes } from "../random/noise_key.ts";
import { philox4x32 } from "../random/philox.ts";

/**
 * Random unit vectors, every direction equally likely: independent normal numbers (Box and Muller, 1958), divided by
 * their norm.
 * @param stride numbers from one vector to the next; those after the vector's own are 0
 * @returns [count, stride]
 */
export function randomDirections(
  count: number,
  dimensions: number,
  stride: number,
  seed: number,
): Float32Array<ArrayBuffer> {
  const directions = new Float32Array(count * stride);
  for (let d = 0; d < count; d++) {
    const vector = new Float64Array(dimensions);
    for (let i = 0; i < dimensions; i += 2) {
      const [w0, w1] = philox4x32([d, i, 0, 0], [seed, purposes.directions]);
      const r = Math.sqrt(-2 * Math.log((w0 + 1) * 2 ** -32)); // in (0, 1]: never the logarithm of 0
      vector[i] = r * Math.cos(2 * Math.PI * w1 * 2 ** -32);
      if (i + 1 < dimensions) vector[i + 1] = r * Math.sin(2 * Math.PI * w1 * 2 ** -32);
    }
    const norm = Math.hypot(...vector);
    directions.set(
      vector.map((value) => value / norm),
      d * stride,
    );
  }
  return directions;
}
