/**
 * Painted cats: endless pictures to learn from, drawn by this file alone.
 *
 * A cat is first *described* (a plain object of colours and lengths, drawn from a random stream keyed by (seed, index))
 * and then *painted*: a stack of layers, back to front, each one colour and a coverage in 0…1 for every pixel. Shapes are
 * signed distances (negative inside), so one pixel of antialiasing is `0.5 − distance / pixel` clamped to 0…1, at any size
 * (https://iquilezles.org/articles/distfunctions2d/). The size enters only there and in the
 * minimum width of a stroke, so the cat is the same at every size.
 *
 * Only + − × ÷, comparisons and square roots (which IEEE 754 rounds exactly) are used: every engine paints the same bytes.
 *
 * Coordinates: the picture is [−1, 1]² with y downwards; the head has a frame of its own, tilted, shifted and scaled.
 */
import { type Pictures, paintedCount } from "./pictures.ts";

/**
 * Paints one cat.
 *
 * @param size height and width in pixels, at least 1
 * @param seed any integer; another seed is another endless litter
 * @param index which cat of the litter; no two indices share a random stream
 * @returns [size, size, 3] RGB; depends on nothing but the three arguments
 */
export function paintCat(size: number, seed: number, index: number): Uint8Array {
  if (!(Number.isInteger(size) && size >= 1)) {
    throw new Error(`paintCat: size is ${size}, expected a whole number of pixels ≥ 1`);
  }
  const cat = describeCat(randomStream(seed, index));
  const canvas = newCanvas(size);
  paintBackground(canvas, cat);
  paintBody(canvas, cat);
  canvas.frame = cat.headFrame;
  paintHead(canvas, cat);
  paintEyes(canvas, cat);
  paintMuzzle(canvas, cat);
  paintWhiskers(canvas, cat);
  const pixels = new Uint8Array(size * size * 3);
  for (let i = 0; i < pixels.length; i++) pixels[i] = canvas.rgb[i] + 0.5; // blends of 0…255 stay in 0…255
  return pixels;
}

/** Paints the cats 0 … count − 1 of a seed, see {@link paintCat}. */
export function paintCats(size: number, count: number, seed: number): Pictures {
  if (!(Number.isInteger(count) && count >= 0)) {
    throw new Error(`paintCats: count is ${count}, expected a whole number ≥ 0`);
  }
  const pixels = new Uint8Array(count * size * size * 3);
  for (let index = 0; index < count; index++) pixels.set(paintCat(size, seed, index), index * size * size * 3);
  return { size, count, pixels };
}

/** The painted cats of a run, with pauses in which other work can run. */
export async function paintDataSet(
  size: number,
  seed: number,
  onProgress: (done: number, total: number) => void,
): Promise<Pictures> {
  const count = paintedCount(size);
  const bytes = size * size * 3;
  const pixels = new Uint8Array(count * bytes);
  for (let index = 0; index < count; index++) {
    pixels.set(paintCat(size, seed, index), index * bytes);
    if (index % 64 !== 0) continue;
    onProgress(index, count);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return { size, count, pixels };
}

// ── Random numbers ──────────────────────────────────────────────────────────────────────────────────────────────────

const GOLDEN = 0x9e3779b9;

/** splitmix32's mixing function, a bijection of 32-bit integers; constants from https://github.com/skeeto/hash-prospector */
function mix32(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  return (bits ^ (bits >>> 15)) >>> 0;
}

interface Random {
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  /** One of the items; with weights, in their proportion. */
  pick<T>(items: readonly T[], weights?: readonly number[]): T;
}

function randomStream(seed: number, index: number): Random {
  let state = mix32(index + mix32(seed + GOLDEN)); // bijective in index: cats of one seed never share a stream's start
  const next = () => {
    state = (state + GOLDEN) | 0;
    return mix32(state) / 2 ** 32;
  };
  return {
    between: (low, high) => low + (high - low) * next(),
    chance: (probability) => next() < probability,
    pick: (items, weights = items.map(() => 1)) => {
      let left = next() * weights.reduce((sum, weight) => sum + weight, 0);
      return items.find((_, i) => (left -= weights[i]) < 0) ?? items[items.length - 1];
    },
  };
}

// ── Colours: sRGB, 0…255 ────────────────────────────────────────────────────────────────────────────────────────────

type Rgb = readonly [red: number, green: number, blue: number];

const rgb = (hex: number): Rgb => [hex >> 16, (hex >> 8) & 255, hex & 255];
const blend = (a: Rgb, b: Rgb, t: number): Rgb => [
  a[0] + (b[0] - a[0]) * t,
  a[1] + (b[1] - a[1]) * t,
  a[2] + (b[2] - a[2]) * t,
];
const difference = (a: Rgb, b: Rgb) => Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]) + Math.abs(a[2] - b[2]);
const lightness = (c: Rgb) => (0.3 * c[0] + 0.59 * c[1] + 0.11 * c[2]) / 255;

