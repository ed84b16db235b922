/** All grids so far: to scrub through, to play, to save as a GIF. */
import { byId, download, setText } from "./dom.ts";
import { count } from "./format.ts";
import type { GifMessage, GifOrder } from "./gif_worker.ts";
import { newWorker } from "./new_worker.ts";
import type { RunSummary, Sample } from "./protocol.ts";

const framesPerSecond = 7;

export class Timeline {
  private readonly scrubber = byId<HTMLInputElement>("scrubber");
  private readonly exporting = byId<HTMLButtonElement>("export");
  private samples: readonly Sample[] = [];
  private run: RunSummary | null = null;
  /** Which grid is looked at; null = what is drawn now. */
  private at: number | null = null;
  private film: ReturnType<typeof setInterval> | null = null;

  constructor(
    private readonly options: {
      /** Called when a past grid is chosen, or (null) the live one again. */
      onLook(sample: Sample | null): void;
      /** Does something and tells people when it fails. */
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
    this.exporting.addEventListener("click", () => options.attempt(this.export()));
  }

  show(run: RunSummary | null, samples: readonly Sample[]): void {
    if (run?.id !== this.run?.id) this.backToNow();
    this.run = run;
    if (samples !== this.samples) {
      // One place more, at the end: now.
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
    if (this.exporting.dataset.busy === undefined) this.exporting.disabled = samples.length < 2;
  }

  private async export(): Promise<void> {
    const { samples, run, exporting } = this;
    if (!run) return;
    exporting.dataset.busy = "";
    exporting.disabled = true;
    const worker = newWorker("gif");
    try {
      const order: GifOrder = { grids: samples.map(({ png }) => png), pictureSize: run.config.size };
      const file = await new Promise<Blob>((resolve, reject) => {
        worker.onmessage = ({ data }: MessageEvent<GifMessage>) => {
          setText(exporting, `GIF: ${data.done} of ${samples.length}`);
          if (data.file) resolve(data.file);
        };
        worker.onerror = (event) => reject(new Error(`the GIF could not be made: ${event.message}`));
        worker.postMessage(order);
      });
      download(file, `${run.name}.gif`);
    } finally {
      worker.terminate();
      setText(exporting, "Save as GIF");
      delete exporting.dataset.busy;
      this.update();
    }
  }
}
