/** The transport: play, step, save and stop, and where the open run is. */
import { byId, setText } from "../dom.ts";
import { ago, bytes, count, duration, rough } from "../format.ts";
import type { Model } from "../model.ts";
import { shownName } from "../shown_text.ts";
import type { RunNumbers } from "../state.ts";

export function showTransport(model: Model): void {
  const { run } = model.state;
  const { numbers } = model;
  byId("transport").hidden = run === null;
  if (!run || !numbers) return;
  setText(byId("run-name"), shownName(run.name));
  setText(byId("phase-word"), phaseText(model, numbers));
  showButtons(model, numbers);
  showNumbers(model, numbers);
}

function phaseText({ state, watching, unsaved }: Model, { step }: RunNumbers): string {
  const texts = {
    idle: "",
    preparing: "getting ready",
    training: "training",
    paused: unsaved ? "paused" : "paused, saved",
    finished: watching ? "finished" : `Finished. Press Play to train ${count(step)} more steps`,
    failed: "stopped",
  };
  const text = texts[state.phase];
  return watching ? `${text}, in another tab` : text;
}

function showButtons({ state, watching, waiting, unsaved }: Model, { step }: RunNumbers): void {
  const { phase } = state;
  const training = phase === "training";
  const paused = phase === "paused";
  const finished = phase === "finished";
  const blocked = watching || waiting;
  const play = byId<HTMLButtonElement>("play");
  play.querySelector("use")!.setAttribute("href", training ? "#i-pause" : "#i-play");
  const label = training ? "Pause" : finished ? `Train ${count(step)} more steps` : "Play";
  play.setAttribute("aria-label", label);
  play.title = `${label} (space)`;
  play.disabled = blocked || !(training || finished || paused || phase === "failed");
  byId<HTMLButtonElement>("step").disabled = blocked || !paused;
  byId<HTMLButtonElement>("save").disabled = blocked || !(training || paused || (finished && unsaved));
  byId<HTMLButtonElement>("stop").disabled = blocked;
}

function showNumbers({ state }: Model, numbers: RunNumbers): void {
  const { saved, gpuBytes } = state;
  const { step, totalSteps, epoch, epochs, picturesPerSecond, secondsLeft } = numbers;
  const bar = byId<HTMLProgressElement>("run-progress");
  bar.max = totalSteps;
  bar.value = step;
  setText(byId("n-step"), `${count(step)} / ${count(totalSteps)}`);
  setText(byId("n-epoch"), `${count(epoch)} / ${count(epochs)}`);
  setText(byId("n-rate"), picturesPerSecond === null ? "–" : rough(picturesPerSecond));
  setText(byId("n-left"), secondsLeft === null ? "–" : duration(secondsLeft));
  setText(byId("n-gpu"), gpuBytes === 0 ? "–" : bytes(gpuBytes));
  setText(byId("n-saved"), saved === null ? "not yet" : ago(Date.now() - saved.at));
}
