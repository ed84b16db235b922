/** How many whole batches a set of pictures gives. @throws Error for the user when it gives none */
export function stepsPerEpoch(pictures: number, batch: number): number {
  const problem = tooFewPictures(pictures, batch);
  if (problem) throw new Error(problem);
  return Math.floor(pictures / batch);
}

/** What to do when there are fewer pictures than a batch takes; null when there are enough. */
export function tooFewPictures(pictures: number, batch: number): string | null {
  if (pictures >= batch) return null;
  const are = pictures === 1 ? "1 picture" : `${pictures} pictures`;
  return `${are}, but a batch is ${batch}: choose a batch of ${pictures}, or add pictures`;
}
