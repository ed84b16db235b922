import { describe, expect, it } from "vitest";
import { cropFace, parseLandmarks } from "../../src/data/cat_faces.ts";
import type { Picture } from "../../src/data/picture_file.ts";

type Xy = readonly [x: number, y: number];

/** A file's bytes: the ears' points that the crop does not use are somewhere. */
const file = (leftEye: Xy, rightEye: Xy, mouth: Xy, leftEar: Xy, rightEar: Xy) =>
  new TextEncoder().encode(
    `9 ${[leftEye, rightEye, mouth, leftEar, [7, 7], [8, 8], [9, 9], [6, 6], rightEar].flat().join(" ")} `,
  );

/** Red and green tell the place, blue is their mean: linear, so that between pixels too the colour is known. */
function ramp(width: number, height: number): Picture {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    rgb.set([2 * x, 2 * y, x + y], 3 * i);
  }
  return { width, height, rgb };
}

const pixel = ({ width, rgb }: Picture, x: number, y: number) => [...rgb.subarray((y * width + x) * 3).subarray(0, 3)];

/** The crop's width and height, and the place in the picture that its first pixel shows. */
function cut(picture: Picture, ...points: Parameters<typeof file>): number[] {
  const face = cropFace(picture, parseLandmarks(file(...points)));
  const [r, g] = pixel(face, 0, 0);
  return [face.width, face.height, r / 2, g / 2];
}

describe("landmarks", () => {
  it("are two eyes, a mouth and two ears of three points", () => {
    const landmarks = {
      leftEye: { x: 175, y: 160 },
      rightEye: { x: 239, y: 162 },
      mouth: { x: 199, y: 199 },
      leftEar: { x: -149, y: 121 },
      rightEar: { x: 296, y: -133.5 },
    };
    const line = "9 175 160 239 162 199 199 -149 121 137 78 166 93 281 101 312 96 296 -133.5";
    for (const text of [line, `${line} `, `\uFEFF${line}\r\n`, line.replaceAll(" ", "\t")]) {
      expect(parseLandmarks(new TextEncoder().encode(text))).toEqual(landmarks);
    }
  });

  it.each([
    ["", "landmarks: the file is empty"],
    [" \n", "landmarks: the file is empty"],
    ["8 1 2", "landmarks: of 8 points, expected 9"],
    [`9 ${"1 2 ".repeat(8)}`, "landmarks: 16 coordinates, expected 18"],
    [`9 ${"1 2 ".repeat(9)}3`, "landmarks: 19 coordinates, expected 18"],
    [`9 ${"1 2 ".repeat(8)}1 nan`, "landmarks: “nan” is not a coordinate"],
    [`9 ${"1 2 ".repeat(8)}1 0x10`, "landmarks: “0x10” is not a coordinate"],
    [`9 ${"1 2 ".repeat(8)}1 1e9`, "landmarks: “1e9” is not a coordinate"],
    [`9 ${"1 2 ".repeat(8)}1 99999999`, "landmarks: “99999999” is not a coordinate"],
    ["<html>not found, and so on and so forth</html>", "landmarks: “<html>not” is not a coordinate"],
    [`9 ${"5 5 ".repeat(9)}`, "landmarks: both eyes are the same point"],
    ["9 ".repeat(3000), "landmarks: 6000 bytes, expected one line"],
  ])("%j are refused", (text, message) => {
    expect(() => parseLandmarks(new TextEncoder().encode(text))).toThrow(new Error(message));
  });
});

