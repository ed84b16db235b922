/** The page: wires what people see and press to the worker that trains. */
import { paintedCount } from "../data/pictures.ts";
import { changed, whenChanged } from "../train/changes.ts";
import { type Config, type PresetName, presets } from "../train/config.ts";
import { adapterWord, etaWord, speedWord } from "./adapter_word.ts";
import { Charts } from "./charts.ts";
import { Client } from "./client.ts";
import { Controls, needNewRun, presetWords } from "./controls.ts";
import { byId, download, h, setImage, setText } from "./dom.ts";
import { mountDraw } from "./draw/draw.ts";
import { ago, bytes, count, duration, picturesWord, rough } from "./format.ts";
import { realsGrid } from "./grid_file.ts";
import { notify } from "./notices.ts";
import { keepStorage, showStorage } from "./persistence.ts";
import { mountPictures } from "./pictures/panel.ts";
import type { Photographs, Plan, RunSummary, Sample, WorkerEvent } from "./protocol.ts";
import { RunList } from "./runs.ts";
import { formatSettings, parseSettings, type Settings } from "./settings.ts";
import { mountShortcuts } from "./shortcuts.ts";
import { shownName } from "./shown_text.ts";
import { apply, initialState, runNumbers } from "./state.ts";
import { tooFewPictures } from "./steps_per_epoch.ts";
import { mountTheme } from "./theme.ts";
import { Timeline } from "./timeline.ts";
import { troubleWord } from "./trouble_word.ts";
import { keepAwake } from "./wake_lock.ts";

const testing = new URLSearchParams(location.search).has("test");
const state = initialState();
const { problems, ...parsed } = parseSettings(location.search);
/** What a new run would be; while one is open, what it is or shall be. */
let settings: Settings = parsed;
/** Null: painted cats. */
let photographs: Photographs | null = null;
/** Some of them, to be seen. */
let brought: Blob | null = null;
const plans = new Map<PresetName, Plan>();
/** What a new run by the settings would take. */
let planned: Plan | null = null;
/** A past grid that is looked at. */
let past: Sample | null = null;
/** A call that the person waits for. */
let busy = 0;

const client = new Client(onEvent, (message) =>
  notify("crash", {
    text: `The training worker has stopped: ${message}. Reload the page; what was saved is safe.`,
    bad: true,
  }),
);
const { call } = client;

const timeline = new Timeline({
  attempt,
  onLook(sample) {
    past = sample;
    render();
  },
});
const { title: plainTitle } = document;
const charts = new Charts();
const theme = mountTheme(byId("theme"), () => charts.draw());
const runs = new RunList(client, {
  attempt,
  onUpload: upload,
  onOpen: openRun,
  onDraw: drawFrom,
  onDownload: saveFile,
});
const pictures = mountPictures(byId("pictures"), {
  size: () => settings.config.size,
  // If the GPU fails meanwhile, training reports it; the preview then shows mirror images.
  augmented: (some) => call.augmented(some, settings.config).catch(() => null),
  onChoice(choice) {
    photographs = choice;
    brought = null;
    if (choice) {
      unattended(
        realsGrid(choice.pictures).then((png) => {
          if (photographs === choice) brought = png;
          render();
        }),
      );
    }
    planAhead();
    render();
  },
});
const draw = mountDraw(byId("draw"), client);
const controls = new Controls({ onPreset: choosePreset, onChange: changeSetting });

/** Does something that may fail, and says so when it does. */
function attempt(work: Promise<unknown>): void {
  const focused = document.activeElement as HTMLElement | null;
  busy++;
  notify("failure", null);
  render();
  work
    .catch((error: Error) => notify("failure", { text: error.message, bad: true }))
    .finally(() => {
      busy--;
      render();
      // A button that cannot be pressed meanwhile loses the keyboard's place.
      requestAnimationFrame(() => {
        if (document.activeElement === document.body) focused?.focus({ preventScroll: true });
      });
    });
}

/** Does something that nobody waits for, and reports it when it fails. */
function unattended(work: Promise<unknown>): void {
  work.catch((error: Error) => notify("failure", { text: error.message, bad: true }));
}

// Settings

function choosePreset(preset: PresetName): void {
  setSettings({ preset, config: { ...presets[preset], seed: settings.config.seed } });
}

function changeSetting(key: keyof Config, value: Config[keyof Config]): void {
  const before = settings.config;
  const config = changed(before, { [key]: value });
  setSettings({ ...settings, config });
  const { run } = state;
  if (run === null || whenChanged(key, run.config, config) === "new run") return;
  const { steps, epochs } = config;
  const changes = key === "steps" || key === "epochs" ? { steps, epochs } : { [key]: value };
  attempt(
    call.change(changes).catch((error: Error) => {
      setSettings({ ...settings, config: before });
      throw error;
    }),
  );
}

