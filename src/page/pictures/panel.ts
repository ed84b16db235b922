/** Where people bring pictures of their own: a folder, a zip or files, dropped or picked. */
import type { Fit, Photographs as FoundPhotographs, Refused } from "../../data/photographs.ts";
import { reasonOf } from "../../data/photographs.ts";
import { type Pictures, pickPictures } from "../../data/pictures.ts";
import { groupRefusals } from "../../data/refusals.ts";
import { h, setText } from "../dom.ts";
import { bytes, count } from "../format.ts";
import { newWorker } from "../new_worker.ts";
import type { Photographs } from "../protocol.ts";
import { type Brought, fromDrop, fromInput } from "./brought.ts";
import { pictureAt, previewCount, previewImage, previewIndices } from "./preview.ts";
import type { ReaderMessage, ReadRequest } from "./reader_worker.ts";

export interface PicturesOptions {
  /** Height and width that a run's pictures have now, in pixels. */
  size(): number;
  /** What D may see of pictures with the settings as they are now; null: they are not augmented, or there is no GPU. */
  augmented(pictures: Pictures): Promise<Uint8Array | null>;
  /** Other pictures are to be learnt from, of the size that is asked for; null: painted cats. */
  onChoice(photographs: Photographs | null): void;
}

export interface PicturesPanel {
  /** The size that is asked for has changed: what was brought is read again. The choice is given anew when that is done. */
  resize(): void;
  /** Augmentation has changed: the preview is shown anew. */
  refresh(): void;
  /** Resolves when nothing is being read: then the last choice given is what the person wants. */
  settled(): Promise<void>;
}

/** What a run would learn from. */
interface Choice {
  brought: Brought;
  fit: Fit;
  found: FoundPhotographs;
  duplicates: Refused[];
}

/** A reading that goes on. */
interface Job {
  /** Null: folders are still being walked; what is found is then read at the size of that time. */
  brought: Brought | null;
  size: number;
  cancel(): void;
}

/** For the file chooser; extensions where systems do not know a type. Folders and drops bring anything. */
const acceptedFiles = [
  ...["jpeg", "png", "webp", "avif", "gif", "tiff", "heic", "heif"].map((type) => `image/${type}`),
  ...[".avif", ".heic", ".heif", ".cat", ".zip", "application/zip"],
].join();
/** Names of refused files are listed up to so many a reason. */
const maxNames = 200;
/** Fewer pictures than this are soon known by heart. */
const fewPictures = 500;