const WHITE = rgb(0xfffaf2);
const INK = rgb(0x2b2028);
const BLUSH = rgb(0xff7d80);

interface Coat {
  readonly fur: Rgb;
  /** Stripes, shade and outline. */
  readonly dark: Rgb;
  /** Muzzle and chest. */
  readonly pale: Rgb;
  readonly nose: Rgb;
}
const coat = (fur: number, dark: number, pale: number, nose: number): Coat => ({
  fur: rgb(fur),
  dark: rgb(dark),
  pale: rgb(pale),
  nose: rgb(nose),
});
const COATS = {
  ginger: coat(0xf29a45, 0xc4601f, 0xfff0d8, 0xe8748a),
  cream: coat(0xf8ddb4, 0xd9a66d, 0xfffaee, 0xee8e98),
  grey: coat(0x8f9cad, 0x5a6577, 0xe3e8ee, 0x56596b),
  silver: coat(0xc6ccd4, 0x717b8a, 0xfafbfc, 0xd97f88),
  black: coat(0x3f3b49, 0x221f2a, 0x66606f, 0x1d1a22),
  white: coat(0xfbf6ee, 0xcbbfb6, 0xffffff, 0xf29aa4),
  chocolate: coat(0x8a5a3f, 0x55311f, 0xdcb795, 0x4d2a22),
  brown: coat(0xb08e66, 0x5d4330, 0xf3e6cf, 0xcf7168),
};
const POINT_BROWN = rgb(0x59402f);
const POINT_BLUE = rgb(0x6d7485);

const EYES = {
  green: rgb(0x7fce4f),
  jade: rgb(0x3fbf95),
  amber: rgb(0xffc02e),
  copper: rgb(0xe8802a),
  blue: rgb(0x4fb3f5),
};

/** Top and bottom of the background: warm rows, then cool ones, then the evening. */
const SKIES: readonly (readonly [Rgb, Rgb])[] = [
  [rgb(0xffe3bd), rgb(0xffab91)],
  [rgb(0xffefb8), rgb(0xffca70)],
  [rgb(0xffdbe2), rgb(0xf498b2)],
  [rgb(0xf9b9a4), rgb(0xd9769a)],
  [rgb(0xcdeeff), rgb(0x84bff2)],
  [rgb(0xd4f5e6), rgb(0x74cbb6)],
  [rgb(0xe2daff), rgb(0xa194ec)],
  [rgb(0xaddfe6), rgb(0x4c9fb8)],
  [rgb(0xe0f0c0), rgb(0x93c77f)],
  [rgb(0x6a73b8), rgb(0x3b3f7a)],
  [rgb(0x3f8c8a), rgb(0x1d5260)],
  [rgb(0xf0a58f), rgb(0x7a66ae)],
];

// ── What a cat is ───────────────────────────────────────────────────────────────────────────────────────────────────

type Side = -1 | 1;
const SIDES: readonly Side[] = [-1, 1];

interface Patch {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly colour: Rgb;
}

type Cat = ReturnType<typeof describeCat>;

