/**
 * The panel "Your own pictures": a folder, a zip or files, dropped or picked, are read and become the next run's
 * pictures.
 */
import type { Fit, Refused } from "../../data/photographs.ts";
import { reasonOf } from "../../data/photographs.ts";
import { type Pictures, pickPictures } from "../../data/pictures.ts";
import { count } from "../format.ts";
import { newWorker } from "../new_worker.ts";
import type { Photographs } from "../protocol.ts";
import { type Brought, fromDrop, fromInput } from "./brought.ts";
import { PicturesView, type ReadPictures } from "./panel_view.ts";
import { pictureAt, previewCount, previewIndices } from "./preview.ts";
import type { ReaderMessage, ReadRequest } from "./reader_worker.ts";

export interface PicturesOptions {
  /** The current height and width of a run's pictures, in pixels. */
  size(): number;
  /** Pictures as D may see them with the current settings; null: they are not augmented, or there is no GPU. */
  augmented(pictures: Pictures): Promise<Uint8Array | null>;
  /** The user has chosen other pictures, read at the current size; null: painted cats. */
  onChoice(photographs: Photographs | null): void;
}

export interface PicturesPanel {
  /** Call when the size has changed: the files are read again, and the choice is reported again after that. */
  resize(): void;
  /** Call when augmentation has changed: the preview is drawn again. */
  refresh(): void;
  /** Resolves when nothing is being read: then the last choice that was reported is what the user wants. */
  settled(): Promise<void>;
}

/** What a run would learn from. */
interface Choice extends ReadPictures {
  brought: Brought;
  fit: Fit;
}

/** A reading in progress. */
interface Job {
  /** Null while folders are still being walked; their files are then read at the size set by that time. */
  brought: Brought | null;
  size: number;
  cancel(): void;
}

export function mountPictures(host: HTMLElement, options: PicturesOptions): PicturesPanel {
  let choice: Choice | null = null;
  let fit: Fit = "crop";
  let job: Job | null = null;
  /** Which of the pictures the preview shows. */
  let turn = 0;
  /** Counts the previews, so that an augmented one that arrives late is not shown. */
  let previews = 0;
  let waiting: (() => void)[] = [];

  const view = new PicturesView(host, fit, (chosen) => {
    fit = chosen;
    const brought = job?.brought ?? choice?.brought;
    if (brought) read(brought);
  });

  function showChoice(): void {
    previews++;
    view.showPictures(choice);
    if (choice) showSoon(choice.found.pictures);
  }

  /** The preview is only for viewing: if it fails, the pictures can still be used. */
  function showSoon(pictures: Pictures): void {
    showSome(pictures).catch((error) => view.say(`The preview could not be drawn: ${reasonOf(error)}.`, true));
  }

  async function showSome(pictures: Pictures): Promise<void> {
    const some = pickPictures(pictures, previewIndices(pictures.count, turn));
    const each = Array.from({ length: some.count }, (_, i) => pictureAt(some, i));
    view.showPreview(each, some.size);
    const asked = ++previews;
    const augmented = await options.augmented(some);
    if (augmented && asked === previews) view.showPreview(each, some.size, augmented);
  }

  /** Cancels the job in progress, if any. */
  function replaceJob(next: Job | null): void {
    job?.cancel();
    job = next;
    view.setReading(next !== null);
    if (next !== null) return;
    for (const resolve of waiting) resolve();
    waiting = [];
  }

  /** Reading failed or was cancelled: the previous choice stays, if it has the right size. */
  function giveUp(message: string, skipped: readonly Refused[] = []): void {
    replaceJob(null);
    if (choice && choice.found.pictures.size !== options.size()) {
      choice = null;
      options.onChoice(null);
    }
    if (choice) fit = choice.fit;
    view.showFit(fit);
    showChoice();
    if (!choice) view.showRefusals(skipped);
    view.say(message + (choice ? ` The next run still learns from ${choice.label}.` : ""), true);
  }

  function read(brought: Brought): void {
    const { files, lost, label } = brought;
    const worker = newWorker("read");
    const size = options.size();
    const asked: Fit = fit;
    const glimpses: (Uint8Array | undefined)[] = new Array(previewCount).fill(undefined);
    replaceJob({ brought, size, cancel: () => worker.terminate() });
    view.showReading(label);
    worker.onmessage = ({ data }: MessageEvent<ReaderMessage>) => {
      switch (data.type) {
        case "progress":
          view.showProgress(`${count(data.done)} of ${count(data.total)}`, data.done / data.total);
          break;
        case "glimpse":
          glimpses[data.index] = data.rgb;
          previews++;
          view.showGlimpses(glimpses, size, data.square);
          break;
        case "read":
          replaceJob(null);
          choice = { brought, label, fit: asked, found: data.photographs, duplicates: data.duplicates };
          turn = 0;
          showChoice();
          options.onChoice({ pictures: data.photographs.pictures, label, fit: asked });
          break;
        case "failed":
          giveUp(`Nothing was read: ${data.message}.`, data.skipped);
          break;
      }
    };
    worker.onerror = (event) => giveUp(`Reading stopped: ${event.message || "its worker could not be loaded"}.`);
    worker.postMessage({ files, lost, size, fit: asked, glimpses: previewCount } satisfies ReadRequest);
  }

  async function drop(transfer: DataTransfer): Promise<void> {
    // The entries are readable only while the event is being handled.
    const entries = [...transfer.items]
      .filter((item) => item.kind === "file")
      .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
    const plain = [...transfer.files];
    const only = plain.length === 1 ? plain[0].name : "";
    if (only.endsWith(".safetensors")) {
      view.say(`${only} is a checkpoint: open it under “Your runs”.`, true);
      return;
    }
    if (entries.length === 0) return;
    const stop = new AbortController();
    replaceJob({ brought: null, size: options.size(), cancel: () => stop.abort() });
    view.showProgress("Reading dropped files…");
    try {
      const found = await fromDrop(entries, stop.signal, (files) => {
        if (files % 100 === 0) view.showProgress(`${count(files)} files found…`);
      });
      if (!stop.signal.aborted) read(found);
    } catch (error) {
      if (!stop.signal.aborted) giveUp(`The folder could not be read: ${reasonOf(error)}.`);
    }
  }

  for (const { input } of [view.files, view.folder]) {
    input.addEventListener("change", () => {
      const chosen = [...(input.files ?? [])];
      // The same files can be picked again.
      input.value = "";
      if (chosen.length > 0) read(fromInput(chosen));
    });
  }
  view.cancel.addEventListener("click", () => {
    giveUp("Cancelled.");
    view.files.input.focus();
  });
  view.others.addEventListener("click", () => {
    turn++;
    showChoice();
  });
  view.back.addEventListener("click", () => {
    replaceJob(null);
    choice = null;
    showChoice();
    view.showRefusals([]);
    view.say("The next run learns from painted cats again.");
    options.onChoice(null);
    view.files.input.focus();
  });
  acceptDrops(host, (transfer) => {
    drop(transfer).catch((error) => giveUp(`The dropped files could not be read: ${reasonOf(error)}.`));
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

/** Takes files that are dropped anywhere on the page: otherwise the browser would leave the page to show them. */
function acceptDrops(host: HTMLElement, onDrop: (transfer: DataTransfer) => void): void {
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    host.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) host.classList.remove("dropping");
  });
  addEventListener("drop", (event) => {
    host.classList.remove("dropping");
    if (!hasFiles(event) || event.defaultPrevented) return;
    event.preventDefault();
    host.scrollIntoView({ block: "nearest" });
    onDrop(event.dataTransfer!);
  });
}
