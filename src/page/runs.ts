/** The list of saved runs. */
import { ask } from "./ask.ts";
import type { Client } from "./client.ts";
import { byId, download, h, setImage } from "./dom.ts";
import { ago, bytes, count, picturesWord } from "./format.ts";
import type { DamagedRun, RunSummary } from "./protocol.ts";
import { shownName } from "./shown_text.ts";

export class RunList {
  private readonly list = byId<HTMLUListElement>("run-list");
  private shown = "";

  constructor(
    private readonly client: Client,
    private readonly options: {
      /** Runs work, and tells the user if it fails. */
      attempt(work: Promise<unknown>): void;
      /** The user opens a checkpoint file. */
      onUpload(file: File): void;
      onOpen(run: RunSummary): void;
      onDraw(run: RunSummary): void;
      onDownload(run: RunSummary): void;
    },
  ) {
    const upload = byId<HTMLInputElement>("upload");
    upload.addEventListener("change", () => {
      const [file] = upload.files ?? [];
      if (file) options.onUpload(file);
      upload.value = "";
    });
  }

  show(runs: readonly RunSummary[], damaged: readonly DamagedRun[], openId: string | null, canTrain: boolean): void {
    const minute = Math.floor(Date.now() / 60_000);
    const key = JSON.stringify([
      runs.map(({ grid, ...rest }) => [rest, grid?.size]),
      damaged,
      openId,
      canTrain,
      minute,
    ]);
    if (key === this.shown) return;
    this.shown = key;
    byId("runs-empty").hidden = runs.length + damaged.length > 0;
    const focused = this.list.contains(document.activeElement) && document.activeElement!.id;
    this.list.replaceChildren(
      ...runs.map((run) => this.card(run, run.id === openId, canTrain)),
      ...damaged.map((run) => this.damagedCard(run)),
    );
    // The button that was pressed may be gone.
    if (focused) (document.getElementById(focused) ?? byId("runs")).focus({ preventScroll: true });
  }

  private card(run: RunSummary, isOpen: boolean, canTrain: boolean): HTMLLIElement {
    const { id, config, step, totalSteps, pictureCount, recovered } = run;
    const [name, data] = [shownName(run.name), shownName(run.data)];
    const { call } = this.client;
    const { attempt, onOpen, onDraw, onDownload } = this.options;
    const thumb = h("div", { className: "thumb" });
    if (run.grid) {
      const image = h("img", { alt: `The newest grid of ${name}` });
      setImage(image, run.grid);
      thumb.append(image);
    } else thumb.append("no grid yet");
    const button = (label: string, onclick: () => void, className = "") =>
      runButton(label, { id, name, onclick, className });
    const finished = step >= totalSteps;
    const about = `${name}, ${count(step)} steps, with its checkpoint and its grids.`;
    const pictures = data === "painted" ? "painted cats" : picturesWord(pictureCount, data);
    const card = h(
      "li",
      { className: isOpen ? "run open" : "run" },
      thumb,
      h(
        "div",
        { className: "about" },
        h("h3", {}, name),
        h("p", {}, `Step ${count(step)} of ${count(totalSteps)}, ${config.size} × ${config.size}, ${pictures}`),
        h("p", {}, step > 0 ? `${bytes(run.bytes)}, saved ${ago(Date.now() - run.saved)}` : "Not saved yet"),
        recovered &&
          h(
            "p",
            {},
            "The file with the run's name and settings was damaged. The run was recovered from its checkpoint.",
          ),
        run.lacksPictures &&
          h(
            "p",
            {},
            "Its pictures are not in this browser. To train it further, add them under “Your own pictures”, then open it.",
          ),
        h(
          "div",
          { className: "run-buttons" },
          !isOpen && canTrain && button(finished ? "Open" : "Continue", () => onOpen(run), "primary"),
          step > 0 && button("Draw", () => onDraw(run)),
          step > 0 && button("Download", () => onDownload(run)),
          button("Duplicate", () => attempt(call.duplicate(id))),
          button("Rename", () => attempt(this.rename(run))),
          button("Delete", () => attempt(this.remove(id, about)), "danger"),
        ),
      ),
    );
    card.dataset.run = id;
    return card;
  }

  /** A run that cannot be opened is listed all the same: the user decides whether to keep or delete it. */
  private damagedCard({ id, created, reason, damaged }: DamagedRun): HTMLLIElement {
    const { call } = this.client;
    const { attempt } = this.options;
    const name = Number.isFinite(created) ? `Run of ${new Date(created).toLocaleString("en")}` : `Run ${id}`;
    const button = (label: string, onclick: () => void, className = "") =>
      runButton(label, { id, name, onclick, className });
    const card = h(
      "li",
      { className: "run damaged" },
      h("div", { className: "thumb" }, damaged ? "damaged" : "not read"),
      h(
        "div",
        { className: "about" },
        h("h3", {}, name),
        h("p", {}, `It cannot be opened: ${reason}.`),
        h(
          "div",
          { className: "run-buttons" },
          button("Try again", () => attempt(call.refreshRuns())),
          damaged && button("Download", () => attempt(this.downloadRemains(id))),
          button("Delete", () => attempt(this.remove(id, `${name}, with everything that is left of it.`)), "danger"),
        ),
      ),
    );
    card.dataset.run = id;
    return card;
  }

  private async downloadRemains(id: string): Promise<void> {
    download(await this.client.call.remains(id), `run-${id}-damaged.safetensors`);
  }

  private async rename({ id, name }: RunSummary): Promise<void> {
    const given = await ask({ title: "Rename this run", yes: "Rename", name });
    if (given !== null) await this.client.call.rename(id, given);
  }

  private async remove(id: string, what: string): Promise<void> {
    const yes = await ask({ title: "Delete this run?", text: `${what} This cannot be undone.`, yes: "Delete" });
    if (yes !== null) await this.client.call.remove(id);
  }
}

function runButton(
  label: string,
  { id, name, onclick, className }: { id: string; name: string; onclick(): void; className: string },
): HTMLButtonElement {
  const buttonId = `run-${id}-${label.toLowerCase().replace(" ", "-")}`;
  return h("button", { type: "button", onclick, className, id: buttonId, ariaLabel: `${label} ${name}` }, label);
}