export function mountPictures(host: HTMLElement, options: PicturesOptions): PicturesPanel {
  let choice: Choice | null = null;
  let fit: Fit = "crop";
  let job: Job | null = null;
  let turn = 0;
  /** Counts what the preview showed, so that what comes late is not shown. */
  let showing = 0;
  let waiting: (() => void)[] = [];

  // ---- what is shown ----

  const back = h("button", { type: "button", hidden: true }, "Back to painted cats");
  const files = picker("Choose files or a zip…", {
    multiple: true,
    accept: acceptedFiles,
  });
  const folder = picker("Choose a folder…", { webkitdirectory: true });
  folder.label.hidden = !("webkitdirectory" in HTMLInputElement.prototype);
  const status = h("p", { className: "pictures-status" });
  status.setAttribute("role", "status");
  const progressText = h("p");
  const progress = h("progress");
  progress.setAttribute("aria-label", "Pictures read");
  const cancel = h("button", { type: "button" }, "Cancel");
  const reading = h("div", { className: "pictures-reading", hidden: true }, progressText, progress, cancel);
  const refusals = h("details", { className: "refusals", hidden: true });
  const alike = h("details", { className: "refusals", hidden: true });
  const squareWord = h("p", { className: "hint" });
  const fits = h(
    "fieldset",
    { className: "fits" },
    h("legend", {}, "How they become square"),
    fitChoice("crop", "Crop", "the middle of every picture, as large as it goes"),
    fitChoice("stretch", "Squeeze", "the whole picture, its sides made equal"),
    squareWord,
  );
  const canvas = h("canvas");
  canvas.setAttribute("role", "img");
  const caption = h("figcaption");
  const others = h("button", { type: "button" }, "Show others");
  const preview = h("figure", { className: "pictures-preview", hidden: true }, caption, canvas, others);
  const advice = h("p", { className: "hint", hidden: true });
  const zone = h(
    "div",
    { className: "drop-zone" },
    h("p", {}, "Drop a folder, a zip or pictures here, or"),
    h("div", { className: "pickers" }, files.label, folder.label),
  );
  const about = h("div", { className: "pictures-about" }, zone, status, reading, advice, refusals, alike, fits);
  fits.hidden = true;
  host.replaceChildren(
    h("header", {}, h("h2", {}, "Your own pictures"), back),
    h(
      "p",
      { className: "pictures-lede" },
      "Train on your own pictures instead of painted cats: JPEG, PNG, WebP, AVIF or GIF; HEIC and TIFF where the browser " +
        "decodes them, as Safari does. ",
      h("b", {}, "Everything stays on this machine"),
      ": your pictures are read in this tab and never uploaded.",
    ),
    h("div", { className: "pictures-body" }, about, preview),
  );
  host.hidden = false;

  function fitChoice(value: Fit, label: string, does: string): HTMLLabelElement {
    const input = h("input", { type: "radio", name: "pictures-fit", value, checked: value === fit });
    input.addEventListener("change", () => {
      fit = value;
      const brought = job?.brought ?? choice?.brought;
      if (brought) read(brought);
    });
    return h("label", {}, input, h("span", {}, h("b", {}, label), ` ${does}`));
  }

  function showFit(): void {
    for (const input of fits.querySelectorAll("input")) input.checked = input.value === fit;
  }

  function say(text: string, bad = false): void {
    setText(status, text);
    status.classList.toggle("bad", bad);
  }

  function showChoice(): void {
    showing++;
    back.hidden = choice === null;
    fits.hidden = true;
    preview.hidden = choice === null;
    advice.hidden = true;
    alike.hidden = true;
    if (!choice) return;
    const { brought, found, duplicates } = choice;
    const { pictures, skipped, notSquare, faces } = found;
    const { size } = pictures;
    say(
      `${count(pictures.count)} ${plural(pictures.count, "picture")} read from ${brought.label}: ` +
        `${bytes(pictures.pixels.length)} in memory at ${size} × ${size}. ` +
        (faces > 0 ? `Faces cut out by their landmarks: ${count(faces)}. ` : "") +
        "The next run learns from them.",
    );
    showRefusals(skipped);
    alike.hidden = duplicates.length === 0;
    alike.open = false;
    alike.replaceChildren(
      h("summary", {}, `${count(duplicates.length)} nearly the same as another`),
      namesOf(duplicates, ""),
    );
    fits.hidden = notSquare === 0;
    setText(squareWord, `${count(notSquare)} of ${count(pictures.count)} are not square.`);
    advice.hidden = pictures.count >= fewPictures;
    setText(
      advice,
      `${count(pictures.count)} ${plural(pictures.count, "picture")} is few: the networks will memorise them. ` +
        "Try several hundred or more.",
    );
    others.hidden = pictures.count <= previewCount;
    showSoon(pictures);
  }

  /** The preview is only for viewing: if it fails, the pictures can still be used. */
  function showSoon(pictures: Pictures): void {
    showSome(pictures).catch((error) => say(`The preview could not be drawn: ${reasonOf(error)}.`, true));
  }

  async function showSome(pictures: Pictures): Promise<void> {
    const some = pickPictures(pictures, previewIndices(pictures.count, turn));
    const each = Array.from({ length: some.count }, (_, i) => pictureAt(some, i));
    showPreview(each, some.size);
    const asked = showing;
    const augmented = await options.augmented(some);
    if (augmented && asked === showing) showPreview(each, some.size, augmented);
  }

  function showPreview(
    pictures: readonly (Uint8Array | undefined)[],
    size: number,
    augmented: Uint8Array | null = null,
  ): void {
    showing++;
    const { width, height, rgba } = previewImage(pictures, size, augmented);
    canvas.width = width;
    canvas.height = height;
    const image = new ImageData(new Uint8ClampedArray(rgba), width, height);
    canvas.getContext("2d")!.putImageData(image, 0, 0);
    const beside = augmented ? "what chance may make of it" : "its mirror image";
    canvas.setAttribute("aria-label", `Some of your pictures, small, each beside ${beside}`);
    caption.replaceChildren(
      h("b", {}, `What the networks see, at ${size} × ${size}`),
      ` each beside ${beside}` +
        (augmented ? ", as the discriminator sees it" : ", which they see as often unless “Mirror pictures” is off"),
    );
    preview.hidden = false;
  }

  function showRefusals(skipped: readonly Refused[]): void {
    refusals.hidden = skipped.length === 0;
    refusals.open = false;
    const groups = groupRefusals(skipped);
    refusals.replaceChildren(
      h("summary", {}, `${count(skipped.length)} ${plural(skipped.length, "file")} refused`),
      h(
        "ul",
        {},
        ...groups.map(({ reason, files }) => {
          const summary = h("summary", {}, h("b", {}, `${count(files.length)} ×`), ` ${reason}`);
          const group = h("details", {}, summary);
          // Made when they are asked for: there may be a hundred thousand.
          group.addEventListener("toggle", () => group.append(namesOf(files, reason)), { once: true });
          return h("li", {}, group);
        }),
      ),
    );
  }

  // ---- what is done ----

  /** Ends what goes on, if anything, without a word. */
  function replaceJob(next: Job | null): void {
    job?.cancel();
    job = next;
    reading.hidden = next === null;
    host.classList.toggle("reading", next !== null);
    if (next !== null) return;
    for (const resolve of waiting) resolve();
    waiting = [];
  }

  /** It came to nothing: what was chosen before stands, if it has the right size. */
  function giveUp(message: string, skipped: readonly Refused[] = []): void {
    replaceJob(null);
    if (choice && choice.found.pictures.size !== options.size()) {
      choice = null;
      options.onChoice(null);
    }
    if (choice) fit = choice.fit;
    showFit();
    showChoice();
    if (!choice) showRefusals(skipped);
    say(message + (choice ? ` The pictures from ${choice.brought.label} stay chosen.` : ""), true);
  }

  function read(brought: Brought): void {
    const worker = newWorker("read");
    const size = options.size();
    replaceJob({ brought, size, cancel: () => worker.terminate() });
    const glimpses: (Uint8Array | undefined)[] = new Array(previewCount).fill(undefined);
    const asked: Fit = fit;
    say(`Reading ${brought.label}.`);
    advice.hidden = true;
    alike.hidden = true;
    showRefusals([]);
    showProgress(`Opening ${brought.label}…`);
    worker.onmessage = ({ data }: MessageEvent<ReaderMessage>) => {
      switch (data.type) {
        case "progress":
          showProgress(`${count(data.done)} of ${count(data.total)}`, data.done / data.total);
          break;
        case "glimpse":
          glimpses[data.index] = data.rgb;
          // Whoever sees the first ones need not wait for the last to choose.
          if (!data.square) fits.hidden = false;
          setText(squareWord, "");
          others.hidden = true;
          showPreview(glimpses, size);
          break;
        case "read":
          replaceJob(null);
          choice = { brought, fit: asked, found: data.photographs, duplicates: data.duplicates };
          turn = 0;
          showChoice();
          options.onChoice({ pictures: data.photographs.pictures, label: brought.label, fit: asked });
          break;
        case "failed":
          giveUp(`Nothing was read: ${data.message}.`, data.skipped);
          break;
      }
    };
    worker.onerror = (event) => giveUp(`Reading stopped: ${event.message || "its worker could not be loaded"}.`);
    const { files, lost } = brought;
    worker.postMessage({ files, lost, size, fit: asked, glimpses: previewCount } satisfies ReadRequest);
  }

  function showProgress(text: string, share: number | null = null): void {
    setText(progressText, text);
    if (share === null) progress.removeAttribute("value");
    else progress.value = share;
  }

  async function drop(transfer: DataTransfer): Promise<void> {
    // Only while the event is handled can they be asked for.
    const entries = [...transfer.items]
      .filter((item) => item.kind === "file")
      .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
    const plain = [...transfer.files];
    const only = plain.length === 1 ? plain[0].name : "";
    if (only.endsWith(".safetensors")) {
      say(`${only} is a checkpoint: open it under “Your runs”.`, true);
      return;
    }
    if (entries.length === 0) return;
    const stop = new AbortController();
    replaceJob({ brought: null, size: options.size(), cancel: () => stop.abort() });
    showProgress("Reading dropped files…");
    try {
      const found = await fromDrop(entries, stop.signal, (files) => {
        if (files % 100 === 0) showProgress(`${count(files)} files found…`);
      });
      if (!stop.signal.aborted) read(found);
    } catch (error) {
      if (!stop.signal.aborted) giveUp(`The folder could not be read: ${reasonOf(error)}.`);
    }
  }

  for (const { input } of [files, folder]) {
    input.addEventListener("change", () => {
      const chosen = [...(input.files ?? [])];
      // The same files can be picked again.
      input.value = "";
      if (chosen.length > 0) read(fromInput(chosen));
    });
  }
  cancel.addEventListener("click", () => {
    giveUp("Cancelled.");
    files.input.focus();
  });
  others.addEventListener("click", () => {
    turn++;
    showChoice();
  });
  back.addEventListener("click", () => {
    replaceJob(null);
    choice = null;
    showChoice();
    showRefusals([]);
    say("Painted cats again.");
    options.onChoice(null);
    files.input.focus();
  });

  // Files may be dropped anywhere: a browser would else leave the page to show them.
  const brings = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragover", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    host.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) host.classList.remove("dropping");
  });
  addEventListener("drop", (event) => {
    host.classList.remove("dropping");
    if (!brings(event) || event.defaultPrevented) return;
    event.preventDefault();
    host.scrollIntoView({ block: "nearest" });
    drop(event.dataTransfer!).catch((error) => giveUp(`What was dropped could not be read: ${reasonOf(error)}.`));
  });

  return {
    resize() {
      const { brought, size } = job ?? { brought: choice?.brought, size: choice?.found.pictures.size };
      if (brought && size !== options.size()) read(brought);
    },
    refresh() {
      if (choice && !job) showSoon(choice.found.pictures);
    },
    settled: () => (job === null ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}

/** An input for files behind a label that looks like a button; the input itself is what has the focus. */
function picker(text: string, properties: Partial<HTMLInputElement>) {
  const input = h("input", { type: "file", className: "sr-only", ...properties });
  const label = h("label", { className: "button" }, input, text);
  return { input, label };
}

function namesOf(files: readonly Refused[], shared: string): HTMLUListElement {
  const more = files.length - maxNames;
  return h(
    "ul",
    // It scrolls, also for the keyboard.
    { tabIndex: 0, ariaLabel: "Their names" },
    ...files
      .slice(0, maxNames)
      .map(({ name, reason }) => h("li", {}, name, reason !== shared && h("span", {}, ` ${reason}`))),
    more > 0 && h("li", {}, `and ${count(more)} more`),
  );
}

const plural = (n: number, noun: string) => (n === 1 ? noun : `${noun}s`);
