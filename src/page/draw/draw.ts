/** The panel "Draw": pictures from a saved run or a checkpoint file, without training. */
import type { Place } from "../../train/walk.ts";
import type { Client } from "../client.ts";
import { download, h, icon, setText } from "../dom.ts";
import { type Film, FilmSaver } from "../film/saver.ts";
import type { RunSummary } from "../protocol.ts";
import { filmTiming, filmWidth, framesAt } from "./film_way.ts";
import { Motion } from "./motion.ts";
import { Newest } from "./newest.ts";
import { Painter } from "./painter.ts";
import { gridFile, pictureFile, placeName } from "./picture_file.ts";
import { Source } from "./source.ts";
import { capitalised, columns, DrawState, type Mode, relativesRows } from "./state.ts";
import { paint, Wall } from "./wall.ts";

export interface DrawPanel {
  /** The saved runs, whenever they change. */
  showRuns(runs: readonly RunSummary[]): void;
  /** Draws from a saved run. */
  open(id: string): void;
}

const largestSeed = 2 ** 32 - 1;

const modes: Record<Mode, { label: string; hint: string }> = {
  walk: { label: "Walk", hint: "Choose two cats of the grid, A and B, and walk from one to the other." },
  stroll: { label: "Stroll", hint: "An endless path past all the cats of the grid. Choose a cat to go there." },
  vary: { label: "Vary", hint: "Choose a cat of the grid, then one of its relatives. Keep those you like." },
};
const modeNames = Object.keys(modes) as Mode[];