/** Every choice about one cat. Lengths are in the head's frame, where the face is about 1.4 wide. */
function describeCat(random: Random) {
  const { between, chance, pick } = random;
  const pattern = pick(["tabby", "solid", "bicolour", "points", "calico"] as const, [34, 22, 22, 11, 11]);
  const name = {
    tabby: () => pick(["ginger", "brown", "silver", "cream", "grey"] as const, [5, 4, 3, 2, 3]),
    solid: () => pick(["black", "white", "grey", "cream", "chocolate", "ginger"] as const, [4, 4, 4, 2, 3, 2]),
    bicolour: () => pick(["black", "grey", "ginger", "chocolate", "cream"] as const, [5, 3, 3, 2, 1]),
    points: () => "cream" as const,
    calico: () => "white" as const,
  }[pattern]();
  const base = COATS[name];
  const tint = (colour: Rgb, amount: number): Rgb => blend(colour, amount < 0 ? INK : WHITE, Math.abs(amount));
  const shift = between(name === "white" ? -0.03 : -0.12, 0.12); // darkened white looks dirty
  const points = pattern === "points" ? pick([POINT_BROWN, POINT_BLUE], [3, 1]) : undefined;
  const colours: Coat = points
    ? {
        fur: blend(rgb(0xf3e6d2), WHITE, between(0, 0.5)),
        dark: rgb(0xb39a83),
        pale: WHITE,
        nose: blend(points, INK, 0.3),
      }
    : { ...base, fur: tint(base.fur, shift), dark: tint(base.dark, shift / 2) };

  const white = pattern === "bicolour" || (pattern === "tabby" && chance(0.25));
  const patches: Patch[] = [];
  const earColours: [Rgb, Rgb] = [points ?? colours.fur, points ?? colours.fur];
  if (pattern === "calico") {
    const warm = pick(SIDES);
    const [ginger, black] = pick(
      [
        [COATS.ginger, COATS.black],
        [COATS.cream, COATS.grey],
      ],
      [3, 1],
    );
    for (const side of SIDES) {
      const colour = (side === warm ? ginger : black).fur;
      patches.push({ x: side * between(0.4, 0.5), y: between(-0.34, -0.14), radius: between(0.3, 0.42), colour });
      earColours[side < 0 ? 0 : 1] = colour;
    }
  }

  const eyeName = points
    ? "blue"
    : pick(["green", "jade", "amber", "copper", "blue"] as const, name === "white" ? [2, 2, 2, 1, 5] : [5, 3, 5, 3, 2]);
  const oddEyed = !points && chance(name === "white" ? 0.1 : 0.025);
  const otherEye = oddEyed ? (eyeName === "blue" ? "amber" : "blue") : eyeName;

  // The more the background differs from the fur, the better the cat stands out: the better of two.
  const skies = [pick(SKIES), pick(SKIES)];
  const contrasts = skies.map(([top, bottom]) => difference(blend(top, bottom, 0.5), colours.fur));
  const sky = skies[contrasts[0] > contrasts[1] ? 0 : 1];

  const tilt = between(-0.13, 0.13);
  return {
    colours,
    points,
    patches,
    earColours,
    stripes: pattern === "tabby" ? between(0.75, 1) : 0,
    blaze: white ? between(0.05, 0.16) : 0,
    white: white || pattern === "calico",
    sky,
    motif: pick(["none", "sun", "stripes", "bokeh"] as const, [68, 13, 7, 12]),
    motifX: between(-0.6, 0.6),
    dots: Array.from({ length: 7 }, () => ({ x: between(-1, 1), y: between(-1, 0.6), radius: between(0.06, 0.2) })),
    headFrame: frame(between(-0.05, 0.05), between(0.1, 0.16), between(0.95, 1.03), tilt),
    faceWidth: between(0.95, 1.06),
    cheeks: between(0.3, 0.38),
    fluff: between(0.03, 0.12),
    earTip: { x: between(0.5, 0.62), y: between(-0.95, -0.84) },
    earBulge: between(0.03, 0.09),
    earTufts: between(0, 1),
    eye: {
      x: between(0.275, 0.305),
      y: between(0.03, 0.08),
      width: between(0.18, 0.205),
      height: between(0.185, 0.21),
      almond: chance(0.5) ? between(0, 0.3) : between(0.3, 0.9),
      slant: between(0.02, 0.2),
      pupil: pick([between(0.24, 0.36), between(0.36, 0.54), between(0.54, 0.7)], [2, 4, 4]),
      gaze: between(-0.02, 0.02),
      colours: chance(0.5) ? [EYES[eyeName], EYES[otherEye]] : [EYES[otherEye], EYES[eyeName]],
    },
    smile: between(0.6, 1.2),
    tongue: chance(0.08),
    whiskers: between(0.85, 1.1),
    blush: between(0.12, 0.34),
    collar: chance(0.35) ? pick([0xe0485a, 0x3d8fd6, 0x35a884, 0xf2789f, 0x8d63c9].map(rgb)) : undefined,
  };
}

