import { expect, test } from "vitest";
import { planesOf } from "../../src/page/film/yuv.ts";

/** An image of these colours, row by row. */
function image(width: number, colours: readonly number[][]) {
  return { width, height: colours.length / width, rgba: Uint8Array.from(colours.flatMap((rgb) => [...rgb, 255])) };
}

test.each([
  // Y, Cb, Cr of BT.709 in the limited range, as tables of colour bars have them.
  ["white", [255, 255, 255], [235, 128, 128]],
  ["black", [0, 0, 0], [16, 128, 128]],
  ["red", [255, 0, 0], [63, 102, 240]],
  ["green", [0, 255, 0], [173, 42, 26]],
  ["blue", [0, 0, 255], [32, 240, 118]],
  ["yellow", [255, 255, 0], [219, 16, 138]],
])("%s", (_, rgb, [y, cb, cr]) => {
  const { width, height, data } = planesOf(image(2, [rgb, rgb, rgb, rgb]));
  expect([width, height]).toEqual([2, 2]);
  expect([...data]).toEqual([y, y, y, y, cb, cr]);
});

test("chroma is the mean of four pixels; an odd column and row are repeated", () => {
  const [red, blue, grey] = [
    [255, 0, 0],
    [0, 0, 255],
    [128, 128, 128],
  ];
  const { width, height, data } = planesOf(image(3, [red, blue, grey, blue, red, red, grey, blue, blue]));
  expect([width, height]).toEqual([4, 4]);
  const [y, cb, cr] = [data.subarray(0, 16), data.subarray(16, 20), data.subarray(20, 24)];
  expect([...y]).toEqual([63, 32, 126, 126, 32, 63, 63, 63, 126, 32, 32, 32, 126, 32, 32, 32]);
  // Two reds and two blues; two greys and two reds; two greys and two blues; four blues.
  expect([...cb]).toEqual([171, 115, 184, 240]);
  expect([...cr]).toEqual([179, 184, 123, 118]);
});
