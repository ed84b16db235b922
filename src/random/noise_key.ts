/** Which random numbers are meant. */

/** What a run and its metrics draw random numbers for: two purposes never share a number. */
export const purposes = {
  parameters: 1,
  latent: 2,
  preview: 3,
  shuffle: 4,
  moments: 5,
  variation: 6,
  augmentation: 7,
  subsets: 20,
  patches: 21,
  directions: 22,
  features: 23,
} as const;

/** A run's seed and what the numbers are for, both u32. A step's own numbers are told apart by the counter. */
export interface NoiseKey {
  readonly seed: number;
  readonly purpose: number;
}
