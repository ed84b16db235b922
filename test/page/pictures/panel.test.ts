import { describe, expect, it } from "vitest";
import { gridGap } from "../../../src/data/grid.ts";
import { groupRefusals } from "../../../src/data/refusals.ts";
import { previewCount, previewImage, previewIndices } from "../../../src/page/pictures/preview.ts";

describe("refusals", () => {
  it("are grouped by reason, the most frequent first; numbers that differ are left out", () => {
    const refused = [
      { name: "a", reason: "65 MiB: pictures may have at most 64" },
      { name: "b", reason: "empty file" },
      { name: "c", reason: "70 MiB: pictures may have at most 64" },
      { name: "d", reason: "66 MiB: pictures may have at most 64" },
      { name: "e", reason: "PNG of 9×8193 pixels" },
    ];
    expect(groupRefusals(refused).map(({ reason, files }) => [reason, files.map(({ name }) => name).join("")])).toEqual(
      [
        ["… MiB: pictures may have at most 64", "acd"],
        ["empty file", "b"],
        ["PNG of 9×8193 pixels", "e"],
      ],
    );
    expect(groupRefusals([])).toEqual([]);
  });
});

describe("the preview", () => {
  it("shows each picture next to its mirror image", () => {
    const picture = Uint8Array.from({ length: 2 * 2 * 3 }, (_, i) => 10 * i);
    const { width, height, rgba } = previewImage([picture, undefined], 2, null);
    expect([width, height]).toEqual([8 * 2 + 9 * gridGap, 2 + 2 * gridGap]);
    const pixel = (x: number, y: number) => [...rgba.subarray((y * width + x) * 4, (y * width + x) * 4 + 3)];
    const [first, mirror] = [gridGap, 2 * gridGap + 2];
    for (const y of [0, 1]) {
      for (const x of [0, 1]) {
        const at = (y * 2 + x) * 3;
        expect(pixel(first + x, gridGap + y)).toEqual([...picture.subarray(at, at + 3)]);
        expect(pixel(mirror + 1 - x, gridGap + y)).toEqual([...picture.subarray(at, at + 3)]);
      }
    }
  });

  it("takes different pictures from all over the set, and different ones every time", () => {
    for (const count of [1, 5, 12, 13, 30, 5000]) {
      for (let turn = 0; turn < 20; turn++) {
        const indices = previewIndices(count, turn);
        expect(indices.length).toBe(Math.min(count, previewCount));
        expect(new Set(indices).size).toBe(indices.length);
        for (const index of indices) expect(index >= 0 && index < count && Number.isInteger(index)).toBe(true);
      }
    }
    expect(previewIndices(5000, 0).at(-1)).toBeGreaterThan(4500);
    expect(previewIndices(5000, 1)).not.toEqual(previewIndices(5000, 0));
  });
});
