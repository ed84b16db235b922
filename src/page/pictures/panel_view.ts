/** The view of the panel "Your own pictures": its elements and texts. */
import type { Fit, Photographs as FoundPhotographs, Refused } from "../../data/photographs.ts";
import { groupRefusals } from "../../data/refusals.ts";
import { h, setText } from "../dom.ts";
import { bytes, count } from "../format.ts";
import { previewCount, previewImage } from "./preview.ts";

/** A set of pictures that was read, to learn from. */
export interface ReadPictures {
  /** The name of the folder or file that they came from. */
  label: string;
  found: FoundPhotographs;
  /** Those that are nearly the same as another. */
  duplicates: readonly Refused[];
}

/** For the file chooser; extensions where systems do not know a type. Folders and drops may hold anything. */
const acceptedFiles = [
  ...["jpeg", "png", "webp", "avif", "gif", "tiff", "heic", "heif"].map((type) => `image/${type}`),
  ...[".avif", ".heic", ".heif", ".cat", ".zip", "application/zip"],
].join();
/** At most this many names of unusable files are listed per reason. */
const maxNames = 200;
/** The networks soon memorise fewer pictures than this. */
const fewPictures = 500;

export class PicturesView {
  readonly back = h("button", { type: "button", hidden: true }, "Back to painted cats");
  readonly files = picker("Choose files or a zip…", { multiple: true, accept: acceptedFiles });
  readonly folder = picker("Choose a folder…", { webkitdirectory: true });
  readonly cancel = h("button", { type: "button" }, "Cancel");
  readonly others = h("button", { type: "button" }, "Show others");

  private readonly status = h("p", { className: "pictures-status" });
  private readonly progressText = h("p");
  private readonly progress = h("progress");
  private readonly reading = h("div", { className: "pictures-reading", hidden: true });
  private readonly refusals = h("details", { className: "refusals", hidden: true });
  private readonly alike = h("details", { className: "refusals", hidden: true });
  private readonly advice = h("p", { className: "hint", hidden: true });
  private readonly fits = h("fieldset", { className: "fits", hidden: true });
  private readonly notSquare = h("p", { className: "hint" });
  private readonly canvas = h("canvas");
  private readonly caption = h("figcaption");
  private readonly preview = h("figure", { className: "pictures-preview", hidden: true });

  /** @param onFit the user has chosen how pictures become square */
  constructor(
    private readonly host: HTMLElement,
    fit: Fit,
    onFit: (fit: Fit) => void,
  ) {
    const { files, folder, status, progress, canvas } = this;
    folder.label.hidden = !("webkitdirectory" in HTMLInputElement.prototype);
    status.setAttribute("role", "status");
    progress.setAttribute("aria-label", "Pictures read");
    canvas.setAttribute("role", "img");
    const fitChoice = (value: Fit, label: string, does: string) => {
      const input = h("input", { type: "radio", name: "pictures-fit", value, checked: value === fit });
      input.addEventListener("change", () => onFit(value));
      return h("label", {}, input, h("span", {}, h("b", {}, label), ` ${does}`));
    };
    this.reading.append(this.progressText, progress, this.cancel);
    this.fits.append(
      h("legend", {}, "How they become square"),
      fitChoice("crop", "Crop", "the largest square in the middle of each picture"),
      fitChoice("stretch", "Squeeze", "the whole picture, distorted to a square"),
      this.notSquare,
    );
    this.preview.append(this.caption, canvas, this.others);
    const zone = h(
      "div",
      { className: "drop-zone" },
      h("p", {}, "Drop a folder, a zip or pictures here, or"),
      h("div", { className: "pickers" }, files.label, folder.label),
    );
    const about = h("div", { className: "pictures-about" });
    about.append(zone, status, this.reading, this.advice, this.refusals, this.alike, this.fits);
    host.replaceChildren(
      h("header", {}, h("h2", {}, "Your own pictures"), this.back),
      h(
        "p",
        { className: "pictures-lede" },
        "Train on your own pictures instead of painted cats: JPEG, PNG, WebP, AVIF or GIF; HEIC and TIFF in browsers that " +
          "can decode them, such as Safari. ",
        h("b", {}, "Everything stays on this machine"),
        ": your pictures are read in this tab and never uploaded.",
      ),
      h("div", { className: "pictures-body" }, about, this.preview),
    );
    host.hidden = false;
  }

  say(text: string, bad = false): void {
    setText(this.status, text);
    this.status.classList.toggle("bad", bad);
  }

  showFit(fit: Fit): void {
    for (const input of this.fits.querySelectorAll("input")) input.checked = input.value === fit;
  }

  /** Shows that reading has begun, before anything is known about the pictures. */
  showReading(label: string): void {
    this.say(`Reading ${label}.`);
    this.advice.hidden = true;
    this.alike.hidden = true;
    this.showRefusals([]);
    this.showProgress(`Opening ${label}…`);
  }

