/** The settings panel: values, the time each preset takes, and the changes that need a new run. */
import { type Controls, needNewRun } from "../controls.ts";
import { describeRunTime } from "../describe_adapter.ts";
import { byId, setText } from "../dom.ts";
import type { Model } from "../model.ts";

export function showSettings(model: Model, controls: Controls): void {
  const { settings, state, pictureCount, presetPlans, waiting, problem } = model;
  const { run } = state;
  const stepsPerEpoch = Math.max(1, Math.floor(pictureCount / settings.config.batch));
  controls.show(settings.preset, settings.config, run?.config ?? null, stepsPerEpoch);
  for (const [preset, plan] of presetPlans) controls.showEta(preset, describeRunTime(state.speed, plan.flops, preset));
  const pending = run ? needNewRun(run.config, settings.config) : [];
  byId("pending").hidden = pending.length === 0;
  setText(byId("pending-text"), `Changes that need a new run: ${pending.join(", ")}.`);
  byId<HTMLButtonElement>("pending-start").disabled = waiting || state.elsewhere || problem !== null;
}
