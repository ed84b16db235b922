/** What the page has to say at the moment: another tab trains, storage failed, the GPU is awaited, training went wrong. */
import { describeTrouble } from "../describe_trouble.ts";
import type { Model } from "../model.ts";
import { notify } from "../notices.ts";
import type { PageState } from "../state.ts";
import type { Steering } from "../steering.ts";

export function showNotices(model: Model, steering: Steering): void {
  showElsewhere(model, steering);
  showStorageProblem(model, steering);
  showGpuWait(model, steering);
  showTrouble(model, steering);
}

function showElsewhere({ state, watching }: Model, steering: Steering): void {
  if (!state.elsewhere) {
    notify("elsewhere", null);
    return;
  }
  notify("elsewhere", {
    text: watching ? "You are watching another tab's run." : "Another tab of this page is training. Only one can.",
    closes: false,
    actions: {
      ...(watching ? {} : { "Watch it here": () => steering.watch() }),
      "Take over": () => steering.takeOver(),
    },
  });
}

function showStorageProblem({ state, watching, unsaved }: Model, steering: Steering): void {
  const { storage, run, phase } = state;
  if (storage === null || !run) {
    notify("storage", null);
    return;
  }
  const canAbandon = unsaved && phase !== "training";
  const actions = {
    Download: () => steering.downloadCheckpoint(run),
    ...(canAbandon ? { "Close without saving": () => steering.abandon() } : {}),
  };
  notify("storage", { text: `${storage}.`, bad: true, actions: watching ? {} : actions });
}

function showGpuWait({ state }: Model, steering: Steering): void {
  const { gpuWait, run, saved } = state;
  if (gpuWait === null) {
    notify("gpu wait", null);
    return;
  }
  notify("gpu wait", {
    text: gpuWaitText(gpuWait, run !== null && saved !== null),
    actions: { "Try now": () => steering.endGpuWait("try now"), "Stop waiting": () => steering.endGpuWait("give up") },
    closes: false,
  });
}

function gpuWaitText({ seconds, attempt, attempts }: NonNullable<PageState["gpuWait"]>, saved: boolean): string {
  return (
    "The browser gives this page no GPU at the moment. Browsers block it for a few minutes after it has failed " +
    `repeatedly. Next attempt (${attempt} of ${attempts}) in ${seconds} s. ` +
    `If none succeeds, restart the browser${saved ? ": what was saved is safe" : ""}.`
  );
}

function showTrouble({ state, watching }: Model, steering: Steering): void {
  const { trouble, gpuWait } = state;
  // While the worker waits for a GPU, the notice about that says it all.
  if (trouble === null || gpuWait !== null) {
    notify("trouble", null);
    return;
  }
  notify("trouble", {
    text: describeTrouble(trouble),
    bad: trouble.kind !== "sign" && trouble.attempt === null,
    actions: trouble.kind === "no GPU" && !watching ? { "Try again": () => steering.playOrPause() } : {},
  });
}
