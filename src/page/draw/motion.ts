/** Moves something on while it is played, as fast as it can be drawn and no faster than others can bear. */

/** Milliseconds from one picture to the next, at least. */
const frame = 33;
/** After drawing, the GPU is left idle for this multiple of the time that drawing took. */
const restShare = 2;
/** Time that a move makes up for at most, in milliseconds: after the browser paused the page, motion resumes where it was. */
const longestMove = 200;
/** With reduced motion: milliseconds that a still stays, and that it moves on. */
const still = { stays: 1500, moves: 500 };

export interface Surroundings {
  now(): number;
  /** Waits this many milliseconds, and until the page is visible. */
  wait(ms: number): Promise<void>;
  reducedMotion(): boolean;
}

export class Motion {
  /** Counts plays and pauses, so that a run knows when it is not the one any more. */
  private turn = 0;
  private running = false;

  /**
   * @param move advances by this many milliseconds and draws @param onChange playing starts or stops
   * @param onError a move fails, which ends playing
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
