/**
 * Paints a cat in layers, back to front.
 *
 * The picture is [−1, 1]² with y downwards; the head has a frame of its own, tilted, shifted and scaled.
 */
import { type Box, type Canvas, clipTo, fill, frame, type Point, paint, type Stroke, stroke } from "./canvas.ts";
import { type Cat, SIDES, type Side } from "./cat.ts";
import { BLUSH, blend, INK, lightness, type Rgb, rgb, WHITE } from "./colours.ts";
import {
  bulgingEdge,
  disc,
  ellipse,
  glow,
  grown,
  mirrored,
  type Shape,
  smoothMax,
  smoothMin,
  smoothstep,
  taper,
} from "./shapes.ts";

export function paintLayers(canvas: Canvas, cat: Cat): void {
  paintBackground(canvas, cat);
  paintBody(canvas, cat);
  canvas.frame = cat.headFrame;
  paintHead(canvas, cat);
  paintEyes(canvas, cat);
  paintMuzzle(canvas, cat);
  paintWhiskers(canvas, cat);
}

/** How far outlines stand out around a shape. */
const LINE = 0.024;
const opaque: Shape = () => 1;

/** The square box around a point. */
const around = (x: number, y: number, reach: number): Box => [x - reach, y - reach, x + reach, y + reach];

function paintBackground(canvas: Canvas, cat: Cat): void {
  const [top, bottom] = cat.sky;
  paint(canvas, top, opaque);
  paint(canvas, bottom, (_, y) => smoothstep(-1, 1, y));
  const bright = blend(top, WHITE, 0.55);
  if (cat.motif === "sun") {
    fill(canvas, bright, (x, y) => disc(x - cat.motifX, y + 0.3, 0.62), { opacity: 0.6 });
  } else if (cat.motif === "stripes") {
    const lean = cat.motifX < 0 ? -0.5 : 0.5;
    const band: Shape = (x, y) => {
      const t = (x + lean * y + 4) / 0.5;
      return (Math.abs(t - Math.floor(t) - 0.5) - 0.25) * 0.45;
    };
    fill(canvas, bright, band, { opacity: 0.22 });
  } else if (cat.motif === "bokeh") {
    for (const { x: cx, y: cy, radius } of cat.dots) {
      const dot: Shape = (x, y) => disc(x - cx, y - cy, radius);
      fill(canvas, bright, dot, { opacity: 0.42, soft: 0.04, box: around(cx, cy, radius + 0.1) });
    }
  }
}

/** Strokes given for the right side, on one of the sides. */
function paintStrokes(canvas: Canvas, side: Side, colour: Rgb, strokes: readonly Stroke[], opacity: number): void {
  const at = ([x, y]: Point): Point => [side * x, y];
  for (const [a, b, c, ra, rb] of strokes) stroke(canvas, colour, [at(a), at(b), at(c), ra, rb], opacity);
}

const BODY: Box = [-0.8, 0.3, 0.8, 1.1];
const TAG: Box = [-0.1, 0.7, 0.1, 0.95];

