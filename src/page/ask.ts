/** Asks one question in a dialog. */
import { byId, setText } from "./dom.ts";
import { shownText } from "./shown_text.ts";

interface Question {
  title: string;
  text?: string;
  /** The label of the button that confirms. */
  yes: string;
  /** Also asks for a name, starting from this one. */
  name?: string;
}

/** @returns the name, or "" where none was asked for; null when the user cancels */
export function ask({ title, text = "", yes, name }: Question): Promise<string | null> {
  const dialog = byId<HTMLDialogElement>("ask");
  const input = byId<HTMLInputElement>("ask-name");
  setText(byId("ask-title"), title);
  setText(byId("ask-text"), text);
  setText(byId("ask-yes"), yes);
  // No submit button, or Enter in the field would press it.
  byId("ask-no").onclick = () => dialog.close();
  byId("ask-label").hidden = name === undefined;
  input.required = name !== undefined;
  input.value = shownText(name ?? "");
  dialog.returnValue = "cancel";
  dialog.showModal();
  if (name !== undefined) input.select();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => resolve(dialog.returnValue === "yes" ? (name === undefined ? "" : input.value.trim() || name) : null),
      { once: true },
    );
  });
}
