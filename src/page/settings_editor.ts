/**
 * Changes to the settings: by the form, by a preset, by opening a run. They reach the open run, the address and the
 * plan.
 */
import { changed, whenChanged } from "../train/changes.ts";
import { type Config, type PresetName, presets } from "../train/config.ts";
import type { Client } from "./client.ts";
import type { Model } from "./model.ts";
import { formatSettings, type Settings } from "./settings.ts";
import type { Tasks } from "./tasks.ts";

export class SettingsEditor {
  constructor(
    private readonly model: Model,
    private readonly call: Client["call"],
    private readonly tasks: Tasks,
    private readonly options: {
      render(): void;
      /** The size of the pictures, or what D sees of them, has changed. */
      onPictures(what: "size" | "augment"): void;
    },
  ) {}

  choosePreset(preset: PresetName): void {
    this.set({ preset, config: { ...presets[preset], seed: this.model.settings.config.seed } });
  }

  /** Restores the preset's values. */
  reset(): void {
    const { preset } = this.model.settings;
    this.set({ preset, config: { ...presets[preset] } });
  }

  /** Restores the open run's values. */
  undo(): void {
    const { settings, state } = this.model;
    if (state.run) this.set({ ...settings, config: { ...state.run.config } });
  }

  /** Shows the values of the run that was opened or changed. */
  showRun(config: Config): void {
    const preset = config.size === 128 ? "steady128" : config.size === 64 ? "steady" : "tiny";
    this.set({ preset, config: { ...config } });
  }

  /** Changes one value. It also applies to the open run, unless it needs a new run. */
  change(key: keyof Config, value: Config[keyof Config]): void {
    const { settings, state } = this.model;
    const before = settings.config;
    const config = changed(before, { [key]: value });
    this.set({ ...settings, config });
    if (state.run === null || whenChanged(key, state.run.config, config) === "new run") return;
    const { steps, epochs } = config;
    const changes = key === "steps" || key === "epochs" ? { steps, epochs } : { [key]: value };
    this.tasks.attempt(
      this.call.change(changes).catch((error: Error) => {
        this.set({ ...this.model.settings, config: before });
        throw error;
      }),
    );
  }

  private set(settings: Settings): void {
    const { model, options } = this;
    const before = model.settings.config;
    model.settings = settings;
    if (settings.config.size !== before.size) options.onPictures("size");
    if (settings.config.augment !== before.augment) options.onPictures("augment");
    this.planAhead();
    const query = formatSettings(settings);
    const kept = model.testing ? (query ? `${query}&test` : "test") : query;
    history.replaceState(null, "", kept ? `?${kept}` : location.pathname);
    options.render();
  }

  /** Computes the cost of a new run with these settings. */
  planAhead(): void {
    const { model, call, options } = this;
    const { config } = model.settings;
    model.plan = null;
    if (model.state.run !== null || model.problem !== null) return;
    this.tasks.background(
      call.plan(config, model.photographs?.pictures.count ?? null).then((plan) => {
        if (model.settings.config === config) model.plan = plan;
        options.render();
      }),
    );
  }

  /** Computes the cost of a run with each preset. */
  planPresets(): void {
    const { model, call, options } = this;
    for (const preset of Object.keys(presets) as PresetName[]) {
      this.tasks.background(
        call.plan({ ...presets[preset] }, null).then((plan) => {
          model.presetPlans.set(preset, plan);
          options.render();
        }),
      );
    }
  }
}