/** @param client gives the checkpoints of saved runs */
export function mountDraw(host: HTMLElement, client: { readonly call: Pick<Client["call"], "download"> }): DrawPanel {
  const state = new DrawState();
  /** Height and width of the model's pictures. */
  let pictureSize = 0;

  const painter = new Painter((done, total) => source.compiling(done, total));
  const failure = h("p", { className: "draw-failure" });
  failure.setAttribute("role", "alert");
  const source = new Source({
    download: (id) => client.call.download(id),
    async open(file, name, same) {
      motion.pause();
      // A film must not mix two models.
      saver.cancel();
      const model = await painter.open(file, name);
      pictureSize = model.size;
      for (const shown of [wall, relativesWall, picture]) shown.forget();
      room.hidden = false;
      // The same cats again, a few steps further.
      if (!same) state.setSeed(model.seed);
      else state.breed();
      showGrid();
      return model;
    },
    attempt,
    warn: (text) => setText(failure, `${text}.`),
  });

  // The grid

  const seedInput = h("input", { type: "number", id: "draw-seed", min: "0", max: String(largestSeed), step: "1" });
  seedInput.addEventListener("change", () => {
    const value = seedInput.valueAsNumber;
    if (Number.isInteger(value) && value >= 0 && value <= largestSeed) setSeed(value);
    else seedInput.valueAsNumber = state.seed;
  });
  const another = button("Another", () => setSeed(Math.floor(Math.random() * 10_000)));
  const wall = new Wall(painter, columns, columns, "Cats of this seed", pick);
  const saveGrid = button("Save the grid", () => {
    attempt(gridFile(wall.canvases, columns).then((png) => download(png, `cats-seed-${state.seed}.png`)));
  });
  const putBack = button("Undo kept cats", () => setSeed(state.seed));

  function setSeed(seed: number): void {
    state.setSeed(seed);
    showGrid();
  }

  function showGrid(): void {
    seedInput.valueAsNumber = state.seed;
    attempt(wall.show(state.grid));
    showRelatives();
  }

  function pick(index: number): void {
    if (state.mode === "walk") motion.pause();
    state.choose(index);
    if (state.mode === "vary") showRelatives();
    else show();
  }

  // One picture

  const large = h("canvas", { width: 1, height: 1 });
  large.setAttribute("role", "img");
  const caption = h("p", { className: "draw-caption" });
  const picture = new Newest<Place, ImageData>(
    (places) => painter.draw(places),
    (_, image) => paint(large, image),
    1,
  );
  const saveCat = button("Save this cat", () => {
    attempt(pictureFile(large).then((png) => download(png, `${placeName(state.current())}.png`)));
  });

  // Relatives

  const strengthSlider = slider("draw-strength", 0.05, 0.8, () => {
    state.strength = strengthSlider.valueAsNumber;
    state.breed(state.relative);
    showRelatives();
  });
  strengthSlider.valueAsNumber = state.strength;
  const relativesWall = new Wall(painter, columns, relativesRows, "Its relatives", (index) => {
    state.relative = state.relative === index ? null : index;
    show();
  });
  const others = button("Other relatives", () => {
    state.otherRelatives();
    showRelatives();
  });
  const keep = button("Keep this one", () => {
    state.keepRelative();
    showGrid();
    // The button that was pressed cannot be pressed again.
    others.focus();
  });

  function showRelatives(): void {
    if (state.mode === "vary") attempt(relativesWall.show(state.relatives));
    show();
  }

  // Motion

  const walkSlider = slider("draw-way", 0, 1, () => {
    motion.pause();
    state.way = walkSlider.valueAsNumber;
    show();
  });
  walkSlider.setAttribute("aria-label", "From A to B");
  const playIcon = icon("play");
  const playLabel = h("span");
  const play = button("", () => (motion.playing ? motion.pause() : motion.play()));
  play.append(playIcon, playLabel);

  const motion = new Motion(
    {
      now: () => performance.now(),
      wait: (ms) => new Promise((resolve) => setTimeout(() => requestAnimationFrame(() => resolve()), ms)),
      reducedMotion: () => matchMedia("(prefers-reduced-motion: reduce)").matches,
    },
    async (ms) => {
      state.advance(ms);
      showWords();
      await picture.request([state.current()]);
    },
    showWords,
    (error) => attempt(Promise.reject(error)),
  );
  // Motion stops while it is out of sight.
  new IntersectionObserver((entries) => {
    if (!entries.at(-1)!.isIntersecting) motion.pause();
  }).observe(large);

  // Films

  const saver = new FilmSaver("draw-film-format", film, attempt);

  function film(): Film | null {
    const film = state.film();
    if (film === null) return null;
    const { name, places } = film;
    const frames = framesAt(places, painter);
    return { name, count: places.length, frames, pictureSize, pictureWidth: filmWidth, ...filmTiming };
  }

  // The panel

  const choices = modeNames.map((name) => {
    const choice = h("input", { type: "radio", name: "draw-mode", value: name, checked: name === state.mode });
    choice.addEventListener("change", () => {
      motion.pause();
      state.mode = name;
      if (name === "vary") state.breed();
      showRelatives();
    });
    return h("label", {}, choice, h("span", {}, modes[name].label));
  });
  const hint = h("p", { className: "hint" });
  const walkTools = h("div", { className: "draw-way" }, h("b", {}, "A"), walkSlider, h("b", {}, "B"));
  const varyTools = h(
    "div",
    { className: "draw-vary" },
    h("label", {}, h("span", {}, "How different"), strengthSlider),
    relativesWall.element,
    h("div", { className: "draw-buttons" }, others, keep),
  );
  const room = h(
    "div",
    { className: "draw-room", hidden: true },
    h(
      "div",
      { className: "draw-grid" },
      h("div", { className: "draw-seed" }, h("label", {}, h("span", {}, "Seed"), seedInput), another),
      wall.element,
      h("div", { className: "draw-buttons" }, saveGrid, putBack),
    ),
    h(
      "div",
      { className: "draw-one" },
      h("fieldset", { className: "draw-modes" }, h("legend", { className: "sr-only" }, "What to do"), ...choices),
      hint,
      h("div", { className: "draw-large" }, large),
      caption,
      walkTools,
      h("div", { className: "draw-buttons" }, play, saveCat, saver.element),
      varyTools,
    ),
  );
  host.append(h("header", {}, h("h2", {}, "Draw without training"), source.element), failure, source.status, room);
  host.hidden = false;

  /** Runs work, and shows an error if it fails. */
  function attempt(work: Promise<unknown>): void {
    setText(failure, "");
    work.catch((error: Error) => setText(failure, `${error.message}.`.replace(/\.\.$/, ".")));
  }

  function show(): void {
    showWords();
    attempt(picture.request([state.current()]));
  }

  function showWords(): void {
    const { mode, grid, relatives, relative } = state;
    setText(hint, modes[mode].hint);
    walkTools.hidden = mode !== "walk";
    varyTools.hidden = mode !== "vary";
    play.hidden = mode === "vary";
    // A film in progress can be cancelled in every mode.
    saver.element.hidden = mode === "vary" && !saver.busy;
    playIcon.querySelector("use")!.setAttribute("href", motion.playing ? "#i-pause" : "#i-play");
    setText(playLabel, motion.playing ? "Pause" : "Play");
    putBack.hidden = grid.every(({ kind }) => kind === "cat");
    keep.disabled = relative === null;
    wall.mark(state.marks());
    relativesWall.mark(relatives.map((_, i) => ({ name: `Relative ${i + 1}`, pressed: i === relative, badge: "" })));
    const shown = capitalised(state.words());
    setText(caption, shown);
    large.setAttribute("aria-label", shown);
    walkSlider.valueAsNumber = state.way;
    walkSlider.setAttribute("aria-valuetext", shown);
    strengthSlider.setAttribute("aria-valuetext", `${Math.round(state.strength * 100)} %`);
  }

  return {
    showRuns: (runs) => source.showRuns(runs),
    open: (id) => attempt(source.openRun(id)),
  };
}

function button(label: string, onclick: () => void): HTMLButtonElement {
  return h("button", { type: "button", onclick }, label);
}

function slider(id: string, min: number, max: number, oninput: () => void): HTMLInputElement {
  const [from, to] = [min, max].map(String);
  return h("input", { type: "range", id, min: from, max: to, step: "0.01", value: from, oninput });
}
