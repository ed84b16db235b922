import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fold, unfold, unfoldAll } from "../../src/page/fold.ts";
import { slimShader } from "../../vite.config.ts";

const folder = new URL("../../shaders/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".wgsl"));

test("every shader unfolds to what it was, line for line", () => {
  expect(names.length).toBeGreaterThan(50);
  for (const name of names) {
    const text = readFileSync(new URL(name, folder), "utf8");
    const slim = slimShader(text);
    expect(unfold(fold(slim)), name).toBe(slim);
  }
});

test("numbers are counted up, each in its own steps, and letters behind them", () => {
  const lines = [0, 1, 2, 3].map((i) => `let a${i} = load(row${4 * i}, left); let y0${"abcd"[i]} = vec4f(1.0);`);
  expect(fold(lines.join("\n"))).toBe("~4:let a$0 = load(row$0'4, left); let y0$a = vec4f(1.0);#");
});

test("blocks of several lines, and what stands around them", () => {
  const blocks = [5, 6, 7].map((i) => `first of the two lines number ${i};\nsecond, ${i};`);
  const text = ["before", ...blocks, "first of the two lines number 9;", "after"].join("\n");
  const folded = fold(text);
  expect(folded).toBe(
    "before\n~3:first of the two lines number $5;\nsecond, $5;#\nfirst of the two lines number 9;\nafter",
  );
  expect(unfold(folded)).toBe(text);
});

test("what only looks alike stays: numbers that run down, jump, or begin with zeros", () => {
  for (const numbers of [
    [3, 2, 1],
    [1, 2, 4],
    ["01", "02", "03"],
  ]) {
    const text = numbers.map((n) => `a line that is long enough to be folded ${n}`).join("\n");
    expect(unfold(fold(text))).toBe(text);
  }
});

test("a text that has the marks' characters is refused", () => {
  expect(() => fold("a ~ b")).toThrow("~#$'?");
});

test("many texts in one come back by their names", () => {
  const folded = fold([0, 1, 2].map((i) => `let a${i} = load(row${i}, left, right);`).join("\n"));
  const texts = unfoldAll(`first.wgsl?${folded}?second.wgsl?fn f() {}`);
  expect(Object.keys(texts)).toEqual(["first.wgsl", "second.wgsl"]);
  expect(texts["first.wgsl"]).toMatch(/^let a0 .*\nlet a1 .*\nlet a2 = load\(row2, left, right\);$/);
  expect(texts["second.wgsl"]).toBe("fn f() {}");
});
