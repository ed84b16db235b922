/** The canvas with what the generator draws now, redrawn while it trains without taking much of the time. */
import type { Trainer } from "../../train/trainer.ts";
import type { GridView } from "./grid_view.ts";

/** Milliseconds from one drawing to the next, longer where drawing would take more than this share of the time. */
const redrawAfter = 500;
const drawingShare = 0.1;
/** However slow drawing is, the user sees a sign of life after this many milliseconds. */
const maxPause = 6000;

export class LivePreview {
  /** The drawing in progress. */
  private drawing: Promise<void> | null = null;
  private lastDrawn = 0;
  private drawTook = 0;

  constructor(
    private readonly view: GridView,
    private readonly onDrawn: (step: number) => void,
  ) {}

  async draw(trainer: Trainer): Promise<void> {
    const began = performance.now();
    const { step } = trainer;
    try {
      await this.view.draw(await trainer.previewSampler.render());
      this.onDrawn(step);
    } finally {
      this.drawing = null;
      this.lastDrawn = performance.now();
      this.drawTook = this.lastDrawn - began;
    }
  }

  /** Draws in the background if enough time has passed. Failures are ignored: training notices a lost device itself. */
  drawWhenDue(trainer: Trainer): void {
    const pause = Math.min(Math.max(redrawAfter, this.drawTook / drawingShare), maxPause);
    if (performance.now() - this.lastDrawn > pause) this.drawing ??= this.draw(trainer).catch(() => {});
  }

  /** Waits for the drawing in progress. */
  async settled(): Promise<void> {
    await this.drawing;
  }
}
