/** PNGs of every colour type, depth and interlacing, with and without transparency, and the pictures that they are. */
import type { Picture } from "../../src/data/picture_file.ts";
import { bytesOf, chunk, pngOfSamples } from "./picture_writers.ts";

const [width, height] = [19, 11];
const names: Record<number, string> = { 0: "grey", 2: "RGB", 3: "palette", 4: "grey and alpha", 6: "RGB and alpha" };
const depths: Record<number, number[]> = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] };
const channels: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const palette = Array.from({ length: 256 }, (_, i) => [(i * 89) % 256, (i * 57 + 20) % 256, 255 - ((i * 31) % 256)]);

/** [name, file, picture] */
export const pngCases: [string, Uint8Array, Picture][] = [];

for (const colour of [0, 2, 3, 4, 6]) {
  for (const depth of depths[colour]) {
    for (const interlaced of [false, true]) {
      for (const transparent of colour < 4 ? [false, true] : [false]) {
        const maxSample = 2 ** depth - 1;
        const samples = (x: number, y: number) =>
          Array.from(
            { length: channels[colour] },
            (_, c) => (x * 3571 + y * 9001 + x * y * 77 + c * 21001) % (maxSample + 1),
          );
        const key = samples(3, 2);
        const alphas = Array.from({ length: Math.min(256, maxSample + 1) }, (_, i) => (i * 40) % 256);
        const before: Uint8Array[] = [];
        if (colour === 3) before.push(chunk("PLTE", palette.slice(0, maxSample + 1).flat()));
        if (transparent)
          before.push(chunk("tRNS", colour === 3 ? alphas : bytesOf(...key.map((v) => [v >> 8, v & 255]))));
        const pixel = (x: number, y: number): number[] => {
          const values = samples(x, y);
          let [alpha, opaque] = [maxSample, maxSample];
          let shown = values;
          if (colour === 3) {
            [alpha, opaque] = [transparent ? alphas[values[0]] : 255, 255];
            shown = palette[values[0]];
          } else {
            if (colour >= 4) alpha = values.at(-1)!;
            else if (transparent && values.every((value, c) => value === key[c])) alpha = 0;
            shown = colour % 4 === 0 ? [values[0], values[0], values[0]] : values.slice(0, 3);
          }
          return shown.map((value) => Math.round((255 * (value * alpha + opaque * (opaque - alpha))) / opaque ** 2));
        };
        const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
          const at = Math.floor(i / 3);
          return pixel(at % width, Math.floor(at / width))[i % 3];
        });
        const name = `${names[colour]}, ${depth} bits${interlaced ? ", interlaced" : ""}${transparent ? ", tRNS" : ""}`;
        pngCases.push([
          name,
          pngOfSamples({ width, height, depth, colour, interlaced }, samples, ...before),
          { width, height, rgb },
        ]);
      }
    }
  }
}

/** @throws Error where a size or any value differs by more than `tolerance` of 255 */
export function expectPicture(actual: Picture, expected: Picture, tolerance: number): void {
  if (
    actual.width !== expected.width ||
    actual.height !== expected.height ||
    actual.rgb.length !== expected.rgb.length
  ) {
    throw new Error(`${actual.width}×${actual.height}, expected ${expected.width}×${expected.height}`);
  }
  for (const [i, value] of actual.rgb.entries()) {
    if (Math.abs(value - expected.rgb[i]) <= tolerance) continue;
    const pixel = Math.floor(i / 3);
    const place = `pixel (${pixel % actual.width}, ${Math.floor(pixel / actual.width)}), channel ${i % 3}`;
    throw new Error(`${place}: ${value}, expected ${expected.rgb[i]} within ${tolerance}`);
  }
}
