/** A chart of two curves over the steps, drawn on a canvas. */
import { count, rough } from "./format.ts";

/** A chart's numbers. */
export interface ChartData {
  /** In ascending order. */
  steps: ArrayLike<number>;
  /** Each as long as `steps`; values that are not finite, or not above 0 on a logarithmic scale, are left out. */
  curves: readonly ArrayLike<number>[];
}

export interface ChartOptions {
  /** Lowest and highest value; null: taken from the curves. */
  range: readonly [number, number] | null;
  logarithmic: boolean;
  /** Custom properties of the curves' colours. */
  colours: readonly string[];
}

const margin = { left: 46, right: 16, top: 8, bottom: 24 };

export class Chart {
  private readonly canvas = document.createElement("canvas");
  private data: ChartData = { steps: [], curves: [] };
  private options: ChartOptions = { range: null, logarithmic: false, colours: [] };
  /** Which step the pointer is at; null = none. */
  private at: number | null = null;

  /** @param reading shows the numbers at the pointer */
  constructor(
    private readonly host: HTMLElement,
    private readonly reading: HTMLElement,
  ) {
    host.append(this.canvas);
    new ResizeObserver(() => this.draw()).observe(host);
    host.addEventListener("pointermove", ({ offsetX }) => this.point(offsetX));
    host.addEventListener("pointerleave", () => this.point(null));
  }

  show(data: ChartData, options: ChartOptions): void {
    this.data = data;
    this.options = options;
    this.draw();
  }

  private point(offsetX: number | null): void {
    const { steps } = this.data;
    if (offsetX === null || steps.length === 0) this.at = null;
    else {
      const share = (offsetX - margin.left) / (this.host.clientWidth - margin.left - margin.right);
      const step = steps[0] + Math.min(1, Math.max(0, share)) * (steps[steps.length - 1] - steps[0]);
      let near = 0;
      for (let i = 1; i < steps.length; i++) if (Math.abs(steps[i] - step) < Math.abs(steps[near] - step)) near = i;
      this.at = near;
    }
    this.draw();
  }

  private draw(): void {
    const { canvas, host, data, options, at } = this;
    const { steps, curves } = data;
    const [width, height] = [host.clientWidth, host.clientHeight];
    const scale = devicePixelRatio;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const context = canvas.getContext("2d");
    if (!context || steps.length < 2 || width < 100) return;
    context.scale(scale, scale);
    const colour = (name: string) => resolved(host, name);
    const [soft, line] = [colour("--soft"), colour("--line")];
    context.font = "12px system-ui, sans-serif";
    context.lineWidth = 1;

    const { logarithmic } = options;
    const place = (value: number) => (logarithmic ? Math.log10(value) : value);
    const shown = (value: number) => Number.isFinite(value) && (!logarithmic || value > 0);
    const [low, high] = (options.range ?? extent(curves, shown)).map(place);
    const [first, last] = [steps[0], steps[steps.length - 1]];
    const x = (step: number) => margin.left + ((step - first) / (last - first)) * (width - margin.left - margin.right);
    const y = (value: number) =>
      height - margin.bottom - ((place(value) - low) / (high - low)) * (height - margin.top - margin.bottom);

    context.fillStyle = soft;
    context.strokeStyle = line;
    context.textAlign = "right";
    context.textBaseline = "middle";
    const rows = logarithmic ? logTicks(low, high) : ticks(low, high, height / 42);
    for (const value of rows) {
      rule(context, margin.left, y(value), width - margin.right, y(value));
      context.fillText(rough(value), margin.left - 8, y(value));
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const step of ticks(first, last, width / 80)) {
      rule(context, x(step), margin.top, x(step), height - margin.bottom);
      context.fillText(count(step), x(step), height - margin.bottom + 7);
    }

    context.lineWidth = 2;
    context.lineJoin = "round";
    for (const [c, curve] of curves.entries()) {
      context.strokeStyle = colour(options.colours[c]);
      context.beginPath();
      let drawing = false;
      for (let i = 0; i < steps.length; i++) {
        if (!shown(curve[i])) drawing = false;
        else if (drawing) context.lineTo(x(steps[i]), y(curve[i]));
        else {
          context.moveTo(x(steps[i]), y(curve[i]));
          drawing = true;
        }
      }
      context.stroke();
    }
    this.reading.textContent =
      at === null ? "" : `step ${count(steps[at])}: ${curves.map((c) => rough(c[at])).join(", ")}`;
    if (at === null) return;
    context.lineWidth = 1;
    context.strokeStyle = soft;
    rule(context, x(steps[at]), margin.top, x(steps[at]), height - margin.bottom);
  }
}

function rule(context: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  // Offset by half a pixel, so that a line one pixel wide covers exactly one pixel.
  context.beginPath();
  context.moveTo(Math.round(x0) + 0.5, Math.round(y0) + 0.5);
  context.lineTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
  context.stroke();
}

/** A custom property as a colour: a canvas knows neither those nor light-dark(). */
function resolved(host: HTMLElement, name: string): string {
  host.style.color = `var(${name})`;
  const { color } = getComputedStyle(host);
  host.style.color = "";
  return color;
}

/** The lowest and the highest of what is shown, with a little room around. */
export function extent(curves: readonly ArrayLike<number>[], shown: (value: number) => boolean): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const curve of curves) {
    for (let i = 0; i < curve.length; i++) {
      if (!shown(curve[i])) continue;
      low = Math.min(low, curve[i]);
      high = Math.max(high, curve[i]);
    }
  }
  if (low > high) return [0.1, 1];
  const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low > 0 ? Math.max(low - room, low * 0.8) : low - room, high + room];
}

/** Round numbers from low to high, about `target` of them. */
export function ticks(low: number, high: number, target: number): number[] {
  const raw = (high - low) / Math.max(1, target);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw)!;
  const found: number[] = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(i * step);
  return found;
}

/** 1, 2 and 5 times the powers of ten between two powers; where these are few, round numbers. */
export function logTicks(low: number, high: number): number[] {
  const found: number[] = [];
  for (let power = Math.floor(low); power <= high; power++) {
    for (const factor of [1, 2, 5]) {
      const value = factor * 10 ** power;
      if (Math.log10(value) >= low && Math.log10(value) <= high) found.push(value);
    }
  }
  return found.length > 2 ? found : ticks(10 ** low, 10 ** high, 4);
}
