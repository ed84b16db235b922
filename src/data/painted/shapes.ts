/**
 * Shapes as signed distances, negative inside. One pixel of antialiasing is then `0.5 − distance / pixel` clamped to 0…1, at
 * any size (https://iquilezles.org/articles/distfunctions2d/).
 */

export type Shape = (x: number, y: number) => number;

export const clamp01 = (value: number) => Math.min(1, Math.max(0, value));
/** 0 below `from`, 1 above `to` (or the other way round), smooth between. */
export function smoothstep(from: number, to: number, value: number): number {
  const t = clamp01((value - from) / (to - from));
  return t * t * (3 - 2 * t);
}
/** A union whose inner corners are rounded over about `k` (https://iquilezles.org/articles/smin/, quadratic). */
export function smoothMin(a: number, b: number, k: number): number {
  const h = Math.max(k - Math.abs(a - b), 0) / k;
  return Math.min(a, b) - (h * h * k) / 4;
}
export const smoothMax = (a: number, b: number, k: number) => -smoothMin(-a, -b, k);

/** First-order distance to an ellipse: the implicit function over its gradient; exact on the edge, where it matters. */
export function ellipse(x: number, y: number, rx: number, ry: number): number {
  const a = x / rx;
  const b = y / ry;
  const k = Math.sqrt(a * a + b * b);
  if (k < 1e-6) return -Math.min(rx, ry);
  const u = a / rx;
  const v = b / ry;
  return (k * (k - 1)) / Math.sqrt(u * u + v * v);
}

export const disc = (x: number, y: number, r: number) => Math.sqrt(x * x + y * y) - r;

/** Distance to the segment (ax, ay)–(bx, by), as thick as 2 `ra` at one end and 2 `rb` at the other. */
export function taper(
  x: number,
  y: number,
  ax: number,
  ay: number,
  bx: number,
  by: number,
  ra: number,
  rb: number,
): number {
  const dx = bx - ax;
  const dy = by - ay;
  const t = clamp01(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy));
  return disc(x - ax - t * dx, y - ay - t * dy, ra + (rb - ra) * t);
}

/** The disc whose edge runs from (ax, ay) to (bx, by) and bulges by `sagitta` to the left of that direction. */
export function bulgingEdge(ax: number, ay: number, bx: number, by: number, sagitta: number): Shape {
  const dx = bx - ax;
  const dy = by - ay;
  const length = Math.sqrt(dx * dx + dy * dy);
  const radius = (length * length) / 8 / sagitta + sagitta / 2;
  const cx = (ax + bx) / 2 - (dy / length) * (radius - sagitta);
  const cy = (ay + by) / 2 + (dx / length) * (radius - sagitta);
  return (x, y) => disc(x - cx, y - cy, radius);
}

/** The shape with its edge `by` further out. */
export function grown(shape: Shape, by: number): Shape {
  return (x, y) => shape(x, y) - by;
}

/** A coverage, not a distance: 0 where an ellipse's centre is `from` radii away, 1 where it is `to`, smooth between. */
export function glow(cx: number, cy: number, rx: number, ry: number, from: number, to: number): Shape {
  return (x, y) => smoothstep(from, to, disc((x - cx) / rx, (y - cy) / ry, 0));
}

/** The right half of a shape, on both sides of the axis x = 0. */
export function mirrored(shape: Shape): Shape {
  return (x, y) => shape(Math.abs(x), y);
}
