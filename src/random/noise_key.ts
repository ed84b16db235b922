/** Keys that identify sequences of random numbers. */

/** What a run and its metrics draw random numbers for. Each purpose has its own sequence. */
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

/** A run's seed and the purpose of the numbers, both u32. The step is part of the counter. */
export interface NoiseKey {
  readonly seed: number;
  readonly purpose: number;
}
