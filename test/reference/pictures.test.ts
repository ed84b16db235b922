import { describe, expect, test } from "vitest";
import { gatherPictures, sampleGrid } from "../../src/reference/pictures.ts";
import { expectClose } from "./finite_difference.ts";

describe("gatherPictures", () => {
  // Three 2×2 pictures; every byte tells picture, row, column and channel.
  const pixels = Uint8Array.from({ length: 3 * 2 * 2 * 3 }, (_, i) => {
    const [n, h, w, c] = [Math.floor(i / 12), Math.floor(i / 6) % 2, Math.floor(i / 3) % 2, i % 3];
    return n * 64 + h * 32 + w * 16 + c;
  });
  const bytes = (batch: Float64Array) => [...batch].map((value) => Math.round((value + 1) * 127.5));

  test("takes the pictures named, mirrors along W", () => {
    expect(bytes(gatherPictures(pixels, [2, 0], [0, 1], 2))).toEqual([
      ...[128, 129, 130, 144, 145, 146, 160, 161, 162, 176, 177, 178],
      ...[16, 17, 18, 0, 1, 2, 48, 49, 50, 32, 33, 34],
    ]);
  });

  test("a picture may come twice, once mirrored", () => {
    expect(bytes(gatherPictures(pixels, [1, 1], [1, 0], 2)).slice(0, 6)).toEqual([80, 81, 82, 64, 65, 66]);
    expect(bytes(gatherPictures(pixels, [1, 1], [1, 0], 2)).slice(12, 18)).toEqual([64, 65, 66, 80, 81, 82]);
  });

  test("0 … 255 becomes −1 … 1", () => {
    expectClose(gatherPictures(Uint8Array.of(0, 255, 51), [0], [0], 1), [-1, 1, -0.6]);
  });
});

describe("sampleGrid", () => {
  const gapPixel = [24, 24, 27, 255];
  const pixel = (grid: ReturnType<typeof sampleGrid>, row: number, column: number) => [
    ...grid.rgba.slice((row * grid.width + column) * 4, (row * grid.width + column) * 4 + 4),
  ];

  test("three pixels in two columns with a gap of 1", () => {
    const grid = sampleGrid([-1, 0, 1, -2, 2, 0.2, 0.5, -0.5, -0.6], 2, 1, 1);
    expect([grid.width, grid.height, grid.rgba.length]).toEqual([5, 5, 100]);
    const cells = new Map([
      ["1,1", [0, 128, 255, 255]],
      ["1,3", [0, 255, 153, 255]],
      ["3,1", [191, 64, 51, 255]],
    ]);
    for (let row = 0; row < 5; row++) {
      for (let column = 0; column < 5; column++) {
        expect(pixel(grid, row, column)).toEqual(cells.get(`${row},${column}`) ?? gapPixel);
      }
    }
  });

  test("rows and columns of a picture stay where they are", () => {
    const value = (byte: number) => byte / 127.5 - 1;
    const x = Array.from({ length: 2 * 2 * 2 * 3 }, (_, i) => value(i * 10));
    const { width, height, rgba } = sampleGrid(x, 2, 0, 2);
    expect([width, height]).toEqual([4, 2]);
    const picture = (...bytes: number[]) => [...bytes, 255];
    expect([...rgba]).toEqual([
      ...[...picture(0, 10, 20), ...picture(30, 40, 50), ...picture(120, 130, 140), ...picture(150, 160, 170)],
      ...[...picture(60, 70, 80), ...picture(90, 100, 110), ...picture(180, 190, 200), ...picture(210, 220, 230)],
    ]);
  });

  test("more columns than pictures, a wide gap", () => {
    const grid = sampleGrid([1, 1, 1], 3, 2, 1);
    expect([grid.width, grid.height]).toEqual([11, 5]);
    expect(pixel(grid, 2, 2)).toEqual([255, 255, 255, 255]);
    expect(pixel(grid, 2, 5)).toEqual(gapPixel);
  });
});
