/**
 * An open run on the GPU, kept alive: built from a state, shown on the canvas, and brought back when training fails. The
 * policy for going back is in src/train/recovery.ts.
 */
import type { RunState } from "../../train/checkpoint.ts";
import { type Guard, guardOf } from "../../train/guards.ts";
import { type Attempt, Recovery } from "../../train/recovery.ts";
import type { Trainer } from "../../train/trainer.ts";
import type { Phase } from "../protocol.ts";
import { GpuRun } from "./gpu_run.ts";
import type { SessionHost } from "./host.ts";
import { LivePreview } from "./live_preview.ts";
import type { OpenRun } from "./open_run.ts";
import { explainError, type TrainingProblem } from "./problem.ts";

/** Milliseconds of a submit. */
const submitBudget = 100;

export class LiveRun {
  readonly gpuRun: GpuRun;
  readonly preview: LivePreview;
  private readonly recovery: Recovery<TrainingProblem>;
  private currentGuard: Guard | null = null;
  private currentPhase: Phase = "preparing";

  constructor(
    private readonly host: SessionHost,
    private readonly run: OpenRun,
  ) {
    this.gpuRun = new GpuRun(host, run.pictures);
    this.preview = new LivePreview(host.view, (step) => run.emit({ type: "drawn", step }));
    const live = this;
    this.recovery = new Recovery<TrainingProblem>({
      get step() {
        return live.step;
      },
      get config() {
        return run.config;
      },
      explain: (error) => explainError(error, this.gpuRun.gpu),
      goBack: (attempt, problem) => this.goBack(attempt, problem),
    });
  }

  /** Null while the run is not ready to train. */
  get trainer(): Trainer | null {
    return this.gpuRun.trainer;
  }

  /** Watches over the trainer; available only while there is one. */
  get guard(): Guard {
    return this.currentGuard!;
  }

  get step(): number {
    return this.trainer?.step ?? this.run.savedStep;
  }

  get atEnd(): boolean {
    const { trainer } = this;
    return trainer !== null && trainer.step >= trainer.totalSteps;
  }

  get phase(): Phase {
    return this.currentPhase;
  }

  setPhase(phase: Phase): void {
    this.currentPhase = phase;
    this.run.emit({ type: "phase", phase });
  }

  /** Training is neither going on nor failed. */
  rest(): void {
    this.setPhase(this.atEnd ? "finished" : "paused");
  }

  /** Builds a run that has not trained yet: once more if the device is lost meanwhile. */
  async buildFirst(state: RunState | null): Promise<void> {
    try {
      await this.build(state);
    } catch (error) {
      const { kind } = await explainError(error, this.gpuRun.gpu);
      if (kind !== "device lost" || !(await this.recover(error))) throw error;
    }
  }

  /** Builds the run again with another recipe. The guard starts over: its thresholds and averages belong to the recipe. */
  async rebuild(state: RunState): Promise<void> {
    this.currentGuard = null;
    await this.build(state);
  }

  /** @returns whether training can continue; if not, the run has failed */
  async recover(error: unknown): Promise<boolean> {
    const problem = await this.recovery.recover(error);
    if (problem !== null) this.fail(problem);
    return problem === null;
  }

  fail({ kind, message }: Pick<TrainingProblem, "kind" | "message">): void {
    this.run.emit({ type: "trouble", trouble: { kind, message, attempt: null, backTo: this.run.keptStep } });
    this.setPhase("failed");
  }

  /** Call when a checkpoint of this step has been kept: the run can go back to it. */
  kept(step: number): void {
    this.recovery.saved(step);
  }

  tearDown(): void {
    this.gpuRun.tearDown();
  }

  /** @param state what the run continues from; null: the beginning */
  private async build(state: RunState | null): Promise<void> {
    this.setPhase("preparing");
    const trainer = await this.gpuRun.build(this.run.config, state);
    this.currentGuard ??= guardOf(trainer);
    await this.preview.draw(trainer);
    if (trainer.step === 0) await this.run.addSample(0, await trainer.previewSampler.draw());
  }

  private async goBack({ number, back, config, submitShare }: Attempt, problem: TrainingProblem): Promise<void> {
    const { kind, message } = problem;
    const { run, host } = this;
    this.setPhase("preparing");
    await this.preview.settled();
    this.tearDown();
    const { state, step } = await run.stateToGoBackTo(back);
    run.emit({ type: "trouble", trouble: { kind, message, attempt: number, backTo: step } });
    // Drawing may have caused the loss.
    if (kind === "device lost") await host.view.readBack();
    if (kind !== "diverged") await host.reopen(submitBudget * submitShare);
    if (config !== run.config) await run.changeConfig(config);
    this.currentGuard?.rewound();
    await this.build(state);
    await run.rewind(step);
    run.emit({ type: "config", config, totalSteps: this.trainer!.totalSteps });
  }
}
