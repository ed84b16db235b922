import { expect, test } from "vitest";
import { sortFloats } from "../../src/metrics/sort.ts";
import { randomNumbers } from "../../src/verify/lab.ts";

test("sorts like Float32Array.sort", () => {
  const random = randomNumbers(1);
  for (const count of [0, 1, 2, 3, 1000, 5001]) {
    const values = Float32Array.from({ length: count }, () => (random() - 0.5) * 10 ** Math.floor(random() * 60 - 30));
    for (const [i, special] of [0, -0, Infinity, -Infinity, 1e-45, -1e-45, 1, 1].entries()) {
      if (i < count / 4) values[i] = special;
    }
    const expected = values.slice().sort();
    sortFloats(values, new Float32Array(count));
    expect(values).toEqual(expected);
  }
});

test("sorts a part of a buffer, and leaves the rest", () => {
  const all = Float32Array.from([9, 3, 1, 2, -7]);
  sortFloats(all.subarray(1, 4), new Float32Array(3));
  expect([...all]).toEqual([9, 1, 2, 3, -7]);
});
