/**
 * Draws the pictures requested last, a few at a time. A slider makes requests faster than a GPU draws, so those that are out
 * of date before they begin are skipped.
 */
export class Newest<Item, Picture> {
  private requests: readonly Item[] = [];
  private shown: (Item | undefined)[] = [];
  private running: Promise<void> | null = null;

  /**
   * @param draw draws the requested pictures @param show receives picture `index`
   * @param atOnce how many are drawn together
   */
  constructor(
    private readonly draw: (requests: readonly Item[]) => Promise<readonly Picture[]>,
    private readonly show: (index: number, picture: Picture) => void,
    private readonly atOnce: number,
  ) {}

  /**
   * Requests these pictures; those already shown (the same objects) stay.
   * Resolves when everything requested by then is shown. Rejects when drawing fails; the next call tries again.
   */
  request(requests: readonly Item[]): Promise<void> {
    this.requests = requests;
    this.running ??= this.run().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  /** Forgets the requests and what is shown; a picture in progress will not be shown. */
  forget(): void {
    this.requests = [];
    this.shown = [];
  }

  private async run(): Promise<void> {
    for (;;) {
      const { requests, shown } = this;
      const missing = [...requests.keys()].filter((index) => shown[index] !== requests[index]).slice(0, this.atOnce);
      if (missing.length === 0) return;
      const pictures = await this.draw(missing.map((index) => requests[index]));
      if (this.shown !== shown) continue;
      for (const [i, index] of missing.entries()) {
        shown[index] = requests[index];
        this.show(index, pictures[i]);
      }
    }
  }
}