function setSettings(next: Settings): void {
  const before = settings.config;
  settings = next;
  if (next.config.size !== before.size) pictures.resize();
  if (next.config.augment !== before.augment) pictures.refresh();
  planAhead();
  const query = formatSettings(settings);
  const kept = testing ? (query ? `${query}&test` : "test") : query;
  history.replaceState(null, "", kept ? `?${kept}` : location.pathname);
  render();
}

/** Finds out what a new run would take. */
function planAhead(): void {
  const { config } = settings;
  planned = null;
  if (state.run !== null || problemOf(settings) !== null) return;
  unattended(
    call.plan(config, photographs?.pictures.count ?? null).then((plan) => {
      if (settings.config === config) planned = plan;
      render();
    }),
  );
}

/** Why a run cannot start with these settings, for people; null when it can. */
function problemOf({ config }: Settings): string | null {
  return tooFewPictures(photographs?.pictures.count ?? paintedCount(config.size), config.batch);
}

/** The preset that a configuration is closest to, by its size. */
function presetOf({ size }: Config): PresetName {
  return size === 128 ? "steady128" : size === 64 ? "steady" : "tiny";
}

// Steering

function start(): void {
  const { preset, config } = settings;
  const { title } = presetWords[preset];
  const kind = config.size === 128 || photographs ? title : `${title} cats`;
  const name = config.seed === 1 ? kind : `${kind}, seed ${config.seed}`;
  timeline.backToNow();
  goTo("stage", "nearest");
  // Pictures may still be read at the size that was chosen last.
  attempt(pictures.settled().then(() => call.start({ name, config: settings.config, photographs })));
  unattended(keepStorage());
}

/** The keyboard's place goes there too: what was pressed may go away. */
function goTo(section: string, block: ScrollLogicalPosition = "start"): void {
  const element = byId(section);
  element.scrollIntoView({ block });
  element.focus({ preventScroll: true });
}

function openRun({ id, step, totalSteps, lacksPictures }: RunSummary): void {
  goTo("stage");
  attempt(call.open(id, lacksPictures ? photographs : null).then(() => (step < totalSteps ? call.play() : undefined)));
  unattended(keepStorage());
}

function upload(file: File): void {
  attempt(call.upload(file, file.name.replace(/\.safetensors$/, "")));
  unattended(keepStorage());
}

/** Downloads a run's checkpoint. */
function saveFile({ id, name }: Pick<RunSummary, "id" | "name">): void {
  attempt(
    call.download(id).then(({ file, step, warning }) => {
      download(file, `${shownName(name)}-step-${step}.safetensors`);
      notify("download", warning === null ? null : { text: `${warning}. The file holds that step.` });
    }),
  );
}

function drawFrom({ id }: RunSummary): void {
  goTo("draw");
  draw.open(id);
}

/** As many steps again, after the last. */
function trainOn(): void {
  const steps = 2 * runNumbers(state)!.step;
  attempt(call.change({ steps, epochs: null }).then(() => call.play()));
}

/** The newest run that is not at its end. */
function unfinished(): RunSummary | undefined {
  return state.runs.find(({ step, totalSteps }) => step > 0 && step < totalSteps);
}

function playOrPause(): void {
  if (state.phase === "training") attempt(call.pause());
  else if (state.phase === "paused") attempt(call.play());
  else if (state.phase === "finished") trainOn();
  else if (state.phase === "failed" && state.run) attempt(call.open(state.run.id, null).then(() => call.play()));
  else if (state.run === null && state.phase === "idle" && !byId<HTMLButtonElement>("start").disabled) start();
}

byId("start").addEventListener("click", start);
byId("find-gpu").addEventListener("click", () => attempt(call.findGpu()));
byId("continue").addEventListener("click", () => {
  const run = unfinished();
  if (run) openRun(run);
});
byId("play").addEventListener("click", playOrPause);
byId("step").addEventListener("click", () => attempt(call.step()));
byId("save").addEventListener("click", () => attempt(call.save()));
byId("stop").addEventListener("click", () => {
  goTo("stage", "nearest");
  attempt(call.stop());
});
byId("pending-start").addEventListener("click", start);
byId("pending-undo").addEventListener("click", () => {
  if (state.run) setSettings({ ...settings, config: { ...state.run.config } });
});
byId("reset").addEventListener("click", () => setSettings({ ...settings, config: { ...presets[settings.preset] } }));
byId("copy-link").addEventListener("click", () => {
  attempt(
    navigator.clipboard
      .writeText(location.href)
      .then(() => notify("copied", { text: "The link with these settings is in the clipboard." })),
  );
  setTimeout(() => notify("copied", null), 8000);
});

