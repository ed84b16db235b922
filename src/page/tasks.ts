/** Runs work that may fail, and reports failures to the user. */
import type { Model } from "./model.ts";
import { notify } from "./notices.ts";

export class Tasks {
  /** @param render shows the model */
  constructor(
    private readonly model: Model,
    private readonly render: () => void,
  ) {}

  /** Work that the user asked for and waits for: buttons are disabled meanwhile. */
  readonly attempt = (work: Promise<unknown>): void => {
    const { model, render } = this;
    const focused = document.activeElement as HTMLElement | null;
    model.pendingCalls++;
    notify("failure", null);
    render();
    work.catch(tellFailure).finally(() => {
      model.pendingCalls--;
      render();
      // A button loses the keyboard focus when it is disabled.
      requestAnimationFrame(() => {
        if (document.activeElement === document.body) focused?.focus({ preventScroll: true });
      });
    });
  };

  /** Work that the user does not wait for. */
  readonly background = (work: Promise<unknown>): void => {
    work.catch(tellFailure);
  };
}

function tellFailure(error: Error): void {
  notify("failure", { text: error.message, bad: true });
}
