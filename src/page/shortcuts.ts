/** Keyboard shortcuts, and the list of them. */
import { byId, h } from "./dom.ts";

export interface Shortcut {
  key: string;
  /** The key, as the list shows it. */
  label: string;
  does: string;
  run(): void;
}

export function mountShortcuts(shortcuts: readonly Shortcut[]): void {
  const dialog = byId<HTMLDialogElement>("shortcuts");
  const show = () => (dialog.open ? dialog.close() : dialog.showModal());
  const all: Shortcut[] = [...shortcuts, { key: "?", label: "?", does: "This list", run: show }];
  byId("show-shortcuts").addEventListener("click", show);
  byId("shortcut-list").append(
    ...all.flatMap(({ label, does }) => [h("dt", {}, h("kbd", {}, label)), h("dd", {}, does)]),
  );
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target as HTMLElement;
    if (target.closest("input, select, textarea, dialog")) return;
    // Space on a focused button presses that button.
    if (event.key === " " && target.closest("button, summary, a, label")) return;
    const found = all.find(({ key }) => key === event.key);
    if (!found) return;
    event.preventDefault();
    found.run();
  });
}