mountShortcuts([
  { key: " ", label: "Space", does: "Play or pause", run: playOrPause },
  { key: ".", label: ".", does: "One step", run: () => state.phase === "paused" && attempt(call.step()) },
  { key: "s", label: "S", does: "Save now", run: () => state.run && attempt(call.save()) },
  { key: "ArrowLeft", label: "←", does: "Earlier grid", run: () => timeline.move(-1) },
  { key: "ArrowRight", label: "→", does: "Later grid", run: () => timeline.move(1) },
  { key: "Escape", label: "Esc", does: "Back to now", run: () => timeline.backToNow() },
  { key: "f", label: "F", does: "Play the grids so far", run: () => timeline.playFilm() },
  { key: "l", label: "L", does: "Logarithmic or linear losses", run: () => charts.toggleLog() },
  { key: "t", label: "T", does: "Light or dark", run: () => theme.toggle() },
]);

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden" && state.run !== null && !state.elsewhere) unattended(call.leaving());
});
// What could not be saved is lost with the tab.
addEventListener("beforeunload", (event) => {
  if (state.storage !== null && state.saved?.step !== runNumbers(state)?.step) event.preventDefault();
});

// Showing

function onEvent(event: WorkerEvent): void {
  apply(state, event);
  switch (event.type) {
    case "canvas":
      attempt(call.canvas({ canvas: freshCanvas() }));
      break;
    case "opened":
    case "config":
      if (state.run) setSettings({ preset: presetOf(state.run.config), config: { ...state.run.config } });
      break;
    case "closed":
      planAhead();
      break;
    case "note":
      notify(`note ${event.text}`, { text: `${event.text}.`.replace(/\.\.$/, ".") });
      break;
    case "speed":
      planAhead();
      for (const preset of Object.keys(presets) as PresetName[]) {
        unattended(
          call.plan({ ...presets[preset] }, null).then((plan) => {
            plans.set(preset, plan);
            render();
          }),
        );
      }
      break;
  }
  showTitle();
  render();
}

/** Puts an unused canvas in the place of the fakes'. */
function freshCanvas(): OffscreenCanvas {
  const used = byId<HTMLCanvasElement>("fakes");
  const fresh = used.cloneNode() as HTMLCanvasElement;
  used.replaceWith(fresh);
  return fresh.transferControlToOffscreen();
}

let due = false;

/** Shows the state at the next frame; a hidden page is shown when it is looked at again. */
function render(): void {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    show();
  });
}

function showTitle(): void {
  const numbers = runNumbers(state);
  const training = numbers && state.phase === "training";
  const title = training ? `${count(numbers.step)} of ${count(numbers.totalSteps)} · catgan` : plainTitle;
  if (document.title !== title) document.title = title;
}

function show(): void {
  const watching = state.elsewhere && state.run !== null;
  showAdapter();
  showStage();
  showTransport(watching);
  timeline.show(state.run, state.samples);
  byId("charts").hidden = state.rows.length < 2;
  charts.show(state.rows);
  showSettings();
  const canTrain = state.adapter?.kind === "found" && !state.elsewhere;
  runs.show(state.runs, state.damagedRuns, state.run?.id ?? null, canTrain);
  draw.showRuns(state.runs);
  showNotices(watching);
  keepAwake(state.phase === "training" && !state.elsewhere);
}

function showAdapter(): void {
  const { adapter, speed } = state;
  const word = adapterWord(adapter, isSecureContext);
  setText(byId("adapter-word"), word.text);
  const measuring = adapter?.kind === "found" && !speed && state.run === null && state.phase === "idle" && !testing;
  setText(byId("speed-word"), speedWord(speed) ?? (measuring ? `Measuring how fast it is… ${progressWord()}` : ""));
  const help = byId<HTMLDetailsElement>("adapter-help");
  if (word.help && help.hidden) {
    help.querySelector("summary")!.textContent = word.help.title;
    help.querySelector("ul")!.replaceChildren(...word.help.lines.map((line) => h("li", {}, line)));
    if (!word.canTrain) help.open = true;
  }
  help.hidden = word.help === null;
  byId("find-gpu").hidden = !(adapter?.kind === "none" && adapter.reason === "no adapter");
  const pill = byId("adapter-pill");
  pill.hidden = adapter === null;
  if (adapter) {
    setText(pill, adapter.kind === "found" ? adapter.name : "no GPU");
    pill.className = `pill ${adapter.kind === "none" ? "none" : adapter.software ? "slow" : ""}`;
  }
}

