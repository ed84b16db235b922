import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import type { Config } from "../../src/train/config.ts";
import { diversity, type Finding, Guard } from "../../src/train/guards.ts";
import type { StepRecord } from "../../src/train/loss_ring.ts";

const usual = { loss: "bce", smoothing: 0, r1: 1 } as const;
const good: Omit<StepRecord, "step"> = {
  dLoss: 1.2,
  gLoss: 1.1,
  dReal: 0.57,
  dFake: 0.45,
  penalty: 0.1,
  finite: true,
};

/** Losses and scores of a run, as losses.csv had them. */
function recorded(name: string): StepRecord[] {
  const text = readFileSync(new URL(`../fixtures/curves/${name}.csv`, import.meta.url), "utf8");
  const rows = text.trimEnd().split("\n").slice(1);
  return rows.map((row, i) => {
    const [dLoss, gLoss, dReal, dFake] = row.split(",").map(Number);
    return { ...good, step: i + 1, dLoss, gLoss, dReal, dFake };
  });
}

/** The same step again and again. */
const constant = (steps: number, changes: Partial<StepRecord>, from = 1): StepRecord[] =>
  Array.from({ length: steps }, (_, i) => ({ ...good, ...changes, step: from + i }));

function findings(
  records: readonly StepRecord[],
  config: Pick<Config, "loss" | "smoothing" | "r1"> = usual,
): Finding[] {
  const guard = new Guard(config, 50);
  return records.flatMap((record) => guard.record(record) ?? []);
}

test.each<[name: string, loss: Config["loss"]]>([
  ["tiny", "bce"],
  ["photographs", "bce"],
  ["relativistic", "relativistic"],
])("nothing is said of a run that went well: %s", (name, loss) => {
  const records = recorded(name);
  expect(records.length).toBeGreaterThan(500);
  expect(findings(records, { ...usual, loss })).toEqual([]);
});

test.each<[name: string, kind: string, from: number, to: number, broken: boolean]>([
  // 16×16, rates of 0.5.
  ["diverges", "explosion", 10, 20, true],
  // 16×16 with γ 1 and networks of equal width: R1 was too strong.
  ["mute_d", "mute D", 499, 600, false],
  // G does not learn, D does.
  ["d_wins", "D wins", 300, 480, false],
  // D does not learn, G does.
  ["g_wins", "G wins", 499, 550, false],
])("a run that went wrong: %s is reported once, as %s", (name, kind, from, to, broken) => {
  const found = findings(recorded(name));
  expect(found.map((finding) => finding.kind)).toEqual([kind]);
  expect(found[0]).toMatchObject({ broken });
  expect(found[0].step).toBeGreaterThanOrEqual(from);
  expect(found[0].step).toBeLessThanOrEqual(to);
  expect(found[0].remedies.length).toBeGreaterThan(1);
  expect(found[0].what).toMatch(/^[^\n]{20,200}[^.\n]$/);
});

test("a single wild step is not an explosion, ten are", () => {
  expect(findings(constant(100, {}).with(50, { ...good, step: 51, dLoss: 1e6 }))).toEqual([]);
  const wild = [...constant(50, {}), ...constant(30, { dLoss: 14 }, 51)];
  expect(findings(wild)).toMatchObject([{ kind: "explosion" }]);
  // Hinge has no bound by logarithms: its losses are larger.
  expect(findings(wild, { ...usual, loss: "hinge" })).toEqual([]);
});

test("winning counts against what the labels allow", () => {
  const sure = constant(600, { dReal: 0.93, dFake: 0.04 });
  expect(findings(sure)).toEqual([]);
  expect(findings(sure, { ...usual, smoothing: 0.1 })).toMatchObject([{ kind: "D wins" }]);
});

