// House rules for shaders/ that no linter knows.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, test } from "vitest";

const root = new URL("../../", import.meta.url);
const folder = new URL("shaders/", root);
const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".wgsl"));
const names = files.map((file) => basename(file, ".wgsl"));
const readme = readFileSync(new URL("README.md", folder), "utf8");

test("there are shaders", () => {
  expect(files.length).toBeGreaterThan(40);
});

test("each is in a folder, and has a unique name", () => {
  for (const file of files) expect(file).toMatch(/^\w+\/\w+\.wgsl$/);
  expect(new Set(names).size).toBe(names.length);
});

test("the README links each once, in its folder, and nothing that is not there", () => {
  const links = [...readme.matchAll(/\]\(([^)]*\.wgsl)\)/g)].map(([, path]) => path);
  expect(links.sort()).toEqual([...files].sort());
});

describe.each(files)("%s", (file) => {
  const text = readFileSync(new URL(file, folder), "utf8");
  const name = basename(file, ".wgsl");
  /** What stands before the first line that is no comment. */
  const header = /^(?:\/\/.*\n)+/.exec(text)?.[0] ?? "";

  test("its header names it first, and reference implementations and tests that exist", () => {
    expect(header.startsWith(`// ${name}: `)).toBe(true);
    const paths = [...header.matchAll(/\b(?:src|test)\/[\w/]+\.ts\b/g)].map(([path]) => path);
    expect(paths.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
    const shaders = [...header.matchAll(/\b(\w+)\.wgsl\b/g)].map(([, shader]) => shader);
    expect(shaders.filter((shader) => !names.includes(shader))).toEqual([]);
  });

  test("its entry point is named like it", () => {
    const entries = [...text.matchAll(/@compute[\s\S]*?fn (\w+)/g)].map(([, entry]) => entry);
    expect(entries).toEqual(entries.length === 0 ? [] : [name]);
  });

  test("its Sizes start with the range of workgroups, and that range is kept to", () => {
    if (text.includes("struct Sizes")) expect(text).toMatch(/struct Sizes \{\s*first: u32, end: u32,/);
    if (text.includes("@compute") && name !== "record_losses")
      expect(text).toContain("if (tile >= sizes.end) { return; }");
  });

  test("no override comes after a workgroup variable", () => {
    const workgroup = text.indexOf("var<workgroup>");
    expect(workgroup >= 0 && /\boverride\b/.test(text.slice(workgroup))).toBe(false);
  });
});