/** What is being prepared. */
function progressWord(): string {
  return [...state.progress]
    .filter(([, { done, total }]) => done < total)
    .map(([what, { done, total }]) => `${what[0].toUpperCase()}${what.slice(1)}: ${count(done)} of ${count(total)}`)
    .join(" · ");
}

function showStage(): void {
  const { run, phase, drawn, adapter } = state;
  const word = adapterWord(adapter, isSecureContext);
  const preparing = phase === "preparing";
  const curtain = byId("curtain");
  const lifted = run !== null && (drawn !== null || past !== null || state.samples.length > 0);
  curtain.classList.toggle("lifted", lifted);
  curtain.inert = lifted;
  const startButton = byId<HTMLButtonElement>("start");
  startButton.hidden = preparing || run !== null;
  const problem = problemOf(settings);
  startButton.disabled = !word.canTrain || state.elsewhere || busy > 0 || problem !== null;
  const goesOn = unfinished();
  const continueButton = byId<HTMLButtonElement>("continue");
  continueButton.hidden = startButton.hidden || !word.canTrain || state.elsewhere || busy > 0 || !goesOn;
  setText(continueButton, goesOn ? `Continue ${shownName(goesOn.name)}, step ${count(goesOn.step)}` : "");
  const { preset, config } = settings;
  const eta = planned ? etaWord(state.speed, planned.flops, preset) : "";
  const { size } = config;
  const learnt = photographs ? picturesWord(photographs.pictures.count, shownName(photographs.label)) : "painted cats";
  const what = `${presetWords[preset].title}, ${size} × ${size}, on ${learnt}${eta ? `: ${eta}` : ""}`;
  const canStart = word.canTrain ? (problem ?? what) : word.text;
  setText(byId("curtain-text"), preparing ? progressWord() || "Getting ready…" : run ? "" : canStart);
  byId("curtain-text").classList.toggle("bad", !preparing && !run && word.canTrain && problem !== null);
  const bar = byId<HTMLProgressElement>("curtain-progress");
  bar.hidden = !preparing;
  byId("to-settings").hidden = startButton.hidden;
  const shares = [...state.progress.values()].map(({ done, total }) => done / Math.max(1, total));
  if (shares.length > 0) bar.value = shares.reduce((sum, share) => sum + share) / shares.length;
  else bar.removeAttribute("value");

  // A tab that watches has no canvas of its own: it shows the newest grid.
  const image =
    past ?? (state.elsewhere ? state.samples.at(-1) : null) ?? (drawn === null ? state.samples.at(-1) : null);
  const img = byId<HTMLImageElement>("past");
  img.hidden = !run || !image;
  setImage(img, image?.png ?? null);
  img.alt = image ? `The network's drawings after ${count(image.step)} steps` : "";
  const step = image?.step ?? drawn;
  setText(
    byId("fakes-caption"),
    run === null
      ? "from noise, soon"
      : step === null
        ? ""
        : step === 0
          ? "untrained: noise in, noise out"
          : `after ${count(step)} steps`,
  );
  const chosen = photographs && { data: photographs.label, pictureCount: photographs.pictures.count };
  const { data, pictureCount } = run ?? chosen ?? { data: "painted", pictureCount: 0 };
  setImage(byId<HTMLImageElement>("reals"), run ? state.reals : (brought ?? state.painted));
  setText(
    byId("reals-caption"),
    data === "painted" ? "painted by code, cats to learn from" : picturesWord(pictureCount, shownName(data)),
  );
}

const phaseWords = {
  idle: "",
  preparing: "getting ready",
  training: "training",
  paused: "paused, saved",
  finished: "finished; play trains on",
  failed: "stopped",
} as const;

