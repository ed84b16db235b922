/** A run's id, which is also its folder's name: the time it was created, and digits. */

/**
 * Age in milliseconds at which folders of runs that never began are removed. Another tab may still be filling a younger
 * one, and may have been suspended meanwhile.
 */
const abandonedAfter = 24 * 3_600_000;

/** Milliseconds since 1970, from the run's id; NaN when the id is not one of ours. */
export function createdOf(id: string): number {
  return Number(/^(\d+)(-[0-9a-f]+)?$/.exec(id)?.[1] ?? Number.NaN);
}

export function isAbandoned(id: string, now: number): boolean {
  return now - createdOf(id) > abandonedAfter;
}

/** Begins with the time; the rest keeps two tabs from making the same one. */
export function newRunId(now: number): string {
  return `${now}-${crypto.randomUUID().slice(0, 8)}`;
}