test("of pairs only the loss counts: scores may be anywhere", () => {
  const kinds = (dLoss: number, dReal: number, dFake: number) =>
    findings(constant(600, { dLoss, dReal, dFake }), { ...usual, loss: "relativistic" }).map(({ kind }) => kind);
  expect(kinds(0.61, 0.995, 0.994)).toEqual([]);
  expect(kinds(Math.LN2, 0.995, 0.994)).toEqual(["mute D"]);
  expect(kinds(0.02, 0.9, 0.05)).toEqual(["D wins"]);
  expect(kinds(0.8, 0.6, 0.5)).toEqual(["G wins"]);
});

test("a D that is silent for a while, or at the beginning, is left alone", () => {
  const silent = { dReal: 0.5, dFake: 0.5 };
  expect(findings([...constant(450, silent), ...constant(300, {}, 451)])).toEqual([]);
  const late = [...constant(600, {}), ...constant(1000, silent, 601)];
  const [found] = findings(late);
  // The average falls below 0.02 some 180 steps after the scores.
  expect(found).toMatchObject({ kind: "mute D", remedies: [{ key: "r1", change: "smaller" }, {}, {}] });
  expect(found.step).toBeGreaterThan(600 + 300);
  expect(found.step).toBeLessThan(600 + 450);
  expect(findings(late, { ...usual, r1: 0 })[0].remedies[0]).toEqual({ key: "baseD", change: "larger" });
});

test("after going back it is judged again, and what broke the run is reported again", () => {
  const guard = new Guard(usual, 50);
  const explode = () => constant(20, { dLoss: 100 }).flatMap((record) => guard.record(record) ?? []);
  expect(explode()).toHaveLength(1);
  expect(explode()).toHaveLength(0);
  guard.rewound();
  expect(guard.record({ ...good, step: 1 })).toBeNull();
  guard.rewound();
  expect(explode()).toHaveLength(1);
});

test("collapse: two grids in a row, after diverse ones", () => {
  const look = (...shares: number[]) => {
    const guard = new Guard(usual, 50);
    return shares.map((share, i) => guard.sample(50 * (i + 1), 50 * share)?.kind ?? null);
  };
  // What tiny's grids had, every 25 steps.
  expect(look(0.24, 0.48, 0.68, 0.82, 0.87, 0.89, 0.9, 0.87, 0.95).every((kind) => kind === null)).toBe(true);
  expect(look(0.7, 0.8, 0.2, 0.1, 0)).toEqual([null, null, null, "collapse", null]);
  expect(look(0.7, 0.2, 0.7, 0.2, 0.7)).toEqual([null, null, null, null, null]);
  // A G that never was: grey at first as well, so time is given.
  const never = look(...Array.from({ length: 25 }, () => 0.15));
  expect(never.indexOf("collapse")).toBe(19);
  expect(never.filter(Boolean)).toHaveLength(1);
});

test("diversity: cats differ, one cat does not, and noise is not variety", () => {
  const cats = paintCats(32, 64, 1);
  const one = { ...cats, pixels: new Uint8Array(cats.pixels.length) };
  for (let n = 0; n < 64; n++) one.pixels.set(cats.pixels.subarray(0, 32 * 32 * 3), n * 32 * 32 * 3);
  const whole = diversity(cats);
  expect(whole).toBeGreaterThan(30);
  expect(diversity(one)).toBe(0);
  let state = 1;
  const noisy = one.pixels.map((value) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.max(0, Math.min(255, value + (state >>> 26) - 32));
  });
  expect(diversity({ ...one, pixels: noisy })).toBeLessThan(0.15 * whole);
  // Two halves, each of one colour: half of all pairs are 100 apart, 32·32 of 64·63/2.
  const two = { size: 16, count: 64, pixels: new Uint8Array(64 * 16 * 16 * 3).fill(100, 32 * 16 * 16 * 3) };
  expect(diversity(two)).toBeCloseTo((100 * 32 * 32) / (32 * 63), 10);
  expect(diversity({ ...two, count: 1 })).toBe(0);
});
