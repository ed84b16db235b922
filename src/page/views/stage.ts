/** The stage: drawings next to real pictures, and before a run, a curtain with the start button in front of them. */
import { presetWords } from "../controls.ts";
import { describeAdapter, describeRunTime } from "../describe_adapter.ts";
import { byId, setImage, setText } from "../dom.ts";
import { count, picturesWord } from "../format.ts";
import type { Model } from "../model.ts";
import { shownName } from "../shown_text.ts";
import { progressText } from "./adapter.ts";

export function showStage(model: Model): void {
  showCurtain(model);
  showDrawings(model);
  showReals(model);
}

function showCurtain(model: Model): void {
  const { state, past, problem, unfinished, waiting } = model;
  const { run, phase, drawn, elsewhere } = state;
  const { canTrain, text } = describeAdapter(state.adapter, isSecureContext);
  const preparing = phase === "preparing";
  const curtain = byId("curtain");
  const lifted = run !== null && (drawn !== null || past !== null || state.samples.length > 0);
  curtain.classList.toggle("lifted", lifted);
  curtain.inert = lifted;

  const blocked = !canTrain || elsewhere || waiting;
  const start = byId<HTMLButtonElement>("start");
  start.hidden = preparing || run !== null;
  start.disabled = blocked || problem !== null;
  byId("to-settings").hidden = start.hidden;
  const resume = byId<HTMLButtonElement>("continue");
  resume.hidden = start.hidden || blocked || !unfinished;
  setText(resume, unfinished ? `Continue ${shownName(unfinished.name)}, step ${count(unfinished.step)}` : "");

  const message = byId("curtain-text");
  const beforeStart = canTrain ? (problem ?? nextRunText(model)) : text;
  setText(message, preparing ? progressText(state) || "Getting ready…" : run ? "" : beforeStart);
  message.classList.toggle("bad", !preparing && !run && canTrain && problem !== null);
  const bar = byId<HTMLProgressElement>("curtain-progress");
  bar.hidden = !preparing;
  const shares = [...state.progress.values()].map(({ done, total }) => done / Math.max(1, total));
  if (shares.length > 0) bar.value = shares.reduce((sum, share) => sum + share) / shares.length;
  else bar.removeAttribute("value");
}

/** What Start would do. */
function nextRunText({ settings, photographs, plan, state }: Model): string {
  const { preset, config } = settings;
  const time = plan ? describeRunTime(state.speed, plan.flops, preset) : "";
  const learnt = photographs ? picturesWord(photographs.pictures.count, shownName(photographs.label)) : "painted cats";
  return `${presetWords[preset].title}, ${config.size} × ${config.size}, on ${learnt}${time ? `: ${time}` : ""}`;
}

function showDrawings({ state, past }: Model): void {
  const { run, drawn, samples, elsewhere } = state;
  // A tab that watches has no canvas of its own: it shows the newest grid.
  const newest = elsewhere || drawn === null ? samples.at(-1) : null;
  const grid = past ?? newest;
  const img = byId<HTMLImageElement>("past");
  img.hidden = !run || !grid;
  setImage(img, grid?.png ?? null);
  img.alt = grid ? `The network's drawings after ${count(grid.step)} steps` : "";
  setText(byId("fakes-caption"), drawingsCaption(run !== null, grid?.step ?? drawn));
}

function drawingsCaption(hasRun: boolean, step: number | null): string {
  if (!hasRun) return "Nothing yet: press Start";
  if (step === null) return "";
  return step === 0 ? "untrained: noise in, noise out" : `after ${count(step)} steps`;
}

function showReals({ state, photographs, photographsGrid, pictureCount }: Model): void {
  const { run } = state;
  setImage(byId<HTMLImageElement>("reals"), run ? state.reals : (photographsGrid ?? state.painted));
  const data = run?.data ?? photographs?.label ?? "painted";
  const painted = `${count(pictureCount)} cats painted by a program`;
  setText(byId("reals-caption"), data === "painted" ? painted : picturesWord(pictureCount, shownName(data)));
}
