/** The panel "Draw": pictures from a saved run or a checkpoint file, without training. */
import type { Place } from "../../train/walk.ts";
import type { Client } from "../client.ts";
import { download, h, icon, setText } from "../dom.ts";
import { type Film, FilmSaver } from "../film/saver.ts";
import type { RunSummary } from "../protocol.ts";
import { filmPlaces, filmTiming, filmWidth, framesAt } from "./film_way.ts";
import { Motion } from "./motion.ts";
import { Newest } from "./newest.ts";
import { Painter } from "./painter.ts";
import { gridFile, pictureFile, placeName } from "./picture_file.ts";
import { Source } from "./source.ts";
import { type Mark, paint, Wall } from "./wall.ts";

export interface DrawPanel {
  /** The saved runs, whenever they change. */
  showRuns(runs: readonly RunSummary[]): void;
  /** Draws from a saved run. */
  open(id: string): void;
}

const columns = 4;
const cats = columns * columns;
const relativesRows = 2;
/** Milliseconds of a walk, and of a stroll from one cat to the next. */
const walkTime = 4000;
const strollTime = 2200;
const largestSeed = 2 ** 32 - 1;

type Mode = "walk" | "stroll" | "vary";
const modes: Record<Mode, { label: string; hint: string }> = {
  walk: { label: "Walk", hint: "Choose two cats of the grid, A and B, and walk from one to the other." },
  stroll: { label: "Stroll", hint: "An endless path past all the cats of the grid. Choose a cat to go there." },
  vary: { label: "Vary", hint: "Choose a cat of the grid, then one of its relatives. Keep those you like." },
};
const modeNames = Object.keys(modes) as Mode[];

