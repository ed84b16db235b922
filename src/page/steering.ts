/** The user's commands to the worker: start, pause, open, save, stop, download. */
import type { Client } from "./client.ts";
import { presetWords } from "./controls.ts";
import { byId, download } from "./dom.ts";
import type { DrawPanel } from "./draw/draw.ts";
import type { Model } from "./model.ts";
import { notify } from "./notices.ts";
import { keepStorage } from "./persistence.ts";
import type { PicturesPanel } from "./pictures/panel.ts";
import type { RunSummary } from "./protocol.ts";
import type { Settings } from "./settings.ts";
import { shownName } from "./shown_text.ts";
import type { Tasks } from "./tasks.ts";
import type { Timeline } from "./timeline.ts";

export class Steering {
  constructor(
    private readonly model: Model,
    private readonly call: Client["call"],
    private readonly tasks: Tasks,
    private readonly panels: { timeline: Timeline; pictures: PicturesPanel; draw: DrawPanel },
  ) {}

  start(): void {
    const { model, call, panels, tasks } = this;
    panels.timeline.backToNow();
    goTo("stage", "nearest");
    const start = async () => {
      // The pictures may still be being read at the size that was chosen last.
      await panels.pictures.settled();
      const { settings, photographs } = model;
      await call.start({ name: runName(settings, photographs !== null), config: settings.config, photographs });
    };
    tasks.attempt(start());
    tasks.background(keepStorage());
  }

  open({ id, step, totalSteps, lacksPictures }: RunSummary): void {
    const { model, call, tasks } = this;
    goTo("stage");
    const open = async () => {
      await call.open(id, lacksPictures ? model.photographs : null);
      if (step < totalSteps) await call.play();
    };
    tasks.attempt(open());
    tasks.background(keepStorage());
  }

  /** Continues the newest unfinished run. */
  continue(): void {
    const { unfinished } = this.model;
    if (unfinished) this.open(unfinished);
  }

  upload(file: File): void {
    this.tasks.attempt(this.call.upload(file, file.name.replace(/\.safetensors$/, "")));
    this.tasks.background(keepStorage());
  }

  downloadCheckpoint({ id, name }: Pick<RunSummary, "id" | "name">): void {
    this.tasks.attempt(
      this.call.download(id).then(({ file, step, warning }) => {
        download(file, `${shownName(name)}-step-${step}.safetensors`);
        notify("download", warning === null ? null : { text: `${warning}. The file holds that step.` });
      }),
    );
  }

  drawFrom({ id }: RunSummary): void {
    goTo("draw");
    this.panels.draw.open(id);
  }

  playOrPause(): void {
    const { call, tasks } = this;
    const { phase, run } = this.model.state;
    if (phase === "training") tasks.attempt(call.pause());
    else if (phase === "paused") tasks.attempt(call.play());
    else if (phase === "finished") this.trainOn();
    else if (phase === "failed" && run) tasks.attempt(call.open(run.id, null).then(() => call.play()));
    else if (run === null && phase === "idle" && !byId<HTMLButtonElement>("start").disabled) this.start();
  }

  /** After the last step, trains the same number of steps again. */
  private trainOn(): void {
    const steps = 2 * this.model.numbers!.step;
    this.tasks.attempt(this.call.change({ steps, epochs: null }).then(() => this.call.play()));
  }

  step(): void {
    this.tasks.attempt(this.call.step());
  }

  save(): void {
    this.tasks.attempt(this.call.save());
  }

  stop(): void {
    goTo("stage", "nearest");
    this.tasks.attempt(this.call.stop());
  }

  abandon(): void {
    this.tasks.attempt(this.call.abandon());
  }

  watch(): void {
    this.tasks.attempt(this.call.watch());
  }

  takeOver(): void {
    this.tasks.attempt(this.call.takeOver());
  }

  findGpu(): void {
    this.tasks.attempt(this.call.findGpu());
  }

  endGpuWait(choice: "try now" | "give up"): void {
    this.tasks.background(this.call.endGpuWait(choice));
  }
}

function runName({ preset, config }: Settings, hasPhotographs: boolean): string {
  const { title } = presetWords[preset];
  const kind = config.size === 128 || hasPhotographs ? title : `${title} cats`;
  return config.seed === 1 ? kind : `${kind}, seed ${config.seed}`;
}

/** Scrolls to a section, and moves the keyboard focus there: the button that was pressed may disappear. */
function goTo(section: string, block: ScrollLogicalPosition = "start"): void {
  const element = byId(section);
  element.scrollIntoView({ block });
  element.focus({ preventScroll: true });
}