function showTransport(watching: boolean): void {
  const { run, phase, saved } = state;
  const transport = byId("transport");
  transport.hidden = run === null;
  const numbers = runNumbers(state);
  if (!run || !numbers) return;
  const unsaved = saved?.step !== numbers.step;
  const play = byId<HTMLButtonElement>("play");
  const training = phase === "training";
  play.querySelector("use")!.setAttribute("href", training ? "#i-pause" : "#i-play");
  const finished = phase === "finished";
  const playWord = training ? "Pause" : finished ? `Train on, ${count(numbers.step)} more steps` : "Play";
  play.setAttribute("aria-label", playWord);
  play.title = `${playWord} (space)`;
  play.disabled = watching || busy > 0 || !(training || finished || phase === "paused" || phase === "failed");
  byId<HTMLButtonElement>("step").disabled = watching || busy > 0 || phase !== "paused";
  byId<HTMLButtonElement>("save").disabled =
    watching || busy > 0 || !(training || phase === "paused" || (finished && unsaved));
  byId<HTMLButtonElement>("stop").disabled = watching || busy > 0;
  setText(byId("run-name"), shownName(run.name));
  setText(
    byId("phase-word"),
    watching ? `${phaseWords[phase]}, in another tab` : unsaved && phase === "paused" ? "paused" : phaseWords[phase],
  );
  const bar = byId<HTMLProgressElement>("run-progress");
  bar.max = numbers.totalSteps;
  bar.value = numbers.step;
  setText(byId("n-step"), `${count(numbers.step)} / ${count(numbers.totalSteps)}`);
  setText(byId("n-epoch"), `${count(numbers.epoch)} / ${count(numbers.epochs)}`);
  setText(byId("n-rate"), numbers.picturesPerSecond === null ? "–" : rough(numbers.picturesPerSecond));
  setText(byId("n-left"), numbers.secondsLeft === null ? "–" : duration(numbers.secondsLeft));
  setText(byId("n-gpu"), state.gpuBytes === 0 ? "–" : bytes(state.gpuBytes));
  setText(byId("n-saved"), saved === null ? "not yet" : ago(Date.now() - saved.at));
}

function showSettings(): void {
  const { run } = state;
  const pictureCount = run?.pictureCount ?? photographs?.pictures.count ?? paintedCount(settings.config.size);
  const perEpoch = Math.max(1, Math.floor(pictureCount / settings.config.batch));
  controls.show(settings.preset, settings.config, run?.config ?? null, perEpoch);
  for (const [preset, plan] of plans) controls.showEta(preset, etaWord(state.speed, plan.flops, preset));
  const differing = run ? needNewRun(run.config, settings.config) : [];
  byId("pending").hidden = differing.length === 0;
  setText(byId("pending-text"), `These need a new run: ${differing.join(", ")}.`);
  byId<HTMLButtonElement>("pending-start").disabled = busy > 0 || state.elsewhere || problemOf(settings) !== null;
}

function showNotices(watching: boolean): void {
  const { trouble, elsewhere, storage, gpuWait, run } = state;
  notify(
    "elsewhere",
    elsewhere
      ? {
          text: watching
            ? "You are watching another tab's run."
            : "Another tab of this page is training. Only one can.",
          closes: false,
          actions: {
            ...(watching ? {} : { "Watch it here": () => attempt(call.watch()) }),
            "Take over": () => attempt(call.takeOver()),
          },
        }
      : null,
  );
  const lostWithTab = run !== null && state.saved?.step !== runNumbers(state)?.step;
  notify(
    "storage",
    storage === null || !run
      ? null
      : {
          text: `${storage}.`,
          bad: true,
          actions: watching
            ? {}
            : {
                Download: () => saveFile(run),
                ...(lostWithTab && state.phase !== "training"
                  ? { "Close without saving": () => attempt(call.abandon()) }
                  : {}),
              },
        },
  );
  notify("gpu wait", gpuWait && { ...gpuWaitNotice(gpuWait, run !== null && state.saved !== null), closes: false });
  // While the worker waits for a GPU, the notice above says it all.
  if (trouble === null || gpuWait !== null) {
    notify("trouble", null);
    return;
  }
  notify("trouble", {
    text: troubleWord(trouble),
    bad: trouble.kind !== "sign" && trouble.attempt === null,
    actions: trouble.kind === "no GPU" && !watching ? { "Try again": playOrPause } : {},
  });
}

function gpuWaitNotice({ seconds, attempt, attempts }: NonNullable<typeof state.gpuWait>, saved: boolean) {
  return {
    text:
      "The browser gives this page no GPU at the moment. Browsers block it for a few minutes after it has failed " +
      `repeatedly. Next attempt (${attempt} of ${attempts}) in ${seconds} s. ` +
      `If none succeeds, restart the browser${saved ? ": what was saved is safe" : ""}.`,
    actions: {
      "Try now": () => unattended(call.endGpuWait("try now")),
      "Stop waiting": () => unattended(call.endGpuWait("give up")),
    },
  };
}

// Ages grow by themselves.
setInterval(render, 10_000);

for (const [i, problem] of problems.entries())
  notify(`address ${i}`, { text: `The address was not understood: ${problem}.` });
attempt(call.hello({ canvas: freshCanvas(), test: testing }));
unattended(showStorage());
render();

if (testing) {
  Object.assign(window, { catgan: { state, destroyDevice: () => call.destroyDevice() } });
}
