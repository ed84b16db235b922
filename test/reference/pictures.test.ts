import { describe, expect, test } from "vitest";
import { gatherPictures, packPictures } from "../../src/reference/pictures.ts";
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

describe("packPictures", () => {
  test("−1 … 1 becomes 0 … 255, and values beyond are clamped", () => {
    expect([...packPictures([-1, 0, 1, -2, 2, 0.2, 0.5, -0.5, -0.6])]).toEqual([0, 128, 255, 0, 255, 153, 191, 64, 51]);
  });

  test("undoes gatherPictures", () => {
    const bytes = Uint8Array.from({ length: 2 * 2 * 2 * 3 }, (_, i) => i * 10);
    expect([...packPictures(gatherPictures(bytes, [0, 1], [0, 0], 2))]).toEqual([...bytes]);
  });
});
