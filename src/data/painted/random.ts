/** Uniform random numbers from 32-bit integer arithmetic, so that every engine draws the same ones. */

const GOLDEN = 0x9e3779b9;

/** splitmix32's mixing function, a bijection of 32-bit integers; constants from https://github.com/skeeto/hash-prospector */
function mix32(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  return (bits ^ (bits >>> 15)) >>> 0;
}

export interface Random {
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  /** One of the items; with weights, in their proportion. */
  pick<T>(items: readonly T[], weights?: readonly number[]): T;
}

/** The stream of cat `index` of a seed. */
export function randomStream(seed: number, index: number): Random {
  let state = mix32(index + mix32(seed + GOLDEN)); // bijective in index: cats of one seed never share a stream's start
  const next = () => {
    state = (state + GOLDEN) | 0;
    return mix32(state) / 2 ** 32;
  };
  return {
    between: (low, high) => low + (high - low) * next(),
    chance: (probability) => next() < probability,
    pick: (items, weights = items.map(() => 1)) => {
      let left = next() * weights.reduce((sum, weight) => sum + weight, 0);
      return items.find((_, i) => (left -= weights[i]) < 0) ?? items[items.length - 1];
    },
  };
}
