/** Plays a motion as fast as it can be drawn, while leaving the GPU idle enough for others. */

/** Milliseconds from one picture to the next, at least. */
const frame = 33;
/** After drawing, the GPU is left idle for this multiple of the time that drawing took. */
const restShare = 2;
/**
 * The longest time that one move covers, in milliseconds: after the browser paused the page, motion resumes where it
 * was.
 */
const longestMove = 200;
/** With reduced motion: how long each still stays, and how far the next one is, in milliseconds. */
const still = { stays: 1500, moves: 500 };

export interface Surroundings {
  now(): number;
  /** Waits this many milliseconds, and until the page is visible. */
  wait(ms: number): Promise<void>;
  reducedMotion(): boolean;
}

export class Motion {
  /** Counts plays and pauses, so that a loop knows when it has been replaced. */
  private turn = 0;
  private running = false;

  /**
   * @param move advances by this many milliseconds and draws @param onChange called when playing starts or stops
   * @param onError called when a move fails, which ends playing
   */
  constructor(
    private readonly around: Surroundings,
    private readonly move: (ms: number) => Promise<void>,
    private readonly onChange: () => void,
    private readonly onError: (error: Error) => void,
  ) {}

  get playing(): boolean {
    return this.running;
  }

  play(): void {
    if (this.running) return;
    this.running = true;
    this.onChange();
    void this.run(++this.turn).catch((error: Error) => {
      this.pause();
      this.onError(error);
    });
  }

  pause(): void {
    if (!this.running) return;
    this.running = false;
    this.turn++;
    this.onChange();
  }

  private async run(turn: number): Promise<void> {
    const { around } = this;
    let last = around.now();
    while (this.turn === turn) {
      const reduced = around.reducedMotion();
      const began = around.now();
      await this.move(reduced ? still.moves : Math.min(began - last, longestMove));
      last = began;
      const took = around.now() - began;
      await around.wait(reduced ? still.stays : Math.max(frame - took, restShare * took));
    }
  }
}
