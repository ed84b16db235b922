/** The open run is locked, so that no other tab deletes it. The lock of a tab that crashes is released by itself. */
const nameOf = (id: string) => `catgan run ${id}`;

export class RunLock {
  private release = () => {};

  /** Locks a run, and releases the previous one. */
  async take(id: string): Promise<void> {
    this.release();
    await new Promise<void>((resolve, reject) => {
      const held = new Promise<void>((release) => {
        this.release = release;
      });
      // Shared: a tab that takes over a run may briefly have it open at the same time as the previous tab.
      navigator.locks
        .request(nameOf(id), { mode: "shared" }, () => {
          resolve();
          return held;
        })
        .catch(reject);
    });
  }

  letGo(): void {
    this.release();
  }
}

/** @throws Error when any tab has this run open */
export async function checkUnlocked(id: string): Promise<void> {
  const { held = [] } = await navigator.locks.query();
  if (held.some(({ name }) => name === nameOf(id))) {
    throw new Error("another tab has this run open: stop it there, then delete it");
  }
}
