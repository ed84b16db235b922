import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  cornerOfGrid,
  enlargedGrid,
  gridColour,
  gridGap,
  pictureGrid,
  previewCount,
  readGrid,
  squareColumns,
} from "../../src/data/grid.ts";
import type { Image } from "../../src/data/image.ts";
import { paintCats } from "../../src/data/painted.ts";

const pixel = ({ width, rgba }: Image, row: number, column: number) => [
  ...rgba.slice((row * width + column) * 4, (row * width + column) * 4 + 4),
];
const gap = [...gridColour, 255];

describe("pictureGrid", () => {
  test("three pictures of one pixel in two columns", () => {
    const grid = pictureGrid({ size: 1, count: 3, pixels: Uint8Array.of(1, 2, 3, 40, 50, 60, 7, 8, 9) }, 2);
    expect([grid.width, grid.height, grid.rgba.length]).toEqual([8, 8, 256]);
    const cells = new Map([
      ["2,2", [1, 2, 3, 255]],
      ["2,5", [40, 50, 60, 255]],
      ["5,2", [7, 8, 9, 255]],
    ]);
    for (let row = 0; row < 8; row++) {
      for (let column = 0; column < 8; column++) {
        expect(pixel(grid, row, column)).toEqual(cells.get(`${row},${column}`) ?? gap);
      }
    }
  });

  test("rows and columns of a picture stay where they are", () => {
    const pixels = Uint8Array.from({ length: 2 * 2 * 2 * 3 }, (_, i) => i * 10);
    const grid = pictureGrid({ size: 2, count: 2, pixels }, 2);
    expect([grid.width, grid.height]).toEqual([10, 6]);
    const at = (n: number, row: number, column: number) => pixel(grid, 2 + row, 2 + 4 * n + column);
    expect([at(0, 0, 0), at(0, 0, 1), at(0, 1, 0)]).toEqual([
      [0, 10, 20, 255],
      [30, 40, 50, 255],
      [60, 70, 80, 255],
    ]);
    expect([at(1, 0, 0), at(1, 1, 1)]).toEqual([
      [120, 130, 140, 255],
      [210, 220, 230, 255],
    ]);
  });

  test("more columns than pictures", () => {
    const grid = pictureGrid({ size: 1, count: 1, pixels: Uint8Array.of(255, 255, 255) }, 3);
    expect([grid.width, grid.height]).toEqual([11, 5]);
    expect([pixel(grid, 2, 2), pixel(grid, 2, 5)]).toEqual([[255, 255, 255, 255], gap]);
  });

  test("closest to square by default", () => {
    expect([1, 2, 4, 5, 13, 36, 64].map(squareColumns)).toEqual([1, 2, 2, 3, 4, 6, 8]);
    expect([16, 32, 64, 128].map(previewCount)).toEqual([64, 64, 64, 36]);
    const cats = paintCats(16, 13, 3);
    expect(pictureGrid(cats)).toEqual(pictureGrid(cats, 4));
  });
});

/** Hashes of files' pixels, which must never change: grids of earlier runs are compared with those of later ones. */
test.each([
  { size: 16, count: 7, columns: 3, plain: "07241b16f6e65d08", enlarged: "d6bd464bc0a55ac9", width: 392 },
  { size: 32, count: 5, columns: 8, plain: "66c4ebd126f6e6d0", enlarged: "9188fd12922810b2", width: 822 },
  { size: 64, count: 4, columns: 2, plain: "d299f11f61a860e3", enlarged: "d299f11f61a860e3", width: 134 },
  { size: 128, count: 3, columns: 2, plain: "c843195927de0fe9", enlarged: "c843195927de0fe9", width: 262 },
  { size: 16, count: 64, columns: 8, plain: "d7846f37c67c07e8", enlarged: "18dc92b916c52a34", width: 1022 },
  { size: 16, count: 30, columns: 30, plain: "fe62499977391c4b", enlarged: "45b009e8591f0dc7", width: 1626 },
])("$count pictures of $size in $columns columns: the same pixels as ever", ({ columns, width, ...recorded }) => {
  const cats = paintCats(recorded.size, recorded.count, 3);
  const [plain, enlarged] = [pictureGrid(cats, columns), enlargedGrid(cats, columns)];
  const hash = ({ rgba }: Image) => createHash("sha256").update(rgba).digest("hex").slice(0, 16);
  expect([hash(plain), hash(enlarged), enlarged.width]).toEqual([recorded.plain, recorded.enlarged, width]);
});

describe("readGrid", () => {
  test.each([16, 32, 64, 128])("finds the pictures of an enlarged grid again, size %i", (size) => {
    for (const columns of [1, 2, 3, 6, 8, 17, 40]) {
      for (const rows of [1, 2, 6]) {
        const count = columns * rows;
        const pictures = { size, count, pixels: new Uint8Array(count * size * size * 3).map((_, i) => i) };
        const found = readGrid(enlargedGrid(pictures, columns), size)!;
        expect([found.columns, found.rows]).toEqual([columns, rows]);
        expect(Buffer.compare(found.image.rgba, pictureGrid(pictures, columns).rgba)).toBe(0);
      }
    }
  });

  test("an image that is not a grid of such pictures", () => {
    const image = (width: number, height: number) => ({ width, height, rgba: new Uint8Array(width * height * 4) });
    expect(readGrid(image(392, 392), 16)).toMatchObject({ columns: 3, rows: 3 });
    // A column too many, a row too short, too small, another size of pictures.
    for (const [width, height] of [
      [393, 392],
      [392, 391],
      [5, 5],
      [270, 270],
    ]) {
      expect(readGrid(image(width, height), 16)).toBeNull();
    }
  });

  test("a corner of it is the grid of those pictures", () => {
    const cats = paintCats(16, 9, 3);
    const found = readGrid(enlargedGrid(cats), 16)!;
    const bytes = 16 * 16 * 3;
    const four = [0, 1, 3, 4].flatMap((n) => [...cats.pixels.subarray(n * bytes, (n + 1) * bytes)]);
    const expected = pictureGrid({ size: 16, count: 4, pixels: Uint8Array.from(four) });
    expect(cornerOfGrid(found, 16, 2, 2)).toEqual(expected);
  });
});

test("the page's style sheet has the gaps' colour", () => {
  const css = readFileSync(new URL("../../src/page/style.css", import.meta.url), "utf8");
  const hex = gridColour.map((value) => value.toString(16).padStart(2, "0")).join("");
  expect(css).toContain(`--wall: #${hex};`);
  expect(gridGap).toBe(2);
});
