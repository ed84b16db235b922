/** A line of text below an image, in letters of 3×5 pixels: names the step in a frame of a film. */
import { gridColour } from "./grid.ts";
import type { Image } from "./image.ts";

const rows = 5;
/** Five rows of three pixels, from above. */
const glyphs: Readonly<Record<string, string>> = {
  "0": "111 101 101 101 111",
  "1": "010 110 010 010 111",
  "2": "111 001 111 100 111",
  "3": "111 001 111 001 111",
  "4": "101 101 111 001 001",
  "5": "111 100 111 001 111",
  "6": "111 100 111 101 111",
  "7": "111 001 001 010 010",
  "8": "111 101 111 101 111",
  "9": "111 101 111 001 111",
  s: "011 100 010 001 110",
  t: "111 010 010 010 010",
  e: "111 100 110 100 111",
  p: "111 101 111 100 100",
  " ": "000 000 000 000 000",
};
const advance = 4;
const margin = 2;
const ink = [212, 212, 216, 255];
const background = [...gridColour, 255];

/** @param text of digits, spaces and the letters of "step"; text that does not fit the width is cut off */
export function withCaption({ width, height, rgba }: Image, text: string): Image {
  const dot = Math.max(1, Math.round(width / 240));
  const strip = (rows + 2 * margin) * dot;
  const captioned = new Uint8Array(width * (height + strip) * 4);
  captioned.set(rgba);
  for (let v = 0; v < strip; v++) {
    for (let u = 0; u < width; u++) {
      const [column, row] = [Math.floor(u / dot) - margin, Math.floor(v / dot) - margin];
      const glyph = column < 0 || row < 0 || row >= rows ? undefined : glyphs[text[Math.floor(column / advance)]];
      const lit = glyph?.[row * advance + (column % advance)] === "1";
      captioned.set(lit ? ink : background, ((height + v) * width + u) * 4);
    }
  }
  return { width, height: height + strip, rgba: captioned };
}
