/** Pictures of a batch that minibatch standard deviation compares with each other: four, or all of a smaller batch. */
export function groupSize(batch: number): number {
  return Math.min(4, batch);
}
