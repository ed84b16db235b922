import { describe, expect, test } from "vitest";
import { type Augmentation, augment, augmentGradient, randomAugmentations } from "../../src/reference/augment.ts";
import { dot, expectClose, expectGradient, random } from "./finite_difference.ts";

const key = { seed: 7, purpose: 7, step: 3 };
const all = { color: true, translation: true, cutout: true };
const nothing: Augmentation = { brightness: 0, saturation: 1, contrast: 1, cutSize: 0, shift: [0, 0], cut: [0, 0] };

describe("randomAugmentations", () => {
  const many = randomAugmentations(4000, key, 16, all);

  test("every value is in its range, both ends of whole numbers occur, and all are equally likely", () => {
    const histogram = (values: number[]) => {
      const counts = new Map<number, number>();
      for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
      return [...counts].sort(([a], [b]) => a - b);
    };
    for (const axis of [0, 1]) {
      // An eighth of 16 both ways; a square of 8 whose centre is at one of the 17 places from edge to edge.
      const shifts = histogram(many.map(({ shift }) => shift[axis]));
      expect(shifts.map(([value]) => value)).toEqual([-2, -1, 0, 1, 2]);
      const cuts = histogram(many.map(({ cut }) => cut[axis]));
      expect(cuts.map(([value]) => value)).toEqual(Array.from({ length: 17 }, (_, i) => i - 4));
      // Five standard errors of a count.
      for (const [, count] of shifts) expectClose([count], [800], { atol: 5 * Math.sqrt(4000 * 0.2 * 0.8) });
      for (const [, count] of cuts) expectClose([count], [4000 / 17], { atol: 5 * Math.sqrt((4000 / 17) * (16 / 17)) });
    }
    for (const [name, low, high] of [
      ["brightness", -0.5, 0.5],
      ["saturation", 0, 2],
      ["contrast", 0.5, 1.5],
    ] as const) {
      const values = many.map((one) => one[name]);
      expect(Math.min(...values)).toBeGreaterThanOrEqual(low);
      expect(Math.max(...values)).toBeLessThan(high);
      // Every one is an f32, so that the GPU's are the same.
      expect(values).toEqual([...Float32Array.from(values)]);
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      expectClose([mean], [(low + high) / 2], { atol: (5 * (high - low)) / Math.sqrt(12 * 4000) });
    }
    expect(many.every(({ cutSize }) => cutSize === 8)).toBe(true);
  });

  test("changes that are off leave the picture as it is, and do not affect the others", () => {
    const changes = { color: false, translation: false, cutout: false };
    expect(randomAugmentations(3, key, 16, changes)).toEqual([nothing, nothing, nothing]);
    const [only] = randomAugmentations(1, key, 16, { ...changes, translation: true });
    expect(only).toEqual({ ...nothing, shift: many[0].shift });
  });

  test("seed, purpose, step and picture each give different changes", () => {
    const others = [
      { ...key, seed: 8 },
      { ...key, purpose: 8 },
      { ...key, step: 4 },
    ];
    for (const other of others) expect(randomAugmentations(1, other, 16, all)).not.toEqual(many.slice(0, 1));
    expect(many[1]).not.toEqual(many[0]);
    expect(randomAugmentations(2, key, 16, all)).toEqual(many.slice(0, 2));
  });
});

describe("augment, by hand", () => {
  // A 2×2 picture; its mean is 1.
  const x = [0, 3, 0, 1, 1, 1, 2, 0, 1, 1, 1, 1];

  test("brightness", () => {
    expect([...augment(x, [{ ...nothing, brightness: 0.5 }], 2)]).toEqual(x.map((value) => value + 0.5));
  });

  test("saturation 0 leaves grey, 2 doubles what is not", () => {
    expect([...augment(x, [{ ...nothing, saturation: 0 }], 2)]).toEqual(Array(12).fill(1));
    expect([...augment(x, [{ ...nothing, saturation: 2 }], 2)]).toEqual([-1, 5, -1, 1, 1, 1, 3, -1, 1, 1, 1, 1]);
  });

  test("contrast is about the picture's own mean, brightness included", () => {
    expect([...augment(x, [{ ...nothing, contrast: 0.5 }], 2)]).toEqual(x.map((value) => 0.5 * value + 0.5));
    const both = { ...nothing, contrast: 0.5, brightness: 0.25 };
    expect([...augment(x, [both], 2)]).toEqual(x.map((value) => 0.5 * value + 0.75));
  });

  test("translation: down and to the right, zeros moved in", () => {
    expect([...augment(x, [{ ...nothing, shift: [1, 0] }], 2)]).toEqual([0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 1, 1]);
    expect([...augment(x, [{ ...nothing, shift: [0, -1] }], 2)]).toEqual([1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0]);
  });

  test("cutout, over the edge too, where D sees it: after the shift", () => {
    const corner = { ...nothing, cutSize: 2, cut: [-1, -1] as [number, number] };
    expect([...augment(x, [corner], 2)]).toEqual([0, 0, 0, 1, 1, 1, 2, 0, 1, 1, 1, 1]);
    expect([...augment(x, [{ ...corner, shift: [0, 1] }], 2)]).toEqual([0, 0, 0, 0, 3, 0, 0, 0, 0, 2, 0, 1]);
  });

  test("each picture by its own parameters", () => {
    const done = [{ ...nothing, brightness: 1 }, nothing];
    expect([...augment([...x, ...x], done, 2)]).toEqual([...x.map((value) => value + 1), ...x]);
  });
});

describe("augmentGradient", () => {
  test.each([
    ["color", 5],
    ["translation", 9],
    ["cutout", 4],
    ["all", 6],
  ] as const)("%s, size %i: finite differences, and the transpose", (which, size) => {
    const changes = which === "all" ? all : { color: false, translation: false, cutout: false, [which]: true };
    const done = randomAugmentations(2, key, size, changes);
    const [x, dy] = [random(2 * size * size * 3, 1), random(2 * size * size * 3, 2)];
    const dx = augmentGradient(dy, done, size);
    expectGradient(dx, (at) => augment(at, done, size), x, dy);
    // ⟨Lx, dy⟩ = ⟨x, Lᵀdy⟩ for the linear part L, without brightness.
    const linear = done.map((one) => ({ ...one, brightness: 0 }));
    expectClose([dot(augment(x, linear, size), dy)], [dot(x, dx)]);
  });
});
