/** What comes out of a training run on the page: curves, grids, the live preview, and regular saves. */
import { DivergedError } from "../../train/diverged.ts";
import type { Finding } from "../../train/guards.ts";
import type { RunHooks } from "../../train/run.ts";
import { watched } from "../../train/watch.ts";
import type { LiveRun } from "./live_run.ts";
import type { OpenRun } from "./open_run.ts";

/**
 * Milliseconds from one save to the next, in addition to the run's own interval; and the share of the time that saving
 * may take.
 */
const saveAgainAfter = 30_000;
const savingShare = 0.05;

export class TrainingOutput {
  private lastSave = 0;
  private saveTook = 0;

  constructor(
    private readonly run: OpenRun,
    private readonly live: LiveRun,
    /** Has the training loop stop after its step, which saves. */
    private readonly interrupt: () => void,
  ) {}

  /** For a training loop, with the guard that the run has now. */
  hooks(): RunHooks {
    const { run, live } = this;
    // Where training starts, there is nothing new to save.
    this.lastSave = performance.now();
    const hooks: RunHooks = {
      onRecords: (records) => {
        const trainer = live.trainer!;
        run.addRows(records, trainer.stream.gpu.counts.bytes);
        const saveAgain = Math.max(saveAgainAfter, this.saveTook / savingShare);
        if (performance.now() - this.lastSave > saveAgain) this.interrupt();
        live.preview.drawWhenDue(trainer);
      },
      onSample: async (step, pictures) => {
        await run.addSample(step, pictures);
        await live.preview.draw(live.trainer!);
      },
      onMetrics: async () => {
        const { swd, floor } = await live.gpuRun.measure();
        run.addQuality(swd.average, floor);
      },
      onCheckpoint: (step, bytes) => this.keep(step, bytes),
    };
    return watched(hooks, live.guard, (finding) => this.handle(finding));
  }

  /** Keeps a checkpoint. @throws GpuError when its numbers come from a lost device */
  async keep(step: number, bytes: Uint8Array): Promise<void> {
    if (this.run.discarded) return;
    // After a loss, WebGPU continues as if nothing had happened, with meaningless numbers.
    this.live.gpuRun.gpu!.checkAlive();
    const began = performance.now();
    await this.run.addCheckpoint(step, bytes);
    this.live.kept(step);
    this.lastSave = performance.now();
    this.saveTook = this.lastSave - began;
  }

  private handle({ step, what, remedies, broken }: Finding): void {
    if (broken) throw new DivergedError(`at step ${step}, ${what}`);
    const { run } = this;
    run.emit({
      type: "trouble",
      trouble: { kind: "sign", message: what, remedies, attempt: null, backTo: run.keptStep },
    });
  }
}
