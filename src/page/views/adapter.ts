/** The adapter: what was found, how fast it is, and what to do where there is none. */
import { describeAdapter, describeSpeed } from "../describe_adapter.ts";
import { byId, h, setText } from "../dom.ts";
import { count } from "../format.ts";
import type { Model } from "../model.ts";
import type { PageState } from "../state.ts";

export function showAdapter({ state, testing }: Model): void {
  const { adapter, speed } = state;
  const { text, help, canTrain } = describeAdapter(adapter, isSecureContext);
  setText(byId("adapter-word"), text);
  const measuring = adapter?.kind === "found" && !speed && state.run === null && state.phase === "idle" && !testing;
  setText(byId("speed-word"), describeSpeed(speed) ?? (measuring ? `Measuring its speed… ${progressText(state)}` : ""));
  const details = byId<HTMLDetailsElement>("adapter-help");
  if (help && details.hidden) {
    details.querySelector("summary")!.textContent = help.title;
    details.querySelector("ul")!.replaceChildren(...help.lines.map((line) => h("li", {}, line)));
    if (!canTrain) details.open = true;
  }
  details.hidden = help === null;
  byId("find-gpu").hidden = !(adapter?.kind === "none" && adapter.reason === "no adapter");
  const pill = byId("adapter-pill");
  pill.hidden = adapter === null;
  if (adapter) {
    setText(pill, adapter.kind === "found" ? adapter.name : "no GPU");
    pill.className = `pill ${adapter.kind === "none" ? "none" : adapter.software ? "slow" : ""}`;
  }
}

/** What is being prepared, and how far it is. */
export function progressText({ progress }: Pick<PageState, "progress">): string {
  return [...progress]
    .filter(([, { done, total }]) => done < total)
    .map(([what, { done, total }]) => `${what[0].toUpperCase()}${what.slice(1)}: ${count(done)} of ${count(total)}`)
    .join(" · ");
}
