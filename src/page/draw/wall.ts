/** Pictures side by side, each a button. */
import type { Place } from "../../train/walk.ts";
import { h } from "../dom.ts";
import { Newest } from "./newest.ts";
import type { Painter } from "./painter.ts";
import { atOnce } from "./protocol.ts";

/** A picture's current state. */
export interface Mark {
  /** Its name, for screen readers. */
  name: string;
  pressed: boolean;
  /** A letter in its corner, or none. */
  badge: string;
}

export class Wall {
  readonly element: HTMLElement;
  readonly canvases: readonly HTMLCanvasElement[];
  private readonly buttons: readonly HTMLButtonElement[];
  private readonly badges: readonly HTMLElement[];
  private readonly newest: Newest<Place, ImageData>;

  /** @param label names the pictures as a group */
  constructor(
    painter: Pick<Painter, "draw">,
    readonly columns: number,
    rows: number,
    label: string,
    onPick: (index: number) => void,
  ) {
    const indices = Array.from({ length: columns * rows }, (_, index) => index);
    this.canvases = indices.map(() => h("canvas", { width: 1, height: 1 }));
    this.badges = indices.map(() => h("span", { className: "badge" }));
    this.buttons = indices.map((index) => {
      const button = h("button", { type: "button", tabIndex: index === 0 ? 0 : -1 });
      button.append(this.canvases[index], this.badges[index]);
      button.addEventListener("click", () => onPick(index));
      // All pictures share one tab stop: the picture that had the focus last.
      button.addEventListener("focus", () => {
        for (const other of this.buttons) other.tabIndex = other === button ? 0 : -1;
      });
      return button;
    });
    this.element = h("div", { className: `draw-wall draw-wall-${columns}` }, ...this.buttons);
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", label);
    this.element.addEventListener("keydown", (event) => this.moveFocus(event));
    this.newest = new Newest(
      (places) => painter.draw(places),
      (index, picture) => paint(this.canvases[index], picture),
      atOnce,
    );
  }

  /** Shows these places, drawing those that are not shown already. Rejects when drawing fails. */
  async show(places: readonly Place[]): Promise<void> {
    await this.newest.request(places);
  }

  /** Call when another generator draws from now on. */
  forget(): void {
    this.newest.forget();
  }

  mark(marks: readonly Mark[]): void {
    for (const [index, { name, pressed, badge }] of marks.entries()) {
      const button = this.buttons[index];
      button.setAttribute("aria-label", name);
      button.setAttribute("aria-pressed", String(pressed));
      this.badges[index].textContent = badge;
    }
  }

  private moveFocus(event: KeyboardEvent): void {
    const { columns, buttons } = this;
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const to = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at - columns,
      ArrowDown: at + columns,
      Home: 0,
      End: buttons.length - 1,
    }[event.key];
    if (at < 0 || to === undefined) return;
    // The arrow keys are also shortcuts of the page.
    event.preventDefault();
    buttons[to]?.focus();
  }
}

export function paint(canvas: HTMLCanvasElement, picture: ImageData): void {
  if (canvas.width !== picture.width) Object.assign(canvas, { width: picture.width, height: picture.height });
  canvas.getContext("2d")!.putImageData(picture, 0, 0);
}
