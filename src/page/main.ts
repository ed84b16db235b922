/** The page's entry: creates the panels, connects them to the worker that trains, and shows what it reports. */
import type { Config, PresetName } from "../train/config.ts";
import { Charts } from "./charts.ts";
import { Client } from "./client.ts";
import { Controls } from "./controls.ts";
import { byId } from "./dom.ts";
import { mountDraw } from "./draw/draw.ts";
import { count } from "./format.ts";
import { realsGrid } from "./grid_file.ts";
import { Model } from "./model.ts";
import { notify } from "./notices.ts";
import { showStorage } from "./persistence.ts";
import { mountPictures } from "./pictures/panel.ts";
import type { Photographs, WorkerEvent } from "./protocol.ts";
import { RunList } from "./runs.ts";
import { parseSettings } from "./settings.ts";
import { SettingsEditor } from "./settings_editor.ts";
import { mountShortcuts } from "./shortcuts.ts";
import { apply } from "./state.ts";
import { Steering } from "./steering.ts";
import { Tasks } from "./tasks.ts";
import { mountTheme } from "./theme.ts";
import { Timeline } from "./timeline.ts";
import { showAdapter } from "./views/adapter.ts";
import { showNotices } from "./views/notices.ts";
import { showSettings } from "./views/settings.ts";
import { showStage } from "./views/stage.ts";
import { showTransport } from "./views/transport.ts";
import { keepAwake } from "./wake_lock.ts";

const testing = new URLSearchParams(location.search).has("test");
const { problems, ...settings } = parseSettings(location.search);
const model = new Model(settings, testing);
const { state } = model;
const { title: plainTitle } = document;
let renderDue = false;
const tasks = new Tasks(model, render);
const { attempt, background } = tasks;
const client = new Client(onEvent, (message) =>
  notify("crash", {
    text: `The training worker has stopped: ${message}. Reload the page; what was saved is safe.`,
    bad: true,
  }),
);
const { call } = client;

// Panels

const charts = new Charts();
const theme = mountTheme(byId("theme"), () => charts.draw());
const timeline = new Timeline({
  attempt,
  onLook(sample) {
    model.past = sample;
    render();
  },
});
const pictures = mountPictures(byId("pictures"), {
  size: () => model.settings.config.size,
  // If the GPU fails meanwhile, training reports it; the preview then shows mirror images.
  augmented: (some) => call.augmented(some, model.settings.config).catch(() => null),
  onChoice: usePhotographs,
});
const draw = mountDraw(byId("draw"), client);
const editor = new SettingsEditor(model, call, tasks, {
  render,
  onPictures: (what) => (what === "size" ? pictures.resize() : pictures.refresh()),
});
const controls = new Controls({
  onPreset: (preset: PresetName) => editor.choosePreset(preset),
  onChange: (key: keyof Config, value) => editor.change(key, value),
});
const steering = new Steering(model, call, tasks, { timeline, pictures, draw });
const runs = new RunList(client, {
  attempt,
  onUpload: (file) => steering.upload(file),
  onOpen: (run) => steering.open(run),
  onDraw: (run) => steering.drawFrom(run),
  onDownload: (run) => steering.downloadCheckpoint(run),
});

function usePhotographs(choice: Photographs | null): void {
  model.photographs = choice;
  model.photographsGrid = null;
  if (choice) {
    background(
      realsGrid(choice.pictures).then((png) => {
        if (model.photographs === choice) model.photographsGrid = png;
        render();
      }),
    );
  }
  editor.planAhead();
  render();
}

// Buttons and keys

const onClick = (id: string, action: () => void) => byId(id).addEventListener("click", action);
onClick("start", () => steering.start());
onClick("continue", () => steering.continue());
onClick("find-gpu", () => steering.findGpu());
onClick("play", () => steering.playOrPause());
onClick("step", () => steering.step());
onClick("save", () => steering.save());
onClick("stop", () => steering.stop());
onClick("pending-start", () => steering.start());
onClick("pending-undo", () => editor.undo());
onClick("reset", () => editor.reset());
onClick("copy-link", () => {
  attempt(
    navigator.clipboard
      .writeText(location.href)
      .then(() => notify("copied", { text: "The link with these settings is in the clipboard." })),
  );
  setTimeout(() => notify("copied", null), 8000);
});

