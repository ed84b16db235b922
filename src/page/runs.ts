/** The list of saved runs. */
import { ask } from "./ask.ts";
import type { Client } from "./client.ts";
import { byId, download, h, setImage } from "./dom.ts";
import { ago, bytes, count, picturesWord } from "./format.ts";
import type { RunSummary } from "./protocol.ts";

export class RunList {
  private readonly list = byId<HTMLUListElement>("run-list");
  private shown = "";

  constructor(
    private readonly client: Client,
    private readonly options: {
      /** Does something and tells people when it fails. */
      attempt(work: Promise<unknown>): void;
      onOpen(run: RunSummary): void;
      onDraw(run: RunSummary): void;
    },
  ) {
    const { attempt } = options;
    const upload = byId<HTMLInputElement>("upload");
    upload.addEventListener("change", () => {
      const [file] = upload.files ?? [];
      if (file) attempt(client.call.upload(file, file.name.replace(/\.safetensors$/, "")));
      upload.value = "";
    });
  }

  show(runs: readonly RunSummary[], openId: string | null, canTrain: boolean): void {
    const minute = Math.floor(Date.now() / 60_000);
    const key = JSON.stringify([runs.map(({ grid, ...rest }) => [rest, grid?.size]), openId, canTrain, minute]);
    if (key === this.shown) return;
    this.shown = key;
    byId("runs-empty").hidden = runs.length > 0;
    const focused = this.list.contains(document.activeElement) && document.activeElement!.id;
    this.list.replaceChildren(...runs.map((run) => this.card(run, run.id === openId, canTrain)));
    // What was pressed may be no more.
    if (focused) (document.getElementById(focused) ?? byId("runs")).focus({ preventScroll: true });
  }

  private card(run: RunSummary, isOpen: boolean, canTrain: boolean): HTMLLIElement {
    const { id, name, config, step, totalSteps, data, pictureCount } = run;
    const { call } = this.client;
    const { attempt, onOpen, onDraw } = this.options;
    const thumb = h("div", { className: "thumb" });
    if (run.grid) {
      const image = h("img", { alt: `The newest grid of ${name}` });
      setImage(image, run.grid);
      thumb.append(image);
    } else thumb.append("no grid yet");
    const button = (label: string, onclick: () => void, className = "") => {
      const made = h("button", { type: "button", onclick, className, id: `run-${id}-${label.toLowerCase()}` }, label);
      made.setAttribute("aria-label", `${label} ${name}`);
      return made;
    };
    const finished = step >= totalSteps;
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
        h(
          "div",
          { className: "run-buttons" },
          !isOpen && canTrain && button(finished ? "Open" : "Continue", () => onOpen(run), "primary"),
          step > 0 && button("Draw", () => onDraw(run)),
          step > 0 && button("Download", () => attempt(this.download(run))),
          button("Duplicate", () => attempt(call.duplicate(id))),
          button("Rename", () => attempt(this.rename(run))),
          button("Delete", () => attempt(this.remove(run)), "danger"),
        ),
      ),
    );
    card.dataset.run = id;
    return card;
  }

  private async download({ id, name, step }: RunSummary): Promise<void> {
    download(await this.client.call.download(id), `${name}-step-${step}.safetensors`);
  }

  private async rename({ id, name }: RunSummary): Promise<void> {
    const given = await ask({ title: "Rename this run", yes: "Rename", name });
    if (given !== null) await this.client.call.rename(id, given);
  }

  private async remove({ id, name, step }: RunSummary): Promise<void> {
    const text = `${name}, ${count(step)} steps, with its checkpoint and its grids. This cannot be undone.`;
    const yes = await ask({ title: "Delete this run?", text, yes: "Delete" });
    if (yes !== null) await this.client.call.remove(id);
  }
}
