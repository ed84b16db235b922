/** Keeps the screen on while a run trains in sight; the system takes the lock away whenever the page is hidden. */
let lock: WakeLockSentinel | null = null;
let wanted = false;

export function keepAwake(awake: boolean): void {
  if (awake === wanted) return;
  wanted = awake;
  void settle();
}

document.addEventListener("visibilitychange", () => void settle());

async function settle(): Promise<void> {
  if (!wanted) {
    // A lock that cannot be released ends with the page.
    await lock?.release().catch(() => {});
    lock = null;
    return;
  }
  if (document.visibilityState !== "visible" || (lock && !lock.released)) return;
  // Refused, for instance, on low battery: training continues regardless.
  lock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
}
