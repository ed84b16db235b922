/** Small helpers around the DOM. Strings are put on the page as text, never as markup, and only through `shownText`. */
import { shownText } from "./shown_text.ts";

/** @throws Error when index.html has no such element */
export function byId<T extends Element = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`there is no #${id} on the page`);
  return found as Element as T;
}

type Child = Node | string | null | false;

/** A new element: properties go by their JavaScript names. */
export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    Object.assign(element, { [key]: typeof value === "string" ? shownText(value) : value });
  }
  for (const child of children) {
    if (child !== null && child !== false) element.append(typeof child === "string" ? shownText(child) : child);
  }
  return element;
}

export function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

export function setText(element: Element, text: string): void {
  const shown = shownText(text);
  // Unchanged text must not be announced or laid out again.
  if (element.textContent !== shown) element.textContent = shown;
}

const shown = new WeakMap<HTMLImageElement, { blob: Blob; url: string }>();

/** Shows a picture that is in memory, and releases the previous one. */
export function setImage(image: HTMLImageElement, blob: Blob | null): void {
  const before = shown.get(image);
  if (before?.blob === blob) return;
  if (before) URL.revokeObjectURL(before.url);
  shown.delete(image);
  if (blob === null) {
    image.removeAttribute("src");
    return;
  }
  const url = URL.createObjectURL(blob);
  shown.set(image, { blob, url });
  image.src = url;
}

/** Downloads a file to the user's machine. */
export function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
