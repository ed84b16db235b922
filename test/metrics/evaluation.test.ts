import { describe, expect, test } from "vitest";
import { splitReals } from "../../src/metrics/evaluation.ts";

/** Pictures of one pixel, each of its own colour. */
const pictures = (count: number) => ({
  size: 1,
  count,
  pixels: Uint8Array.from({ length: count * 3 }, (_, i) => i / 3),
});

describe("the halves of a data set", () => {
  const numbers = ({ pixels }: { pixels: Uint8Array }) => [...pixels].filter((_, i) => i % 3 === 0);

  test("have no picture in common, are as many as asked for, and follow from the seed", () => {
    const { reals, others } = splitReals(pictures(50), 20, 1);
    expect([reals.count, others.count]).toEqual([20, 20]);
    expect(new Set([...numbers(reals), ...numbers(others)]).size).toBe(40);
    expect(splitReals(pictures(50), 20, 1).reals).toEqual(reals);
    expect(splitReals(pictures(50), 20, 2).reals).not.toEqual(reals);
  });

  test("are half of a small set; one picture has no halves", () => {
    expect(splitReals(pictures(7), 20, 1).others.count).toBe(3);
    expect(() => splitReals(pictures(1), 20, 1)).toThrow(/has 1 picture, expected 2 or more/);
  });
});
