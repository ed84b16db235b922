/** Short messages above the pictures: at most one of each kind, until it no longer applies or is dismissed. */
import { byId, h } from "./dom.ts";
import { shownName } from "./shown_text.ts";

interface Notice {
  text: string;
  bad?: boolean;
  actions?: Record<string, () => void>;
  /** Whether the user can dismiss it. */
  closes?: boolean;
}

/** Errors may quote what a file says about itself, which may be a megabyte. */
const maxLength = 600;

const shown = new Map<string, { key: string; element: HTMLElement }>();

/** @param kind what the notice is about; null removes it */
export function notify(kind: string, notice: Notice | null): void {
  const before = shown.get(kind);
  const key = notice && JSON.stringify([notice.text, Object.keys(notice.actions ?? {})]);
  if ((before?.key ?? null) === key) return;
  before?.element.remove();
  shown.delete(kind);
  if (!notice || !key) return;
  const { bad = false, actions = {}, closes = true } = notice;
  const text = shownName(notice.text, maxLength);
  const buttons = Object.entries(actions).map(([label, onclick]) => h("button", { type: "button", onclick }, label));
  if (closes) {
    const put = h("button", { type: "button", className: "quiet", onclick: () => element.remove() }, "Close");
    buttons.push(put);
  }
  const element = h("div", { className: bad ? "notice bad" : "notice" }, h("p", {}, text), ...buttons);
  element.dataset.kind = kind;
  shown.set(kind, { key, element });
  byId("notices").append(element);
}
