/** Where the drawings come from: one of the saved runs, or a file. */
import type { Client } from "../client.ts";
import { h, setText } from "../dom.ts";
import { count } from "../format.ts";
import type { RunSummary } from "../protocol.ts";
import type { Model } from "./protocol.ts";

/** Weights bundled with the page, if the project has any. */
const [shipped]: (string | undefined)[] = Object.values(
  import.meta.glob<string>("../../../weights/*.safetensors", { eager: true, query: "?url", import: "default" }),
);

export interface SourceHooks {
  /** The run's checkpoint. */
  download: Client["call"]["download"];
  /**
   * Opens a checkpoint to draw from. Rejects when it cannot be used; then the previous one stays open.
   * @param same whether it is another step of the current run
   */
  open(file: Blob, name: string, same: boolean): Promise<Model>;
  /** Runs work, and shows an error if it fails. */
  attempt(work: Promise<unknown>): void;
  warn(text: string): void;
}

export class Source {
  readonly element: HTMLElement;
  /** What is open, or what is being opened. */
  readonly status = h("p", { className: "hint" });
  private readonly select = h("select", { id: "draw-source" });
  private readonly file = h("input", { type: "file", id: "draw-file", className: "sr-only", accept: ".safetensors" });
  private readonly newer = h("button", { type: "button" });
  private readonly trained = h("button", { type: "button" }, "Draw trained cats");
  private runs: readonly RunSummary[] = [];
  /** The current source; `run` is null for a file. */
  private opened: { name: string; run: string | null; model: Model } | null = null;
  private opening: string | null = null;

  constructor(private readonly hooks: SourceHooks) {
    const { select, file, newer, trained, status } = this;
    status.setAttribute("role", "status");
    const fileLabel = h("label", { className: "button", htmlFor: file.id }, "Open a file…");
    this.element = h(
      "div",
      { className: "draw-source" },
      h("label", {}, h("span", {}, "From"), select),
      newer,
      shipped !== undefined && trained,
      file,
      fileLabel,
    );
    select.addEventListener("change", () => {
      if (select.value) hooks.attempt(this.openRun(select.value));
    });
    newer.addEventListener("click", () => hooks.attempt(this.openRun(this.opened!.run!)));
    trained.addEventListener("click", () => hooks.attempt(this.open("Trained cats", null, () => fetched(shipped!))));
    file.addEventListener("change", () => {
      const [chosen] = file.files ?? [];
      if (chosen) hooks.attempt(this.open(chosen.name, null, async () => chosen));
      // The same file can be chosen again.
      file.value = "";
    });
    this.show();
  }

  showRuns(runs: readonly RunSummary[]): void {
    this.runs = runs;
    this.show();
  }

  compiling(done: number, total: number): void {
    if (this.opening !== null) setText(this.status, `Opening ${this.opening}: compiled ${done} of ${total} shaders`);
  }

  async openRun(id: string): Promise<void> {
    const name = this.runs.find((run) => run.id === id)?.name ?? "the run";
    await this.open(name, id, async () => {
      const { file, warning } = await this.hooks.download(id);
      if (warning) this.hooks.warn(warning);
      return file;
    });
  }

  private async open(name: string, run: string | null, read: () => Promise<Blob>): Promise<void> {
    if (this.opening !== null) return;
    this.opening = name;
    this.show();
    try {
      const same = run !== null && run === this.opened?.run;
      this.opened = { name, run, model: await this.hooks.open(await read(), name, same) };
    } finally {
      this.opening = null;
      this.show();
    }
  }

  private show(): void {
    const { select, newer, status, opened, opening } = this;
    const saved = this.runs.filter(({ step }) => step > 0);
    const of = saved.find(({ id }) => id === opened?.run);
    const none = saved.length > 0 ? "Choose a run…" : "No run is saved yet";
    const options = saved.map(({ id, name, step }) => h("option", { value: id }, `${name}, ${count(step)} steps`));
    // The list does not change while it is open.
    if (document.activeElement !== select || select.length !== options.length + 1 || opening !== null) {
      select.replaceChildren(h("option", { value: "" }, opened && !of ? opened.name : none), ...options);
      select.value = of?.id ?? "";
    }
    select.disabled = saved.length === 0 || opening !== null;
    this.file.disabled = this.trained.disabled = opening !== null;
    newer.hidden = !(of && opened && of.step > opened.model.step);
    newer.disabled = opening !== null;
    if (of) setText(newer, `Update to step ${count(of.step)}`);
    if (opening !== null) setText(status, `Opening ${opening}…`);
    else if (opened) {
      const { size, step, credit, adapter } = opened.model;
      const facts = [opened.name, `after ${count(step)} steps`, `${size} × ${size}`, `drawn by ${adapter}`];
      setText(status, `${facts.join(", ")}${credit ? `. ${credit}` : ""}`);
    } else {
      const how = saved.length > 0 ? "Choose one of your runs" : "Train for a while";
      setText(status, `${how}, or open a .safetensors file.`);
    }
  }
}

async function fetched(url: string): Promise<Blob> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`Trained cats: ${answer.status}`);
  return await answer.blob();
}