/** @param client gives the checkpoints of saved runs */
export function mountDraw(host: HTMLElement, client: { readonly call: Pick<Client["call"], "download"> }): DrawPanel {
  // What is shown

  let seed = 1;
  /** The grid's places: the seed's cats, and variations that were kept. */
  let grid: Place[] = [];
  let mode: Mode = "walk";
  /** A walk's ends, by their numbers in the grid, and which of them the next choice sets. */
  const ends = { a: 0, b: columns + 1 };
  let nextEnd: "a" | "b" = "a";
  /** How far the walk is, 0 … 1, and whether it goes towards B when it is played. */
  let way = 0;
  let towardsB = true;
  /** Where the stroll is, in cats. */
  let position = 0;
  /** The number of the cat that is varied, how much, and which random cats it moves towards. */
  let varied = 0;
  let strength = 0.35;
  let generation = 0;
  let relatives: Place[] = [];
  /** The selected relative; null: the cat itself. */
  let relative: number | null = null;
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
      if (same) setGrid(grid);
      else setSeed(model.seed);
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
    else seedInput.valueAsNumber = seed;
  });
  const another = button("Another", () => setSeed(Math.floor(Math.random() * 10_000)));
  const wall = new Wall(painter, columns, columns, "Cats of this seed", pick);
  const saveGrid = button("Save the grid", () => {
    attempt(gridFile(wall.canvases, columns).then((png) => download(png, `cats-seed-${seed}.png`)));
  });
  const putBack = button("Undo kept cats", () => setSeed(seed));

  function setSeed(value: number): void {
    seed = value;
    seedInput.valueAsNumber = value;
    setGrid(Array.from({ length: cats }, (_, index) => ({ kind: "cat", seed, index })));
  }

  function setGrid(places: Place[]): void {
    grid = places;
    attempt(wall.show(grid));
    breed();
  }

  function pick(index: number): void {
    if (mode === "walk") {
      motion.pause();
      if (index !== ends.a && index !== ends.b) {
        ends[nextEnd] = index;
        nextEnd = nextEnd === "a" ? "b" : "a";
      }
      way = index === ends.b ? 1 : 0;
      show();
    } else if (mode === "stroll") {
      position = index;
      show();
    } else {
      varied = index;
      breed();
    }
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
    attempt(pictureFile(large).then((png) => download(png, `${placeName(current())}.png`)));
  });

  function current(): Place {
    if (mode === "walk") return { kind: "between", from: grid[ends.a], to: grid[ends.b], t: way };
    if (mode === "stroll") return { kind: "stroll", through: grid, position };
    return relative === null ? grid[varied] : relatives[relative];
  }

  // Relatives

  const strengthSlider = slider("draw-strength", 0.05, 0.8, () => {
    strength = strengthSlider.valueAsNumber;
    breed(relative);
  });
  strengthSlider.valueAsNumber = strength;
  const relativesWall = new Wall(painter, columns, relativesRows, "Its relatives", (index) => {
    relative = relative === index ? null : index;
    show();
  });
  const others = button("Other relatives", () => {
    generation++;
    breed();
  });
  const keep = button("Keep this one", () => {
    const kept = relatives[relative!];
    generation++;
    setGrid(grid.with(varied, kept));
    // The button that was pressed cannot be pressed again.
    others.focus();
  });

  /** New relatives of the cat that is varied. @param looked which of them is selected */
  function breed(looked: number | null = null): void {
    const count = columns * relativesRows;
    const of = grid[varied];
    relatives = Array.from({ length: count }, (_, i) => {
      return { kind: "variation", of, strength, seed, index: generation * count + i };
    });
    relative = looked;
    if (mode === "vary") attempt(relativesWall.show(relatives));
    show();
  }

  // Motion

  const walkSlider = slider("draw-way", 0, 1, () => {
    motion.pause();
    way = walkSlider.valueAsNumber;
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
      if (mode === "stroll") position = (position + ms / strollTime) % cats;
      else {
        way = Math.min(1, Math.max(0, way + ((towardsB ? 1 : -1) * ms) / walkTime));
        if (way === 0 || way === 1) towardsB = way === 0;
      }
      showWords();
      await picture.wish([current()]);
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

  /** The walk there and back, or the stroll past all cats: both end where they begin. */
  function film(): Film | null {
    if (mode === "vary") return null;
    const places =
      mode === "walk"
        ? filmPlaces(2 * walkTime, (t): Place => {
            return { kind: "between", from: grid[ends.a], to: grid[ends.b], t: 1 - Math.abs(1 - 2 * t) };
          })
        : filmPlaces(cats * strollTime, (t): Place => ({ kind: "stroll", through: grid, position: cats * t }));
    const name = mode === "walk" ? placeName(places[0]).replace(/-0$/, "") : `${placeName(grid[0])}-stroll`;
    return {
      name,
      count: places.length,
      frames: framesAt(places, painter),
      pictureSize,
      pictureWidth: filmWidth,
      ...filmTiming,
    };
  }

  // The panel

  const choices = modeNames.map((name) => {
    const choice = h("input", { type: "radio", name: "draw-mode", value: name, checked: name === mode });
    choice.addEventListener("change", () => {
      motion.pause();
      mode = name;
      if (mode === "vary") breed();
      else show();
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
    attempt(picture.wish([current()]));
  }

  function nameOf(index: number): string {
    return grid[index].kind === "variation" ? `cat ${index + 1} (kept)` : `cat ${index + 1}`;
  }

  /** What the large picture shows. */
  function words(): string {
    if (mode === "stroll") return `near ${nameOf(Math.round(position) % cats)}`;
    if (mode === "vary") return relative === null ? nameOf(varied) : `relative ${relative + 1} of ${nameOf(varied)}`;
    if (way === 0 || way === 1) return nameOf(way === 0 ? ends.a : ends.b);
    return `${Math.round(way * 100)} % of the way from ${nameOf(ends.a)} to ${nameOf(ends.b)}`;
  }

  function showWords(): void {
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
    const pressed = mode === "stroll" ? Math.round(position) % cats : varied;
    wall.mark(
      grid.map((_, index): Mark => {
        const badge = mode !== "walk" ? "" : index === ends.a ? "A" : index === ends.b ? "B" : "";
        return {
          name: badge ? `${badge}, ${nameOf(index)}` : capitalised(nameOf(index)),
          pressed: mode === "walk" ? badge !== "" : index === pressed,
          badge,
        };
      }),
    );
    relativesWall.mark(relatives.map((_, i) => ({ name: `Relative ${i + 1}`, pressed: i === relative, badge: "" })));
    const shown = capitalised(words());
    setText(caption, shown);
    large.setAttribute("aria-label", shown);
    walkSlider.valueAsNumber = way;
    walkSlider.setAttribute("aria-valuetext", shown);
    strengthSlider.setAttribute("aria-valuetext", `${Math.round(strength * 100)} %`);
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

function capitalised(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}
