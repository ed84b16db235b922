/**
 * The CAT dataset's landmarks, and cropping a face by them (Zhang, Sun and Tang, "Cat head detection: how to effectively
 * exploit shape and texture features", ECCV 2008; the crop is the one usual for training DCGANs on this set, derived in
 * docs/data.md). Only + − × ÷, comparisons and square roots: every engine computes the same bytes.
 *
 * Coordinates are in pixels; a pixel's own coordinates are its centre's, whole numbers; y points down.
 */
import type { Picture } from "./picture_file.ts";

interface Point {
  x: number;
  y: number;
}

/** As the viewer sees them. */
export interface Landmarks {
  leftEye: Point;
  rightEye: Point;
  mouth: Point;
  /** The outer end of the ear's base. */
  leftEar: Point;
  rightEar: Point;
}

/** The landmarks of `X.jpg` are in `X.jpg.cat`. */
export const landmarksEnding = ".cat";

/** A valid line has about a hundred bytes. */
const maxBytes = 4096;
const points = 9;

/**
 * @param bytes a file's: `9 x1 y1 … x9 y9`, in order left eye, right eye, mouth, left ear ×3, right ear ×3
 * @throws a one-line Error that names what is wrong
 */
export function parseLandmarks(bytes: Uint8Array): Landmarks {
  if (bytes.length > maxBytes) throw new Error(`landmarks: ${bytes.length} bytes, expected one line`);
  const words = new TextDecoder().decode(bytes).split(/\s+/).filter(Boolean);
  if (words.length === 0) throw new Error("landmarks: the file is empty");
  const wrong = words.find((word) => !/^-?\d{1,6}(\.\d{1,9})?$/.test(word));
  if (wrong !== undefined) throw new Error(`landmarks: “${wrong.slice(0, 20)}” is not a coordinate`);
  const [count, ...numbers] = words.map(Number);
  if (count !== points) throw new Error(`landmarks: of ${count} points, expected ${points}`);
  if (numbers.length !== 2 * points) {
    throw new Error(`landmarks: ${numbers.length} coordinates, expected ${2 * points}`);
  }
  const point = (n: number) => ({ x: numbers[2 * n], y: numbers[2 * n + 1] });
  const landmarks = { leftEye: point(0), rightEye: point(1), mouth: point(2), leftEar: point(3), rightEar: point(8) };
  const { leftEye, rightEye } = landmarks;
  if (leftEye.x === rightEye.x && leftEye.y === rightEye.y) throw new Error("landmarks: both eyes are the same point");
  return landmarks;
}

/**
 * The face, upright: the picture turned about the middle of the eyes until they are level, then a square about as wide
 * as the ears' bases are apart, with that middle in the middle of its width and at 0.4 of its height. Corners that
 * turning leaves empty are grey, (128, 128, 128); parts of the square outside the canvas are cut off.
 *
 * @returns not square where it was cut off
 * @throws Error where nothing of the square is in the picture
 */
export function cropFace(picture: Picture, landmarks: Landmarks): Picture {
  const turn = turnOf(landmarks);
  const { left, top, right, bottom } = faceBox(turn, landmarks, picture);
  const [width, height] = [right - left, bottom - top];
  if (!(width > 0 && height > 0)) throw new Error("landmarks: the face lies outside the picture");
  const rgb = new Uint8Array(width * height * 3);
  const { x: cx, y: cy, cos, sin } = turn;
  for (let y = top, to = 0; y < bottom; y++) {
    for (let x = left; x < right; x++, to += 3) {
      const [dx, dy] = [x - cx, y - cy];
      sample(picture, cos * dx - sin * dy + cx, sin * dx + cos * dy + cy, rgb, to);
    }
  }
  return { width, height, rgb };
}

/** The rotation by −θ about (x, y) that makes the line of the eyes level. */
interface Turn extends Point {
  cos: number;
  sin: number;
}

function turnOf({ leftEye, rightEye, mouth }: Landmarks): Turn {
  // Left and right are swapped, although the head is not upside down.
  const swapped = leftEye.x > rightEye.x && leftEye.y < rightEye.y && mouth.x > rightEye.x;
  const [from, to] = swapped ? [rightEye, leftEye] : [leftEye, rightEye];
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.sqrt(dx * dx + dy * dy);
  return { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2, cos: dx / length, sin: dy / length };
}

/** Columns [left, right) and rows [top, bottom) of the turned picture. */
function faceBox({ x: cx, y: cy, cos, sin }: Turn, { leftEar, rightEar }: Landmarks, picture: Picture) {
  const turnedX = ({ x, y }: Point) => cos * (x - cx) + sin * (y - cy) + cx;
  let width = Math.abs(turnedX(rightEar) - turnedX(leftEar));
  let height = width;
  let left = cx - width / 2;
  let top = cy - 0.4 * height;
  if (left < 0) {
    width += left;
    left = 0;
  }
  if (top < 0) {
    height += top;
    top = 0;
  }
  return {
    left: Math.trunc(left),
    top: Math.trunc(top),
    right: Math.min(Math.trunc(left + width), picture.width),
    bottom: Math.min(Math.trunc(top + height), picture.height),
  };
}

const outside = 128;

/** Interpolates the colour at (x, y) from four pixels and writes it, rounded, to `rgb` at `to`. */
function sample({ width, height, rgb: from }: Picture, x: number, y: number, rgb: Uint8Array, to: number): void {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, below] = [x - left, y - top];
  for (let channel = 0; channel < 3; channel++) {
    const at = (u: number, v: number) =>
      u >= 0 && u < width && v >= 0 && v < height ? from[(v * width + u) * 3 + channel] : outside;
    const upper = at(left, top) * (1 - right) + at(left + 1, top) * right;
    const lower = at(left, top + 1) * (1 - right) + at(left + 1, top + 1) * right;
    rgb[to + channel] = Math.floor(upper * (1 - below) + lower * below + 0.5);
  }
}
