import { expect, test } from "vitest";
import { duePenalties, penaltiesOf } from "../../src/train/penalties.ts";

const names = (settings: { r1: number; r2: number; r1Every: number }, step: number) =>
  duePenalties(penaltiesOf(settings), step).map(({ name }) => name);

test("a penalty exists where its γ is above 0, and is due every r1Every steps from the first on", () => {
  const steps = [0, 1, 2, 3, 4, 8];
  expect(steps.map((step) => names({ r1: 0, r2: 0, r1Every: 4 }, step))).toEqual([[], [], [], [], [], []]);
  expect(steps.map((step) => names({ r1: 2, r2: 0, r1Every: 4 }, step))).toEqual([["R1"], [], [], [], ["R1"], ["R1"]]);
  expect(steps.map((step) => names({ r1: 0, r2: 1, r1Every: 1 }, step))).toEqual(steps.map(() => ["R2"]));
  expect(names({ r1: 1, r2: 1, r1Every: 4 }, 4)).toEqual(["R1", "R2"]);
});

test("R1 is taken at real pictures, R2 at fakes", () => {
  expect(penaltiesOf({ r1: 2, r2: 3, r1Every: 4 })).toEqual([
    { name: "R1", side: "D(real)", gamma: 2, interval: 4 },
    { name: "R2", side: "D(fake)", gamma: 3, interval: 4 },
  ]);
});