function paintBody(canvas: Canvas, cat: Cat): void {
  const { fur, dark, pale } = cat.colours;
  canvas.frame = frame(cat.headFrame.x * 0.6, 0, 1, 0);
  const body: Shape = (x, y) => smoothMin(ellipse(x, y - 1.25, 0.66, 0.62), ellipse(x, y - 0.85, 0.4, 0.4), 0.2);
  fill(canvas, blend(dark, INK, 0.4), grown(body, LINE), { box: BODY });
  clipTo(canvas, body, BODY);
  paint(canvas, cat.points ? blend(fur, cat.points, 0.25) : fur, opaque, BODY);
  const bib: Shape = (x, y) => ellipse(x, y - 0.82, 0.2 + 0.1 * cat.cheeks, 0.34);
  const edge = cat.white ? { opacity: 1, soft: 0.03 } : { opacity: 0.55, soft: 0.2 };
  fill(canvas, cat.white ? WHITE : pale, bib, { ...edge, box: BODY });
  if (cat.stripes) {
    const rows = [0.82, 0.98].map((y): Stroke => [[0.75, y - 0.08], [0.5, y], [0.33, y + 0.04], 0.05, 0.01]);
    for (const side of SIDES) paintStrokes(canvas, side, dark, rows, cat.stripes);
  }
  // The head's shadow on the chest.
  paint(canvas, blend(dark, INK, 0.3), (x, y) => 0.5 * smoothstep(0.95, 0.6, y + 0.3 * x * x), BODY);
  if (cat.collar) {
    stroke(canvas, cat.collar, [[-0.5, 0.6], [0, 0.92], [0.5, 0.6], 0.05, 0.05]);
    const tag: Shape = (x, y) => disc(x, y - 0.82, 0.07);
    fill(canvas, rgb(0xc98a1b), tag, { box: TAG });
    fill(canvas, rgb(0xffd45e), grown(tag, -0.018), { box: TAG });
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
  for (const [i, ear] of ears.entries()) {
    fill(canvas, outline(cat.earColours[i]), grown(ear, LINE), { box: EARS[i] });
  }
  fill(canvas, outline(cat.colours.fur), grown(head, LINE), { box: HEAD });
  for (const [i, ear] of ears.entries()) paintEar(canvas, cat, ear, i);
  clipTo(canvas, head, HEAD);
  paintFur(canvas, cat, head);
  clipTo(canvas);
}

function paintEar(canvas: Canvas, cat: Cat, ear: Shape, which: number): void {
  const side = SIDES[which];
  const box = EARS[which];
  const colour = cat.earColours[which];
  fill(canvas, colour, ear, { box });
  const pink = blend(rgb(0xf5a9a8), colour, lightness(colour) < 0.4 ? 0.45 : 0.15);
  clipTo(canvas, (x, y) => ear(x - side * 0.01, y - 0.05) + 0.075, box);
  paint(canvas, pink, opaque, box);
  paint(canvas, blend(pink, rgb(0x9c4a58), 0.5), (_, y) => 0.6 * smoothstep(-0.7, -0.35, y), box);
  clipTo(canvas);
  const tuft = (x: number, y: number): Stroke => {
    return [[x, -0.3], [x, y + 0.1], [x + 0.05, y + 0.06 - 0.1 * cat.earTufts], 0.05, 0.004];
  };
  const tufts = [tuft(0.26, -0.62), tuft(0.35, -0.6), tuft(0.44, -0.53)];
  paintStrokes(canvas, side, blend(cat.colours.pale, colour, 0.3), tufts, 0.85);
}

/** A tabby's stripes on forehead and cheek, besides the one in the middle. */
const FACE_STRIPES: readonly Stroke[] = [
  [[0.2, -0.56], [0.17, -0.36], [0.1, -0.18], 0.045, 0.012],
  [[0.39, -0.48], [0.34, -0.36], [0.26, -0.24], 0.038, 0.01],
  [[0.8, 0.04], [0.64, 0.08], [0.53, 0.12], 0.038, 0.008],
  [[0.8, 0.23], [0.62, 0.23], [0.5, 0.25], 0.038, 0.008],
];

/** Everything inside the head's outline, below the eyes. */
function paintFur(canvas: Canvas, cat: Cat, head: Shape): void {
  const { fur, dark, pale } = cat.colours;
  /** A soft spot of colour. */
  const spot = (colour: Rgb, opacity: number, coverage: Shape, box = HEAD) =>
    paint(canvas, colour, (x, y) => opacity * coverage(x, y), box);
  paint(canvas, fur, opaque, HEAD);
  if (cat.points) {
    spot(cat.points, 0.92, glow(0, 0.2, 0.46, 0.44, 1.2, 0.35));
    spot(cat.points, 0.9, mirrored(glow(0.8 * cat.earTip.x, -0.5, 0.3, 0.26, 1, 0.3)));
  }
  for (const { x: cx, y: cy, radius, colour } of cat.patches) {
    fill(canvas, colour, (x, y) => ellipse(x - cx, y - cy, radius, radius * 1.15), { soft: 0.03, box: HEAD });
  }
  if (cat.stripes) {
    stroke(canvas, dark, [[0, -0.62], [0, -0.4], [0, -0.18], 0.045, 0.012], cat.stripes);
    for (const side of SIDES) {
      paintStrokes(canvas, side, dark, FACE_STRIPES, cat.stripes);
      // Pale brows: the eyes stand out from the stripes.
      const [bx, by] = [side * cat.eye.x, cat.eye.y - 0.17];
      spot(pale, 0.6, glow(bx, by, 0.2, 0.13, 1, 0.2), [bx - 0.2, by - 0.13, bx + 0.2, by + 0.13]);
    }
  }

  if (cat.blaze) {
    // A stripe down the forehead that widens into the muzzle.
    const stripe: Shape = (x, y) => 0.9 * (Math.abs(x) - cat.blaze * smoothstep(-0.5, -0.1, y));
    const muzzle: Shape = (x, y) => ellipse(x, y - 0.42, 0.26 + cat.blaze, 0.27);
    const blaze: Shape = (x, y) => smoothMin(smoothMax(stripe(x, y), -y - 0.46, 0.1), muzzle(x, y), 0.22);
    fill(canvas, WHITE, blaze, { soft: 0.02, box: HEAD });
  } else if (!cat.points) {
    const puffs: Shape = (x, y) => ellipse(Math.abs(x) - 0.1, y - 0.33, 0.17, 0.14);
    const chin: Shape = (x, y) => smoothMin(puffs(x, y), ellipse(x, y - 0.46, 0.14, 0.1), 0.05);
    fill(canvas, cat.white ? WHITE : pale, chin, { opacity: 0.85, soft: 0.06, box: HEAD });
  }

  // Light from above, shade towards the chin and the rim, rosy cheeks.
  spot(WHITE, 0.22, glow(0, -0.3, 0.5, 0.3, 1, 0), [-0.5, -0.6, 0.5, 0]);
  const rim: Shape = (x, y) => 0.5 * smoothstep(-0.17, 0.02, head(x, y)) * smoothstep(-0.35, 0.5, y);
  paint(canvas, blend(dark, INK, 0.1), rim, [HEAD[0], -0.35, HEAD[2], HEAD[3]]);
  spot(BLUSH, cat.blush, mirrored(glow(0.45, 0.27, 0.17, 0.12, 1, 0)));
}

function paintEyes(canvas: Canvas, cat: Cat): void {
  const { eye } = cat;
  // The almond lies between two discs that meet in the corners of the eye: each lid is an arc `half` to either side of its
  // middle and `sagitta` high.
  const half = eye.width * 1.12;
  const sagitta = eye.height * 0.86;
  const radius = (half * half + sagitta * sagitta) / (2 * sagitta);
  const liner = blend(cat.points ?? cat.colours.dark, INK, 0.75);
  for (const [i, side] of SIDES.entries()) {
    const iris = eye.colours[i];
    const cx = side * eye.x;
    const shape: Shape = (x, y) => {
      const a = side * x - eye.x;
      const b = y - eye.y + eye.slant * a;
      const round = ellipse(a, b, eye.width, eye.height);
      const lens = smoothMax(disc(a, b - radius + sagitta, radius), disc(a, b + radius - sagitta, radius), 0.02);
      return round + (lens - round) * eye.almond;
    };
    const box = around(cx, eye.y, 0.3);
    fill(canvas, liner, grown(shape, 0.026), { box });
    clipTo(canvas, shape, box);
    paint(canvas, iris, opaque, box);
    paint(canvas, blend(iris, INK, 0.6), (_, y) => 0.6 * smoothstep(0.02, -0.2, y - eye.y), box);
    const light: Shape = (x, y) => 0.8 * smoothstep(1, 0.2, disc((x - cx) / 0.15, (y - eye.y - 0.12) / 0.11, 0));
    paint(canvas, blend(iris, rgb(0xffffc8), 0.65), light, box);
    const px = cx + eye.gaze;
    const [width, height] = [eye.width * eye.pupil, eye.height * (0.62 + 0.25 * eye.pupil)];
    fill(canvas, rgb(0x17131c), (x, y) => ellipse(x - px, y - eye.y, width, height), { box });
    const gleam: Shape = (x, y) => ellipse(x - cx + 0.055, y - eye.y + 0.075, 0.055, 0.06);
    const spark: Shape = (x, y) => disc(x - cx - 0.06, y - eye.y - 0.075, 0.028);
    fill(canvas, rgb(0xffffff), gleam, { box });
    fill(canvas, rgb(0xffffff), spark, { opacity: 0.8, box });
    clipTo(canvas);
  }
}

const NOSE: Box = [-0.15, 0.1, 0.15, 0.35];

function paintMuzzle(canvas: Canvas, cat: Cat): void {
  const line = blend(cat.points ?? cat.colours.dark, INK, 0.6);
  const reach = 0.11 * cat.smile;
  if (cat.tongue) {
    fill(canvas, rgb(0xf27d8c), (x, y) => ellipse(x, y - 0.37, 0.05, 0.06), { box: [-0.1, 0.3, 0.1, 0.5] });
  }
  stroke(canvas, line, [[0, 0.26], [0, 0.3], [0, 0.335], 0.011, 0.011], 0.85);
  const smile: Stroke = [[0, 0.335], [reach * 0.6, 0.4], [reach, 0.335], 0.013, 0.01];
  for (const side of SIDES) paintStrokes(canvas, side, line, [smile], 0.85);
  // A triangle with its point down, rounded.
  const triangle: Shape = (x, y) => Math.max(0.74 * Math.abs(x) + 0.67 * (y - 0.26), 0.205 - y);
  const nose: Shape = (x, y) => smoothMax(triangle(x, y) - 0.022, ellipse(x, y - 0.23, 0.092, 0.06), 0.02);
  fill(canvas, cat.colours.nose, nose, { box: NOSE });
  fill(canvas, WHITE, (x, y) => ellipse(x + 0.015, y - 0.213, 0.03, 0.012), { opacity: 0.55, box: NOSE });
}

function paintWhiskers(canvas: Canvas, cat: Cat): void {
  const x = 0.84 * cat.whiskers;
  const whisker = (y: number, end: number): Stroke => [[0.24, y], [0.5, y - 0.03], [x, end], 0.009, 0.003];
  const rows = [whisker(0.27, 0.16), whisker(0.315, 0.3), whisker(0.36, 0.44)];
  const pale = lightness(cat.colours.fur) > 0.85;
  const colour = pale ? rgb(0x9a8c88) : WHITE;
  for (const side of SIDES) paintStrokes(canvas, side, colour, rows, pale ? 0.6 : 0.75);
}