// ── Shapes: signed distances, negative inside ───────────────────────────────────────────────────────────────────────

type Shape = (x: number, y: number) => number;

const clamp01 = (value: number) => Math.min(1, Math.max(0, value));
/** 0 below `from`, 1 above `to` (or the other way round), smooth between. */
function smoothstep(from: number, to: number, value: number): number {
  const t = clamp01((value - from) / (to - from));
  return t * t * (3 - 2 * t);
}
/** A union whose inner corners are rounded over about `k` (https://iquilezles.org/articles/smin/, quadratic). */
function smoothMin(a: number, b: number, k: number): number {
  const h = Math.max(k - Math.abs(a - b), 0) / k;
  return Math.min(a, b) - (h * h * k) / 4;
}
const smoothMax = (a: number, b: number, k: number) => -smoothMin(-a, -b, k);

/** First-order distance to an ellipse: the implicit function over its gradient; exact on the edge, where it matters. */
function ellipse(x: number, y: number, rx: number, ry: number): number {
  const a = x / rx;
  const b = y / ry;
  const k = Math.sqrt(a * a + b * b);
  if (k < 1e-6) return -Math.min(rx, ry);
  const u = a / rx;
  const v = b / ry;
  return (k * (k - 1)) / Math.sqrt(u * u + v * v);
}

const disc = (x: number, y: number, r: number) => Math.sqrt(x * x + y * y) - r;

/** Distance to the segment (ax, ay)–(bx, by), as thick as 2 `ra` at one end and 2 `rb` at the other. */
function taper(x: number, y: number, ax: number, ay: number, bx: number, by: number, ra: number, rb: number): number {
  const dx = bx - ax;
  const dy = by - ay;
  const t = clamp01(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy));
  return disc(x - ax - t * dx, y - ay - t * dy, ra + (rb - ra) * t);
}

/** The disc whose edge runs from (ax, ay) to (bx, by) and bulges by `sagitta` to the left of that direction. */
function bulgingEdge(ax: number, ay: number, bx: number, by: number, sagitta: number): Shape {
  const dx = bx - ax;
  const dy = by - ay;
  const length = Math.sqrt(dx * dx + dy * dy);
  const radius = (length * length) / 8 / sagitta + sagitta / 2;
  const cx = (ax + bx) / 2 - (dy / length) * (radius - sagitta);
  const cy = (ay + by) / 2 + (dx / length) * (radius - sagitta);
  return (x, y) => disc(x - cx, y - cy, radius);
}

// ── The canvas: layers of colour × coverage ─────────────────────────────────────────────────────────────────────────

/** Where a part's own coordinates lie in the picture. */
interface Frame {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
  readonly cos: number;
  readonly sin: number;
}
/** `tilt` is the tangent of the angle: it needs a square root; an angle needs sines, which engines round differently. */
function frame(x: number, y: number, scale: number, tilt: number): Frame {
  const cos = 1 / Math.sqrt(1 + tilt * tilt);
  return { x, y, scale, cos, sin: tilt * cos };
}

/** Left, top, right, bottom. */
type Box = readonly [number, number, number, number];
const EVERYWHERE: Box = [-9, -9, 9, 9];

