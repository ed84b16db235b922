/** The timeline of all grids so far: scrub, play, save as a film. */
import { gifPictureWidth } from "../data/image.ts";
import { byId, setText } from "./dom.ts";
import { type Film, FilmSaver } from "./film/saver.ts";
import { count } from "./format.ts";
import type { RunSummary, Sample } from "./protocol.ts";

const framesPerSecond = 7;
/** How long a saved film shows its last grid, in milliseconds. */
const lastDelay = 2500;
/** Width of a picture in a saved film, in pixels. */
const pictureWidth = { gif: gifPictureWidth, video: 128 };

export class Timeline {
  private readonly scrubber = byId<HTMLInputElement>("scrubber");
  private readonly saver: FilmSaver;
  private samples: readonly Sample[] = [];
  private run: RunSummary | null = null;
  /** Which grid is shown; null: the live one. */
  private at: number | null = null;
  private film: ReturnType<typeof setInterval> | null = null;

  constructor(
    private readonly options: {
      /** Called when a past grid is chosen, or (null) the live one again. */
      onLook(sample: Sample | null): void;
      /** Runs work, and tells the user if it fails. */
      attempt(work: Promise<unknown>): void;
    },
  ) {
    this.scrubber.addEventListener("input", () => {
      // Ending a film puts the scrubber where the film was.
      const place = Number(this.scrubber.value);
      this.endFilm();
      this.look(place);
    });
    byId("live").addEventListener("click", () => this.backToNow());
    byId("film").addEventListener("click", () => this.playFilm());
    this.saver = new FilmSaver("timelapse-format", () => this.timelapse(), options.attempt);
    byId("export").append(this.saver.element);
  }

  show(run: RunSummary | null, samples: readonly Sample[]): void {
    if (run?.id !== this.run?.id) this.backToNow();
    this.run = run;
    if (samples !== this.samples) {
      // One position more than there are grids: now.
      const step = this.at === null ? null : this.samples[this.at]?.step;
      this.samples = samples;
      this.scrubber.max = String(samples.length);
      if (step != null)
        this.at = Math.max(
          0,
          samples.findIndex((sample) => sample.step >= step),
        );
    }
    byId("timeline").hidden = samples.length === 0;
    this.update();
  }

  move(by: number): void {
    this.endFilm();
    this.look((this.at ?? this.samples.length) + by);
  }

  backToNow(): void {
    this.endFilm();
    this.look(this.samples.length);
  }

  playFilm(): void {
    if (this.film !== null) {
      this.endFilm();
      return;
    }
    this.look(0);
    this.film = setInterval(() => {
      this.look((this.at ?? this.samples.length) + 1);
      if (this.at === null) this.endFilm();
    }, 1000 / framesPerSecond);
  }

  private endFilm(): void {
    if (this.film !== null) clearInterval(this.film);
    this.film = null;
    this.update();
  }

  private look(index: number): void {
    const before = this.at;
    this.at = index >= this.samples.length ? null : Math.max(0, index);
    if (this.at !== before) this.options.onLook(this.at === null ? null : this.samples[this.at]);
    this.update();
  }

  private update(): void {
    const { samples, at, film } = this;
    byId("film")
      .querySelector("use")!
      .setAttribute("href", film === null ? "#i-play" : "#i-pause");
    const text = at === null ? "now" : `step ${count(samples[at].step)}`;
    this.scrubber.value = String(at ?? samples.length);
    this.scrubber.setAttribute("aria-valuetext", text);
    setText(byId("scrub-step"), text);
    byId<HTMLButtonElement>("live").disabled = at === null;
    this.saver.disabled = samples.length < 2;
  }

  private timelapse(): Film | null {
    const { samples, run } = this;
    if (!run) return null;
    async function* frames() {
      for (const { png } of samples) yield png;
    }
    return {
      name: run.name,
      count: samples.length,
      frames: frames(),
      pictureSize: run.config.size,
      delay: 1000 / framesPerSecond,
      lastDelay,
      pictureWidth,
    };
  }
}
