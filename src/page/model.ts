/** Everything that the page shows: what the worker reported, and what the user chose here. The views read nothing else. */
import { paintedCount } from "../data/pictures.ts";
import type { PresetName } from "../train/config.ts";
import type { Photographs, Plan, RunSummary, Sample } from "./protocol.ts";
import type { Settings } from "./settings.ts";
import { initialState, type RunNumbers, runNumbers } from "./state.ts";
import { tooFewPictures } from "./steps_per_epoch.ts";

export class Model {
  /** What the worker reported. */
  readonly state = initialState();
  /** The user's own pictures, for the next run; null: painted cats. */
  photographs: Photographs | null = null;
  /** A grid of some of them. */
  photographsGrid: Blob | null = null;
  /** The cost of a run with each preset. */
  readonly presetPlans = new Map<PresetName, Plan>();
  /** The cost of a new run with the current settings. */
  plan: Plan | null = null;
  /** An earlier grid that the user looks at; null: the newest. */
  past: Sample | null = null;
  /** How many calls the user is waiting for; buttons are disabled meanwhile. */
  pendingCalls = 0;

  /**
   * @param settings of the next run; while a run is open, its own and the changes that are still to be made
   * @param testing the page is under test: it measures nothing
   */
  constructor(
    public settings: Settings,
    readonly testing: boolean,
  ) {}

  get waiting(): boolean {
    return this.pendingCalls > 0;
  }

  /** Whether this tab only shows the run that another tab trains. */
  get watching(): boolean {
    return this.state.elsewhere && this.state.run !== null;
  }

  get numbers(): RunNumbers | null {
    return runNumbers(this.state);
  }

  /** Whether the open run has steps that are not saved. */
  get unsaved(): boolean {
    return this.state.saved?.step !== this.numbers?.step;
  }

  /** The newest run that has not reached its last step. */
  get unfinished(): RunSummary | undefined {
    return this.state.runs.find(({ step, totalSteps }) => step > 0 && step < totalSteps);
  }

  /** Pictures that the open run, or else a new one, learns from. */
  get pictureCount(): number {
    const { run } = this.state;
    return run?.pictureCount ?? this.photographs?.pictures.count ?? paintedCount(this.settings.config.size);
  }

  /** Why a new run cannot start with these settings; null when it can. */
  get problem(): string | null {
    const { config } = this.settings;
    return tooFewPictures(this.photographs?.pictures.count ?? paintedCount(config.size), config.batch);
  }
}
