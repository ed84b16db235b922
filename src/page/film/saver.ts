/** A button that saves a film, with a choice of its format. While a film is made, the button cancels it. */
import { download, h, setText } from "../dom.ts";
import { makeFilm } from "./make_film.ts";
import type { FilmFormat, FilmOrder } from "./protocol.ts";

export interface Film extends Omit<FilmOrder, "kind" | "format" | "pictureWidth"> {
  /** The file's name without its extension. */
  name: string;
  count: number;
  pictureWidth: Record<FilmFormat, number>;
  /** `count` frames. */
  frames: AsyncIterable<Blob | ImageData>;
}

const formats: Record<FilmFormat, string> = { video: "Video", gif: "GIF" };
const endings: Record<string, string> = { "video/mp4": "mp4", "video/webm": "webm", "image/gif": "gif" };

export class FilmSaver {
  readonly element: HTMLElement;
  private readonly format: HTMLSelectElement;
  private readonly button = h("button", { type: "button" }, "Save film");
  /** Cancels the film in progress; null when there is none. */
  private making: AbortController | null = null;

  /**
   * @param film what to save; null for nothing
   * @param attempt runs work, and shows an error if it fails
   */
  constructor(id: string, film: () => Film | null, attempt: (work: Promise<unknown>) => void) {
    const names = Object.entries(formats).filter(([format]) => format === "gif" || "VideoEncoder" in globalThis);
    this.format = h("select", { id }, ...names.map(([value, label]) => h("option", { value }, label)));
    this.format.setAttribute("aria-label", "Format of the film");
    this.format.hidden = names.length < 2;
    this.element = h("div", { className: "film-saver" }, this.format, this.button);
    this.button.addEventListener("click", () => {
      const order = this.making ? null : film();
      if (this.making) this.cancel();
      else if (order) attempt(this.save(order));
    });
  }

  get busy(): boolean {
    return this.making !== null;
  }

  set disabled(disabled: boolean) {
    // A film in progress can always be cancelled.
    this.button.disabled = disabled && this.making === null;
  }

  cancel(): void {
    this.making?.abort();
  }

  private async save({ name, count, frames, pictureSize, pictureWidth, delay, lastDelay }: Film): Promise<void> {
    const making = new AbortController();
    this.making = making;
    this.format.disabled = true;
    const { button } = this;
    async function* counted() {
      let done = 0;
      for await (const frame of frames) {
        setText(button, `Cancel (${++done} of ${count})`);
        yield frame;
      }
    }
    setText(button, "Cancel");
    try {
      const format = this.format.value as FilmFormat;
      const order: FilmOrder = {
        kind: "make",
        format,
        pictureSize,
        pictureWidth: pictureWidth[format],
        delay,
        lastDelay,
      };
      const file = await makeFilm(order, counted(), making.signal);
      download(file, `${name}.${endings[file.type]}`);
    } catch (error) {
      if (!making.signal.aborted) throw error;
    } finally {
      this.making = null;
      this.format.disabled = false;
      setText(button, "Save film");
    }
  }
}