describe("the crop of a face", () => {
  it("is a square as wide as the ears' bases are apart, the eyes' middle at 0.5 and 0.4 of it", () => {
    const picture = ramp(100, 100);
    const points = [
      [40, 40],
      [60, 40],
      [50, 60],
      [30, 20],
      [70, 99],
    ] as const;
    // c = (50, 40), w = 40: columns 30 … 69, rows 24 … 63, and no pixel is changed.
    const face = cropFace(picture, parseLandmarks(file(...points)));
    expect([face.width, face.height]).toEqual([40, 40]);
    for (let y = 0; y < 40; y++) {
      for (let x = 0; x < 40; x++) expect(pixel(face, x, y)).toEqual(pixel(picture, 30 + x, 24 + y));
    }
    // Ears the wrong way round are as far apart.
    expect(cut(picture, points[0], points[1], points[2], points[4], points[3])).toEqual([40, 40, 30, 24]);
  });

  it("has edges at the sums rounded towards zero", () => {
    // c = (50.5, 40), w = 25: x0 = 38, y0 = 30, up to 63 and 55. Then w = 24.5: 38.25, 30.2, up to 62.75 and 54.7.
    expect(cut(ramp(100, 100), [40, 40], [61, 40], [50, 60], [30, 20], [55, 20])).toEqual([25, 25, 38, 30]);
    expect(cut(ramp(100, 100), [40, 40], [61, 40], [50, 60], [30, 20], [54.5, 20])).toEqual([24, 24, 38, 30]);
  });

  it("is turned until the eyes are level", () => {
    // d = (30, 40): cos 0.6, sin 0.8; c = (35, 50). x' of the ears: 0.6·−25 + 35 = 20, 0.8·25 + 35 = 55; w = 35.
    // Columns int(17.5) = 17 … int(52.5) − 1 = 51, rows 50 − 14 = 36 … 70.
    const picture = ramp(100, 100);
    const face = cropFace(picture, parseLandmarks(file([20, 30], [50, 70], [10, 80], [10, 50], [35, 75])));
    expect([face.width, face.height]).toEqual([35, 35]);
    // (17, 36) is (−18, −14) from c: x = −10.8 + 11.2 + 35 = 35.4, y = −14.4 − 8.4 + 50 = 27.2.
    expect(pixel(face, 0, 0)).toEqual([71, 54, 63]);
    // (51, 70): (16, 20): x = 9.6 − 16 + 35 = 28.6, y = 12.8 + 12 + 50 = 74.8.
    expect(pixel(face, 34, 34)).toEqual([57, 150, 103]);
    // The eyes are 25 to either side of c in the turned picture: the left one's place is (10, 50), left of the crop.
    expect(pixel(face, 35 - 17, 50 - 36)).toEqual([70, 100, 85]);
  });

  it("has grey where the turned canvas has nothing, blended at its edge", () => {
    // A quarter turn: d = (0, 40), c = (10, 30). (x', y') shows x = 10 − (y' − 30), y = 30 + (x' − 10).
    const white: Picture = { width: 60, height: 60, rgb: new Uint8Array(60 * 60 * 3).fill(255) };
    const face = cropFace(white, parseLandmarks(file([10, 10], [10, 50], [0, 30], [10, 25], [10, 40])));
    // w = 15: columns 2 … 16, rows 24 … 38: x from 16 to 2, all inside.
    expect([face.width, face.height, pixel(face, 0, 14)]).toEqual([15, 15, [255, 255, 255]]);
    const wide = cropFace(white, parseLandmarks(file([10, 10], [10, 50], [0, 30], [10, 0], [10, 40])));
    // w = 40: x0 = −10, so columns 0 … 29; rows 14 … 53: x = 26 … −13. The row of x = 0 is 40 − 14 = 26.
    expect([wide.width, wide.height]).toEqual([30, 40]);
    expect(pixel(wide, 3, 26)).toEqual([255, 255, 255]);
    expect(pixel(wide, 3, 27)).toEqual([128, 128, 128]);
    // c half a pixel off: x = −0.5 lies half on the grey, (255 + 128)/2 = 191.5.
    const half = cropFace(white, parseLandmarks(file([10, 10], [11, 10], [0, 30], [-1, 0], [30, 0])));
    expect(half.width).toBe(26);
    expect(pixel(half, 0, 0)).toEqual([255, 255, 255]);
    const between = cropFace(white, parseLandmarks(file([10, 10], [10, 51], [0, 30], [10, 0], [10, 40])));
    // c = (10, 30.5), w = 40: rows 14 … 53. x = 10 − (y' − 30.5): −0.5 at y' = 41.
    expect(pixel(between, 3, 41 - 14)).toEqual([192, 192, 192]);
  });

  it.each([
    // c, then the crop: columns × rows, and where it begins. w = h = 40, 20 to either side, 16 above, 24 below.
    ["left", [10, 50], [30, 40, 0, 34]],
    ["top", [50, 10], [40, 34, 30, 0]],
    ["right", [90, 50], [30, 40, 70, 34]],
    ["bottom", [50, 90], [40, 26, 30, 74]],
    ["left and top", [5, 6], [25, 30, 0, 0]],
    ["right and bottom", [95, 96], [25, 20, 75, 80]],
    ["nowhere, but just so", [20, 16], [40, 40, 0, 0]],
    ["nowhere, on the other side", [80, 76], [40, 40, 60, 60]],
    ["all but a column", [-19, 50], [1, 40, 0, 34]],
  ] as const)("is cut off at the picture's edge: %s", (_, [x, y], expected) => {
    expect(cut(ramp(100, 100), [x - 5, y], [x + 5, y], [x, y + 20], [x - 20, y - 30], [x + 20, y - 30])).toEqual(
      expected,
    );
  });

  it("takes coordinates outside the picture", () => {
    // Ears at −12 and 52: w = 64, c = (20, 30): x0 = −12, so 52 columns; y0 = 4.4, rows 4 … 67.
    expect(cut(ramp(100, 100), [10, 30], [30, 30], [20, 50], [-12, -5], [52, -8])).toEqual([52, 64, 0, 4]);
  });

  it("that lies outside is refused", () => {
    for (const [x, y] of [
      [-20, 50],
      [120, 50],
      [50, -25],
      [50, 117],
      [50, -300],
    ]) {
      const points = file([x - 5, y], [x + 5, y], [x, y], [x - 20, y], [x + 20, y]);
      expect(() => cropFace(ramp(100, 100), parseLandmarks(points))).toThrow("the face lies outside the picture");
    }
    const points = file([40, 40], [60, 40], [50, 60], [30, 20], [30, 20]);
    expect(() => cropFace(ramp(100, 100), parseLandmarks(points))).toThrow("the face lies outside the picture");
  });

  it("swaps eyes that are labelled the wrong way round: left of, above, and the mouth beyond", () => {
    const picture = ramp(100, 100);
    // Swapped: from (25, 60) to (65, 30): cos 0.8, sin −0.6; c = (45, 45).
    // x' of the ears: 0.8·−20 − 0.6·−10 + 45 = 35, 0.8·10 − 0.6·−20 + 45 = 65: w = 30, columns 30 … 59, rows 33 … 62.
    const ears = [
      [25, 35],
      [55, 25],
    ] as const;
    const swapped = cropFace(picture, parseLandmarks(file([65, 30], [25, 60], [60, 70], ...ears)));
    const right = cropFace(picture, parseLandmarks(file([25, 60], [65, 30], [60, 70], ...ears)));
    expect(swapped).toEqual(right);
    // (30, 33): (−15, −12): x = −12 − 7.2 + 45 = 25.8, y = 9 − 9.6 + 45 = 44.4.
    expect([swapped.width, swapped.height, ...pixel(swapped, 0, 0)]).toEqual([30, 30, 52, 89, 70]);
    // The mouth on the right eye's other side: no swap, cos −0.8, sin 0.6, and the same square upside down:
    // x' of the ears is 55 and 25; (30, 33): x = 12 + 7.2 + 45 = 64.2, y = −9 + 9.6 + 45 = 45.6.
    const upsideDown = cropFace(picture, parseLandmarks(file([65, 30], [25, 60], [25, 70], ...ears)));
    expect([upsideDown.width, upsideDown.height, ...pixel(upsideDown, 0, 0)]).toEqual([30, 30, 128, 91, 110]);
    // Level eyes, or a left one below the right one: no swap either.
    for (const leftY of [60, 61]) {
      const face = cropFace(picture, parseLandmarks(file([65, leftY], [25, 60], [60, 70], [30, 60], [60, 60])));
      expect(pixel(face, 0, 0)[0]).toBeGreaterThan(pixel(face, 20, 0)[0]);
    }
  });

  it("has a painted cat's eyes at the right places, however the head is turned", () => {
    for (const degrees of [-80, -33, -5, 0, 12, 45, 89, 135]) {
      const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
      const place = (x: number, y: number): Xy => [
        Math.round(100 + cos * x - sin * y),
        Math.round(100 + sin * x + cos * y),
      ];
      const [left, right] = [place(-20, 0), place(20, 0)];
      const picture: Picture = { width: 200, height: 200, rgb: new Uint8Array(200 * 200 * 3) };
      for (let i = 0; i < 200 * 200; i++) {
        for (const [channel, [x, y]] of [left, right].entries()) {
          if (Math.hypot((i % 200) - x, Math.floor(i / 200) - y) < 5) picture.rgb[3 * i + channel] = 255;
        }
      }
      const points = file(left, right, place(0, 25), place(-40, -20), place(40, -20));
      const face = cropFace(picture, parseLandmarks(points));
      expect(Math.abs(face.width - 80)).toBeLessThanOrEqual(2);
      for (const [channel, at] of [-20, 20].entries()) {
        let [sum, sumX, sumY] = [0, 0, 0];
        for (let i = 0; i < face.width * face.height; i++) {
          const weight = face.rgb[3 * i + channel];
          sum += weight;
          sumX += weight * (i % face.width);
          sumY += weight * Math.floor(i / face.width);
        }
        expect(Math.abs(sumX / sum - face.width / 2 - at)).toBeLessThan(1.5);
        expect(Math.abs(sumY / sum - face.height * 0.4)).toBeLessThan(1.5);
      }
    }
  });
});
