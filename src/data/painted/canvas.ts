/** The canvas: layers of colour × coverage, painted over each other. */
import type { Rgb } from "./colours.ts";
import { clamp01, type Shape, taper } from "./shapes.ts";

/** Where a part's own coordinates lie in the picture. */
export interface Frame {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
  readonly cos: number;
  readonly sin: number;
}
/** `tilt` is the tangent of the angle: it needs a square root; an angle needs sines, which engines round differently. */
export function frame(x: number, y: number, scale: number, tilt: number): Frame {
  const cos = 1 / Math.sqrt(1 + tilt * tilt);
  return { x, y, scale, cos, sin: tilt * cos };
}

/** Left, top, right, bottom. */
export type Box = readonly [number, number, number, number];
const EVERYWHERE: Box = [-9, -9, 9, 9];

export interface Canvas {
  readonly size: number;
  readonly rgb: Float32Array;
  frame: Frame;
  /** Coverage that every layer is multiplied with: paint inside the lines. */
  clip: Float32Array | undefined;
}
export function newCanvas(size: number): Canvas {
  return { size, rgb: new Float32Array(size * size * 3), frame: frame(0, 0, 1, 0), clip: undefined };
}

/** The width of a pixel in the coordinates of the canvas's frame. */
const pixelWidth = (canvas: Canvas) => 2 / canvas.size / canvas.frame.scale;

/** Calls `visit` with every pixel that touches the box, and its centre in the frame's coordinates. */
function eachPixel(canvas: Canvas, box: Box, visit: (pixel: number, x: number, y: number) => void): void {
  const { size } = canvas;
  const { x: x0, y: y0, scale, cos, sin } = canvas.frame;
  const [left, top, right, bottom] = box;
  const corners = [left, right].flatMap((x) => [top, bottom].map((y) => [x, y]));
  const xs = corners.map(([x, y]) => x0 + scale * (cos * x - sin * y));
  const ys = corners.map(([x, y]) => y0 + scale * (sin * x + cos * y));
  const toPixel = (value: number) => ((value + 1) / 2) * size;
  const firstColumn = Math.max(0, Math.floor(toPixel(Math.min(...xs)) - 1));
  const lastColumn = Math.min(size - 1, Math.ceil(toPixel(Math.max(...xs))));
  const firstRow = Math.max(0, Math.floor(toPixel(Math.min(...ys)) - 1));
  const lastRow = Math.min(size - 1, Math.ceil(toPixel(Math.max(...ys))));
  const step = 2 / size / scale;
  for (let row = firstRow; row <= lastRow; row++) {
    const dy = ((row + 0.5) * 2) / size - 1 - y0;
    const dx = 1 / size - 1 - x0;
    const x = (cos * dx + sin * dy) / scale;
    const y = (cos * dy - sin * dx) / scale;
    for (let column = firstColumn; column <= lastColumn; column++) {
      visit(row * size + column, x + column * step * cos, y - column * step * sin);
    }
  }
}

/** Paints one layer: `colour`, as opaque as `coverage` (0…1) says for a point. */
export function paint(canvas: Canvas, colour: Rgb, coverage: Shape, box: Box = EVERYWHERE): void {
  const { rgb: pixels, clip } = canvas;
  const [red, green, blue] = colour;
  eachPixel(canvas, box, (pixel, x, y) => {
    if (clip && clip[pixel] === 0) return;
    const alpha = coverage(x, y) * (clip ? clip[pixel] : 1);
    if (alpha <= 0) return;
    const i = 3 * pixel;
    pixels[i] += (red - pixels[i]) * alpha;
    pixels[i + 1] += (green - pixels[i + 1]) * alpha;
    pixels[i + 2] += (blue - pixels[i + 2]) * alpha;
  });
}

/** Coverage of a shape with an antialiased edge, one pixel wide, or `soft` wide where that is more. */
function inside(canvas: Canvas, shape: Shape, opacity = 1, soft = 0): Shape {
  const edge = Math.max(pixelWidth(canvas), soft);
  return (x, y) => opacity * clamp01(0.5 - shape(x, y) / edge);
}

/**
 * Fills a shape with a colour.
 * @param soft width of its edge, where that is more than a pixel @param box what the shape lies in
 */
export function fill(
  canvas: Canvas,
  colour: Rgb,
  shape: Shape,
  { opacity = 1, soft = 0, box = EVERYWHERE }: { opacity?: number; soft?: number; box?: Box } = {},
): void {
  paint(canvas, colour, inside(canvas, shape, opacity, soft), box);
}

/** Keeps the following layers inside a shape; without one, removes the clip. */
export function clipTo(canvas: Canvas, shape?: Shape, box: Box = EVERYWHERE): void {
  canvas.clip = undefined;
  if (!shape) return;
  const clip = new Float32Array(canvas.size * canvas.size);
  const coverage = inside(canvas, shape);
  eachPixel(canvas, box, (pixel, x, y) => {
    clip[pixel] = coverage(x, y);
  });
  canvas.clip = clip;
}

export type Point = readonly [x: number, y: number];
/** A quadratic Bézier curve from `a` to `c` with control point `b`; `ra` and `rb` are half as wide as its ends. */
export type Stroke = readonly [a: Point, b: Point, c: Point, ra: number, rb: number];

/** A brush stroke. Thinner than a pixel it would drop out in places: it is then painted a pixel wide, but fainter. */
export function stroke(canvas: Canvas, colour: Rgb, [a, b, c, ra, rb]: Stroke, opacity = 1): void {
  const thinnest = 0.42 * pixelWidth(canvas);
  const widest = Math.max(ra, rb);
  const faint = Math.min(1, Math.sqrt(widest / thinnest));
  const from = Math.max(ra, thinnest);
  const to = Math.max(rb, thinnest);
  const pieces = 6;
  const at = (t: number): Point => [
    (1 - t) * (1 - t) * a[0] + 2 * t * (1 - t) * b[0] + t * t * c[0],
    (1 - t) * (1 - t) * a[1] + 2 * t * (1 - t) * b[1] + t * t * c[1],
  ];
  const points = Array.from({ length: pieces + 1 }, (_, i) => at(i / pieces));
  const radii = points.map((_, i) => from + ((to - from) * i) / pieces);
  const shape: Shape = (x, y) => {
    let nearest = Infinity;
    for (let i = 0; i < pieces; i++) {
      const [p, q] = [points[i], points[i + 1]];
      nearest = Math.min(nearest, taper(x, y, p[0], p[1], q[0], q[1], radii[i], radii[i + 1]));
    }
    return nearest;
  };
  const margin = Math.max(from, to) + pixelWidth(canvas);
  const xs = points.map((p) => p[0]);
  const ys = points.map((p) => p[1]);
  const [left, top] = [Math.min(...xs) - margin, Math.min(...ys) - margin];
  const box: Box = [left, top, Math.max(...xs) + margin, Math.max(...ys) + margin];
  paint(canvas, colour, inside(canvas, shape, opacity * faint), box);
}
