/**
 * Which of these to leave out so that at most `max` stay: one by one, the step whose neighbours are closest together,
 * so that what stays is spread evenly. The first and the last always stay.
 */
export function thinnedOut(steps: readonly number[], max: number): number[] {
  const kept = [...steps].sort((a, b) => a - b);
  const dropped: number[] = [];
  while (kept.length > Math.max(max, 2)) {
    let least = 1;
    for (let i = 2; i < kept.length - 1; i++) {
      if (kept[i + 1] - kept[i - 1] < kept[least + 1] - kept[least - 1]) least = i;
    }
    dropped.push(...kept.splice(least, 1));
  }
  return dropped;
}
