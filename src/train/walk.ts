/**
 * Points in a generator's latent space and paths through it.
 *
 * A generator is trained on latents whose numbers are independent and uniform in [−1, 1]. Half-way along the straight line
 * between two of them, numbers crowd around 0 (a variance of 1/6 instead of 1/3), where there are hardly any training
 * latents; the great circle, made for normal latents, leaves the cube. So a path here goes straight and then restores the
 * distribution: each number goes through the distribution function of (1 − t)·u + t·v, u and v uniform, which makes it
 * uniform again. That is the optimal transport from one distribution to the other (Agustsson, Sage, Timofte and Van Gool,
 * "Optimal transport maps for distribution matching operations on latent spaces", 2017): for two independent latents,
 * every point on the path is as likely as a training latent.
 */
import { purposes } from "../random/noise_key.ts";
import { uniform } from "../random/philox.ts";

/** A point in latent space, described by how to reach it, so that every machine computes the same numbers. */
export type Place =
  /** Cat number `index` (from 0) of the seed, as `catgan sample --seed` draws them. */
  | { readonly kind: "cat"; readonly seed: number; readonly index: number }
  /** A fraction `t` of the way from one place to another: 0 is `from`, 1 is `to`. */
  | { readonly kind: "between"; readonly from: Place; readonly to: Place; readonly t: number }
  /**
   * On a closed path through these places: position k is at place k, modulo their number; motion between two places
   * starts and stops smoothly.
   */
  | { readonly kind: "stroll"; readonly through: readonly Place[]; readonly position: number }
  /** Near a place: a fraction `strength` (0 … 1) of the way towards cat number `index` of the seed. */
  | {
      readonly kind: "variation";
      readonly of: Place;
      readonly strength: number;
      readonly seed: number;
      readonly index: number;
    };

/** Cats that share a counter of their seed's noise. */
const catsPerPart = 64;

/**
 * The place's latents.
 * @param z how many numbers
 * @returns [z], each in [−1, 1]
 */
export function latentsAt(place: Place, z: number): Float32Array<ArrayBuffer> {
  switch (place.kind) {
    case "cat":
      return noise(purposes.preview, place, z);
    case "between":
      return interpolate(latentsAt(place.from, z), latentsAt(place.to, z), place.t);
    case "stroll": {
      const { through, position } = place;
      const leg = Math.floor(position);
      const visited = (k: number) => latentsAt(through[((k % through.length) + through.length) % through.length], z);
      return interpolate(visited(leg), visited(leg + 1), ease(position - leg));
    }
    case "variation":
      return interpolate(latentsAt(place.of, z), noise(purposes.variation, place, z), place.strength);
  }
}

/** The latents of several places, one after the other. @returns [places, z] */
export function latentsOf(places: readonly Place[], z: number): Float32Array<ArrayBuffer> {
  const latents = new Float32Array(places.length * z);
  for (const [n, place] of places.entries()) latents.set(latentsAt(place, z), n * z);
  return latents;
}

/**
 * `t` of the way from a to b, uniform where both are. With s = max(t, 1 − t) and r = min(t, 1 − t), the density of
 * y = (1 − t)·a + t·b is a trapezoid: 1/(2s) up to |y| = s − r, and falling to 0 at |y| = 1. Its distribution function,
 * brought to [−1, 1], is y/s in the middle and ±(1 − (1 − |y|)² / (4sr)) outside.
 * @param a, b of the same length @param t 0 … 1
 */
export function interpolate(a: Float32Array, b: Float32Array, t: number): Float32Array<ArrayBuffer> {
  const s = Math.max(t, 1 - t);
  const r = Math.min(t, 1 - t);
  return Float32Array.from(a, (from, i) => {
    const y = (1 - t) * from + t * b[i];
    if (Math.abs(y) <= s - r) return y / s;
    return Math.sign(y) * (1 - (1 - Math.abs(y)) ** 2 / (4 * s * r));
  });
}

/** Maps 0 … 1 to 0 … 1, with slope 0 at both ends. */
function ease(t: number): number {
  return t * t * (3 - 2 * t);
}

/** Latents number `index` of a seed, bit for bit those of shaders/pictures/noise_uniform.wgsl. */
function noise(
  purpose: number,
  { seed, index }: { seed: number; index: number },
  z: number,
): Float32Array<ArrayBuffer> {
  const first = (index % catsPerPart) * z;
  const key = { seed, purpose, step: Math.floor(index / catsPerPart) };
  return Float32Array.from(uniform(first + z, key, -1, 1).subarray(first));
}
