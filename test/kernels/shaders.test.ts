// House rules for shaders/ that no linter knows.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const root = new URL("../../", import.meta.url);
const folder = new URL("shaders/", root);
const files = readdirSync(folder).filter((file) => file.endsWith(".wgsl"));
const readme = readFileSync(new URL("README.md", folder), "utf8");

test("there are shaders", () => {
  expect(files.length).toBeGreaterThan(40);
});

describe.each(files)("%s", (file) => {
  const text = readFileSync(new URL(file, folder), "utf8");
  const name = file.slice(0, -".wgsl".length);
  /** What stands before the first line that is no comment. */
  const header = /^(?:\/\/.*\n)+/.exec(text)?.[0] ?? "";

  test("its header names it first, and twins and tests that exist", () => {
    expect(header.startsWith(`// ${name}: `)).toBe(true);
    const paths = [...header.matchAll(/\b(?:src|test)\/[\w/]+\.ts\b/g)].map(([path]) => path);
    expect(paths.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
    const shaders = [...header.matchAll(/\b\w+\.wgsl\b/g)].map(([path]) => path);
    expect(shaders.filter((path) => !existsSync(new URL(path, folder)))).toEqual([]);
  });

  test("its entry point is named like it", () => {
    const entries = [...text.matchAll(/@compute[\s\S]*?fn (\w+)/g)].map(([, entry]) => entry);
    expect(entries).toEqual(entries.length === 0 ? [] : [name]);
  });

  test("its Sizes start with the range of tiles, and that range is kept to", () => {
    if (text.includes("struct Sizes")) expect(text).toMatch(/struct Sizes \{\s*first: u32, end: u32,/);
    if (text.includes("@compute") && name !== "record_losses")
      expect(text).toContain("if (tile >= sizes.end) { return; }");
  });

  test("no override stands behind a workgroup variable", () => {
    const workgroup = text.indexOf("var<workgroup>");
    expect(workgroup >= 0 && /\boverride\b/.test(text.slice(workgroup))).toBe(false);
  });

  test("the README mentions it", () => {
    expect(readme).toMatch(new RegExp(`\\b${name}\\b`));
  });
});