  /** Shows that something is being read, or that nothing is. */
  setReading(reading: boolean): void {
    this.reading.hidden = !reading;
    this.host.classList.toggle("reading", reading);
  }

  /** @param share of the pictures, 0 … 1; null: unknown */
  showProgress(text: string, share: number | null = null): void {
    setText(this.progressText, text);
    if (share === null) this.progress.removeAttribute("value");
    else this.progress.value = share;
  }

  /** Shows what was read, except the preview; null: painted cats. */
  showPictures(read: ReadPictures | null): void {
    this.back.hidden = read === null;
    this.preview.hidden = read === null;
    this.fits.hidden = true;
    this.advice.hidden = true;
    this.alike.hidden = true;
    if (!read) return;
    const { label, found, duplicates } = read;
    const { pictures, skipped, notSquare, faces } = found;
    const { size } = pictures;
    const number = `${count(pictures.count)} ${plural(pictures.count, "picture")}`;
    this.say(
      `${number} read from ${label}: ${bytes(pictures.pixels.length)} in memory at ${size} × ${size}. ` +
        (faces > 0 ? `Faces cropped by their landmarks: ${count(faces)}. ` : "") +
        "The next run learns from them.",
    );
    this.showRefusals(skipped);
    this.alike.hidden = duplicates.length === 0;
    this.alike.open = false;
    this.alike.replaceChildren(
      h("summary", {}, `${count(duplicates.length)} nearly the same as another`),
      namesOf(duplicates, ""),
    );
    this.fits.hidden = notSquare === 0;
    setText(this.notSquare, `${count(notSquare)} of ${count(pictures.count)} are not square.`);
    this.advice.hidden = pictures.count >= fewPictures;
    setText(this.advice, `${number} is few: the networks will memorise them. Try several hundred or more.`);
    this.others.hidden = pictures.count <= previewCount;
  }

  /**
   * Pictures as the networks see them.
   * @param pictures RGB each, or undefined where one is still missing
   * @param augmented the same as D sees them; null: each is shown next to its mirror image instead
   */
  showPreview(pictures: readonly (Uint8Array | undefined)[], size: number, augmented: Uint8Array | null = null): void {
    const { canvas, caption, preview } = this;
    const { width, height, rgba } = previewImage(pictures, size, augmented);
    canvas.width = width;
    canvas.height = height;
    const image = new ImageData(new Uint8ClampedArray(rgba), width, height);
    canvas.getContext("2d")!.putImageData(image, 0, 0);
    const neighbour = augmented ? "an augmented version" : "its mirror image";
    canvas.setAttribute("aria-label", `Some of your pictures, small, each next to ${neighbour}`);
    caption.replaceChildren(
      h("b", {}, `What the networks see, at ${size} × ${size}`),
      ` each next to ${neighbour}` +
        (augmented
          ? ", as the discriminator may see it"
          : ", which they see half the time unless “Mirror pictures” is off"),
    );
    preview.hidden = false;
  }

  /** The first pictures of a set that is still being read. @param square whether all so far are square */
  showGlimpses(pictures: readonly (Uint8Array | undefined)[], size: number, square: boolean): void {
    // The user can choose a fit before the last picture is read.
    if (!square) this.fits.hidden = false;
    setText(this.notSquare, "");
    this.others.hidden = true;
    this.showPreview(pictures, size);
  }

  showRefusals(skipped: readonly Refused[]): void {
    this.refusals.hidden = skipped.length === 0;
    this.refusals.open = false;
    this.refusals.replaceChildren(
      h("summary", {}, `${count(skipped.length)} ${plural(skipped.length, "file")} not used`),
      h("ul", {}, ...groupRefusals(skipped).map(refusalGroup)),
    );
  }
}

function refusalGroup({ reason, files }: { reason: string; files: readonly Refused[] }): HTMLLIElement {
  const summary = h("summary", {}, h("b", {}, `${count(files.length)} ×`), ` ${reason}`);
  const group = h("details", {}, summary);
  // Created when the group is opened: there may be a hundred thousand.
  group.addEventListener("toggle", () => group.append(namesOf(files, reason)), { once: true });
  return h("li", {}, group);
}

/** An input for files behind a label that looks like a button; the input itself has the focus. */
function picker(text: string, properties: Partial<HTMLInputElement>) {
  const input = h("input", { type: "file", className: "sr-only", ...properties });
  const label = h("label", { className: "button" }, input, text);
  return { input, label };
}

function namesOf(files: readonly Refused[], shared: string): HTMLUListElement {
  const more = files.length - maxNames;
  return h(
    "ul",
    // Focusable, so that the keyboard can scroll it.
    { tabIndex: 0, ariaLabel: "Their names" },
    ...files
      .slice(0, maxNames)
      .map(({ name, reason }) => h("li", {}, name, reason !== shared && h("span", {}, ` ${reason}`))),
    more > 0 && h("li", {}, `and ${count(more)} more`),
  );
}

const plural = (n: number, noun: string) => (n === 1 ? noun : `${noun}s`);