mountShortcuts([
  { key: " ", label: "Space", does: "Play or pause", run: () => steering.playOrPause() },
  { key: ".", label: ".", does: "One step", run: () => state.phase === "paused" && steering.step() },
  { key: "s", label: "S", does: "Save now", run: () => state.run && steering.save() },
  { key: "ArrowLeft", label: "←", does: "Earlier grid", run: () => timeline.move(-1) },
  { key: "ArrowRight", label: "→", does: "Later grid", run: () => timeline.move(1) },
  { key: "Escape", label: "Esc", does: "Back to now", run: () => timeline.backToNow() },
  { key: "f", label: "F", does: "Play the grids so far", run: () => timeline.playFilm() },
  { key: "l", label: "L", does: "Logarithmic or linear losses", run: () => charts.toggleLog() },
  { key: "t", label: "T", does: "Light or dark", run: () => theme.toggle() },
]);

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden" && state.run !== null && !state.elsewhere) background(call.leaving());
});
// What could not be saved is lost with the tab.
addEventListener("beforeunload", (event) => {
  if (state.storage !== null && model.unsaved) event.preventDefault();
});

// The worker's events

function onEvent(event: WorkerEvent): void {
  apply(state, event);
  switch (event.type) {
    case "canvas":
      attempt(call.canvas({ canvas: freshCanvas() }));
      break;
    case "opened":
    case "config":
      if (state.run) editor.showRun(state.run.config);
      break;
    case "closed":
      editor.planAhead();
      break;
    case "note":
      notify(`note ${event.text}`, { text: `${event.text}.`.replace(/\.\.$/, ".") });
      break;
    case "speed":
      editor.planAhead();
      editor.planPresets();
      break;
  }
  showTitle();
  render();
}

/** Puts an unused canvas in the place of the one that shows drawings. */
function freshCanvas(): OffscreenCanvas {
  const used = byId<HTMLCanvasElement>("fakes");
  const fresh = used.cloneNode() as HTMLCanvasElement;
  used.replaceWith(fresh);
  return fresh.transferControlToOffscreen();
}

// Showing

/** Shows the model at the next frame; a hidden page is shown when it becomes visible. */
function render(): void {
  if (renderDue) return;
  renderDue = true;
  requestAnimationFrame(() => {
    renderDue = false;
    show();
  });
}

function show(): void {
  showAdapter(model);
  showStage(model);
  showTransport(model);
  timeline.show(state.run, state.samples);
  byId("charts").hidden = state.rows.length < 2;
  charts.show(state.rows);
  showSettings(model, controls);
  const canTrain = state.adapter?.kind === "found" && !state.elsewhere;
  runs.show(state.runs, state.damagedRuns, state.run?.id ?? null, canTrain);
  draw.showRuns(state.runs);
  showNotices(model, steering);
  keepAwake(state.phase === "training" && !state.elsewhere);
}

/** Also while the page is hidden: the tab's title is what can be seen of it then. */
function showTitle(): void {
  const { numbers } = model;
  const training = numbers && state.phase === "training";
  const title = training ? `${count(numbers.step)} of ${count(numbers.totalSteps)} · catgan` : plainTitle;
  if (document.title !== title) document.title = title;
}

// "Saved 5 min ago" changes without any event.
setInterval(render, 10_000);

for (const [i, problem] of problems.entries()) {
  notify(`address ${i}`, { text: `A setting in the address was ignored: ${problem}.` });
}
attempt(call.hello({ canvas: freshCanvas(), test: testing }));
background(showStorage());
render();

if (testing) {
  Object.assign(window, { catgan: { state, destroyDevice: () => call.destroyDevice() } });
}