interface Canvas {
  readonly size: number;
  readonly rgb: Float32Array;
  frame: Frame;
  /** Coverage that every layer is multiplied with: paint inside the lines. */
  clip: Float32Array | undefined;
}
function newCanvas(size: number): Canvas {
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
function paint(canvas: Canvas, colour: Rgb, coverage: Shape, box: Box = EVERYWHERE): void {
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

/** Keeps the following layers inside a shape; without one, removes the clip. */
function clipTo(canvas: Canvas, shape?: Shape, box: Box = EVERYWHERE): void {
  canvas.clip = undefined;
  if (!shape) return;
  const clip = new Float32Array(canvas.size * canvas.size);
  const coverage = inside(canvas, shape);
  eachPixel(canvas, box, (pixel, x, y) => {
    clip[pixel] = coverage(x, y);
  });
  canvas.clip = clip;
}

type Point = readonly [x: number, y: number];

/**
 * A brush stroke: a quadratic Bézier curve from `a` to `c` with control point `b`, `ra` and `rb` half as wide as its ends.
 * Thinner than a pixel it would drop out in places: it is then painted a pixel wide, but fainter.
 */
function stroke(canvas: Canvas, colour: Rgb, a: Point, b: Point, c: Point, ra: number, rb: number, opacity = 1): void {
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
  const box: Box = [
    Math.min(...xs) - margin,
    Math.min(...ys) - margin,
    Math.max(...xs) + margin,
    Math.max(...ys) + margin,
  ];
  paint(canvas, colour, inside(canvas, shape, opacity * faint), box);
}

/** How far outlines stand out around a shape. */
const LINE = 0.024;

// ── The painting, back to front ─────────────────────────────────────────────────────────────────────────────────────

function paintBackground(canvas: Canvas, cat: Cat): void {
  const [top, bottom] = cat.sky;
  paint(canvas, top, () => 1);
  paint(canvas, bottom, (_, y) => smoothstep(-1, 1, y));
  const bright = blend(top, WHITE, 0.55);
  if (cat.motif === "sun") {
    const sun = (x: number, y: number) => disc(x - cat.motifX, y + 0.3, 0.62);
    paint(canvas, bright, inside(canvas, sun, 0.6));
  } else if (cat.motif === "stripes") {
    const lean = cat.motifX < 0 ? -0.5 : 0.5;
    const band = (x: number, y: number) => {
      const t = (x + lean * y + 4) / 0.5;
      return (Math.abs(t - Math.floor(t) - 0.5) - 0.25) * 0.45;
    };
    paint(canvas, bright, inside(canvas, band, 0.22));
  } else if (cat.motif === "bokeh") {
    for (const { x: cx, y: cy, radius } of cat.dots) {
      const box: Box = [cx - radius - 0.1, cy - radius - 0.1, cx + radius + 0.1, cy + radius + 0.1];
      paint(
        canvas,
        bright,
        inside(canvas, (x, y) => disc(x - cx, y - cy, radius), 0.42, 0.04),
        box,
      );
    }
  }
}

function paintBody(canvas: Canvas, cat: Cat): void {
  const { fur, dark, pale } = cat.colours;
  canvas.frame = frame(cat.headFrame.x * 0.6, 0, 1, 0);
  const body: Shape = (x, y) => smoothMin(ellipse(x, y - 1.25, 0.66, 0.62), ellipse(x, y - 0.85, 0.4, 0.4), 0.2);
  const box: Box = [-0.8, 0.3, 0.8, 1.1];
  paint(
    canvas,
    blend(dark, INK, 0.4),
    inside(canvas, (x, y) => body(x, y) - LINE),
    box,
  );
  clipTo(canvas, body, box);
  paint(canvas, cat.points ? blend(fur, cat.points, 0.25) : fur, () => 1, box);
  const bib: Shape = (x, y) => ellipse(x, y - 0.82, 0.2 + 0.1 * cat.cheeks, 0.34);
  paint(canvas, cat.white ? WHITE : pale, inside(canvas, bib, cat.white ? 1 : 0.55, cat.white ? 0.03 : 0.2), box);
  for (const side of SIDES) {
    for (const y of [0.82, 0.98]) {
      if (!cat.stripes) continue;
      stroke(canvas, dark, [side * 0.75, y - 0.08], [side * 0.5, y], [side * 0.33, y + 0.04], 0.05, 0.01, cat.stripes);
    }
  }
  // The head's shadow on the chest.
  paint(canvas, blend(dark, INK, 0.3), (x, y) => 0.5 * smoothstep(0.95, 0.6, y + 0.3 * x * x), box);
  if (cat.collar) {
    stroke(canvas, cat.collar, [-0.5, 0.6], [0, 0.92], [0.5, 0.6], 0.05, 0.05);
    const tag: Shape = (x, y) => disc(x, y - 0.82, 0.07);
    paint(canvas, rgb(0xc98a1b), inside(canvas, tag), [-0.1, 0.7, 0.1, 0.95]);
    paint(
      canvas,
      rgb(0xffd45e),
      inside(canvas, (x, y) => tag(x, y) + 0.018),
      [-0.1, 0.7, 0.1, 0.95],
    );
  }
  clipTo(canvas);
}

function headShape(cat: Cat): Shape {
  const { faceWidth, cheeks, fluff } = cat;
  return (x, y) => {
    const side = Math.abs(x) / faceWidth;
    const skull = smoothMin(ellipse(side, y, 0.62, 0.5), ellipse(side - cheeks, y - 0.12, 0.34, 0.31), 0.15);
    const round = smoothMin(skull, ellipse(side, y - 0.35, 0.22, 0.18), 0.12);
    const upper = taper(side, y, 0.45, 0.14, 0.69 + fluff, 0.22, 0.11, 0.01);
    const lower = taper(side, y, 0.42, 0.2, 0.6 + fluff, 0.37, 0.11, 0.01);
    return smoothMin(round, Math.min(upper, lower), 0.06);
  };
}

function earShape(cat: Cat, side: Side): Shape {
  const { x: tipX, y: tipY } = cat.earTip;
  const inner = bulgingEdge(0.08, -0.36, tipX, tipY, cat.earBulge * 0.7);
  const outer = bulgingEdge(tipX, tipY, 0.6 * cat.faceWidth, 0, cat.earBulge);
  return (x, y) => Math.max(smoothMax(inner(side * x, y), outer(side * x, y), 0.1), y + 0.05);
}

const HEAD: Box = [-0.95, -0.6, 0.95, 0.65];
const EARS: readonly Box[] = [
  [-0.85, -1.05, 0, 0],
  [0, -1.05, 0.85, 0],
];

function paintHead(canvas: Canvas, cat: Cat): void {
  const head = headShape(cat);
  const outline = (colour: Rgb) => blend(blend(cat.colours.dark, colour, 0.2), INK, 0.4);
  // All outlines first: the fur then runs from the ears into the face without a seam.
  const ears = SIDES.map((side) => earShape(cat, side));
  ears.forEach((ear, i) => {
    paint(
      canvas,
      outline(cat.earColours[i]),
      inside(canvas, (x, y) => ear(x, y) - LINE),
      EARS[i],
    );
  });
  paint(
    canvas,
    outline(cat.colours.fur),
    inside(canvas, (x, y) => head(x, y) - LINE),
    HEAD,
  );
  ears.forEach((ear, i) => {
    paintEar(canvas, cat, ear, i);
  });
  clipTo(canvas, head, HEAD);
  paintFur(canvas, cat, head);
  clipTo(canvas);
}

function paintEar(canvas: Canvas, cat: Cat, ear: Shape, which: number): void {
  const side = SIDES[which];
  const box = EARS[which];
  const colour = cat.earColours[which];
  paint(canvas, colour, inside(canvas, ear), box);
  const pink = blend(rgb(0xf5a9a8), colour, lightness(colour) < 0.4 ? 0.45 : 0.15);
  clipTo(canvas, (x, y) => ear(x - side * 0.01, y - 0.05) + 0.075, box);
  paint(canvas, pink, () => 1, box);
  paint(canvas, blend(pink, rgb(0x9c4a58), 0.5), (_, y) => 0.6 * smoothstep(-0.7, -0.35, y), box);
  clipTo(canvas);
  const tuft = blend(cat.colours.pale, colour, 0.3);
  for (const [x, y] of [
    [0.26, -0.62],
    [0.35, -0.6],
    [0.44, -0.53],
  ]) {
    const tip: Point = [side * (x + 0.05), y + 0.06 - 0.1 * cat.earTufts];
    stroke(canvas, tuft, [side * x, -0.3], [side * x, y + 0.1], tip, 0.05, 0.004, 0.85);
  }
}

/** Everything inside the head's outline, below the eyes. */
function paintFur(canvas: Canvas, cat: Cat, head: Shape): void {
  const { fur, dark, pale } = cat.colours;
  paint(canvas, fur, () => 1, HEAD);
  if (cat.points) {
    paint(canvas, cat.points, (x, y) => 0.92 * smoothstep(1.2, 0.35, disc(x / 0.46, (y - 0.2) / 0.44, 0)), HEAD);
    const { x: tipX } = cat.earTip;
    const ears: Shape = (x, y) => disc((Math.abs(x) - 0.8 * tipX) / 0.3, (y + 0.5) / 0.26, 0);
    paint(canvas, cat.points, (x, y) => 0.9 * smoothstep(1, 0.3, ears(x, y)), HEAD);
  }
  for (const { x: cx, y: cy, radius, colour } of cat.patches) {
    const patch: Shape = (x, y) => ellipse(x - cx, y - cy, radius, radius * 1.15);
    paint(canvas, colour, inside(canvas, patch, 1, 0.03), HEAD);
  }

  if (cat.stripes) {
    const strength = cat.stripes;
    stroke(canvas, dark, [0, -0.62], [0, -0.4], [0, -0.18], 0.045, 0.012, strength);
    for (const side of SIDES) {
      stroke(canvas, dark, [side * 0.2, -0.56], [side * 0.17, -0.36], [side * 0.1, -0.18], 0.045, 0.012, strength);
      stroke(canvas, dark, [side * 0.39, -0.48], [side * 0.34, -0.36], [side * 0.26, -0.24], 0.038, 0.01, strength);
      stroke(canvas, dark, [side * 0.8, 0.04], [side * 0.64, 0.08], [side * 0.53, 0.12], 0.038, 0.008, strength);
      stroke(canvas, dark, [side * 0.8, 0.23], [side * 0.62, 0.23], [side * 0.5, 0.25], 0.038, 0.008, strength);
      // Pale brows: the eyes stand out from the stripes.
      const [bx, by] = [side * cat.eye.x, cat.eye.y - 0.17];
      const brow: Shape = (x, y) => 0.6 * smoothstep(1, 0.2, disc((x - bx) / 0.2, (y - by) / 0.13, 0));
      paint(canvas, pale, brow, [bx - 0.2, by - 0.13, bx + 0.2, by + 0.13]);
    }
  }

  const puffs: Shape = (x, y) => ellipse(Math.abs(x) - 0.1, y - 0.33, 0.17, 0.14);
  if (cat.blaze) {
    // A stripe down the forehead that widens into the muzzle.
    const stripe: Shape = (x, y) => 0.9 * (Math.abs(x) - cat.blaze * smoothstep(-0.5, -0.1, y));
    const muzzle: Shape = (x, y) => ellipse(x, y - 0.42, 0.26 + cat.blaze, 0.27);
    const blaze: Shape = (x, y) => smoothMin(smoothMax(stripe(x, y), -y - 0.46, 0.1), muzzle(x, y), 0.22);
    paint(canvas, WHITE, inside(canvas, blaze, 1, 0.02), HEAD);
  } else if (!cat.points) {
    const chin: Shape = (x, y) => smoothMin(puffs(x, y), ellipse(x, y - 0.46, 0.14, 0.1), 0.05);
    paint(canvas, cat.white ? WHITE : pale, inside(canvas, chin, 0.85, 0.06), HEAD);
  }

  // Light from above, shade towards the chin and the rim, rosy cheeks.
  paint(canvas, WHITE, (x, y) => 0.22 * smoothstep(1, 0, disc(x / 0.5, (y + 0.3) / 0.3, 0)), [-0.5, -0.6, 0.5, 0]);
  const rim: Shape = (x, y) => 0.5 * smoothstep(-0.17, 0.02, head(x, y)) * smoothstep(-0.35, 0.5, y);
  paint(canvas, blend(dark, INK, 0.1), rim, [HEAD[0], -0.35, HEAD[2], HEAD[3]]);
  const cheek: Shape = (x, y) => disc((Math.abs(x) - 0.45) / 0.17, (y - 0.27) / 0.12, 0);
  paint(canvas, BLUSH, (x, y) => cat.blush * smoothstep(1, 0, cheek(x, y)), HEAD);
}

function paintEyes(canvas: Canvas, cat: Cat): void {
  const { eye } = cat;
  // The almond lies between two discs that meet in the corners of the eye: each lid is an arc `half` to either side of its
  // middle and `sagitta` high.
  const half = eye.width * 1.12;
  const sagitta = eye.height * 0.86;
  const radius = (half * half + sagitta * sagitta) / (2 * sagitta);
  const liner = blend(cat.points ?? cat.colours.dark, INK, 0.75);
  for (const side of SIDES) {
    const iris = eye.colours[side < 0 ? 0 : 1];
    const cx = side * eye.x;
    const shape: Shape = (x, y) => {
      const a = side * x - eye.x;
      const b = y - eye.y + eye.slant * a;
      const round = ellipse(a, b, eye.width, eye.height);
      const lens = smoothMax(disc(a, b - radius + sagitta, radius), disc(a, b + radius - sagitta, radius), 0.02);
      return round + (lens - round) * eye.almond;
    };
    const box: Box = [cx - 0.3, eye.y - 0.3, cx + 0.3, eye.y + 0.3];
    paint(
      canvas,
      liner,
      inside(canvas, (x, y) => shape(x, y) - 0.026),
      box,
    );
    clipTo(canvas, shape, box);
    paint(canvas, iris, () => 1, box);
    paint(canvas, blend(iris, INK, 0.6), (_, y) => 0.6 * smoothstep(0.02, -0.2, y - eye.y), box);
    paint(
      canvas,
      blend(iris, rgb(0xffffc8), 0.65),
      (x, y) => 0.8 * smoothstep(1, 0.2, disc((x - cx) / 0.15, (y - eye.y - 0.12) / 0.11, 0)),
      box,
    );
    const px = cx + eye.gaze;
    const pupil: Shape = (x, y) =>
      ellipse(x - px, y - eye.y, eye.width * eye.pupil, eye.height * (0.62 + 0.25 * eye.pupil));
    paint(canvas, rgb(0x17131c), inside(canvas, pupil), box);
    const gleam: Shape = (x, y) => ellipse(x - cx + 0.055, y - eye.y + 0.075, 0.055, 0.06);
    const spark: Shape = (x, y) => disc(x - cx - 0.06, y - eye.y - 0.075, 0.028);
    paint(canvas, [255, 255, 255], inside(canvas, gleam), box);
    paint(canvas, [255, 255, 255], inside(canvas, spark, 0.8), box);
    clipTo(canvas);
  }
}

function paintMuzzle(canvas: Canvas, cat: Cat): void {
  const { nose } = cat.colours;
  const line = blend(cat.points ?? cat.colours.dark, INK, 0.6);
  const reach = 0.11 * cat.smile;
  if (cat.tongue) {
    const tongue: Shape = (x, y) => ellipse(x, y - 0.37, 0.05, 0.06);
    paint(canvas, rgb(0xf27d8c), inside(canvas, tongue), [-0.1, 0.3, 0.1, 0.5]);
  }
  stroke(canvas, line, [0, 0.26], [0, 0.3], [0, 0.335], 0.011, 0.011, 0.85);
  for (const side of SIDES)
    stroke(canvas, line, [0, 0.335], [side * reach * 0.6, 0.4], [side * reach, 0.335], 0.013, 0.01, 0.85);
  // A triangle with its point down, rounded.
  const snout: Shape = (x, y) => Math.max(0.74 * Math.abs(x) + 0.67 * (y - 0.26), 0.205 - y);
  paint(
    canvas,
    nose,
    inside(canvas, (x, y) => smoothMax(snout(x, y) - 0.022, ellipse(x, y - 0.23, 0.092, 0.06), 0.02)),
    [-0.15, 0.1, 0.15, 0.35],
  );
  paint(
    canvas,
    WHITE,
    inside(canvas, (x, y) => ellipse(x + 0.015, y - 0.213, 0.03, 0.012), 0.55),
    [-0.15, 0.1, 0.15, 0.35],
  );
}

function paintWhiskers(canvas: Canvas, cat: Cat): void {
  const pale = lightness(cat.colours.fur) > 0.85;
  const colour = pale ? rgb(0x9a8c88) : WHITE;
  for (const side of SIDES) {
    for (const [y, end] of [
      [0.27, 0.16],
      [0.315, 0.3],
      [0.36, 0.44],
    ]) {
      const x = 0.84 * cat.whiskers;
      stroke(
        canvas,
        colour,
        [side * 0.24, y],
        [side * 0.5, y - 0.03],
        [side * x, end],
        0.009,
        0.003,
        pale ? 0.6 : 0.75,
      );
    }
  }
}
