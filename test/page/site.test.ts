import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repeat } from "../../src/gpu/repeat.ts";
import { withoutComments } from "../../vite.config.ts";

/** What a visitor may have to load, in bytes after gzip: before there is something to see, and before the first training step. */
const maxBytes = { paint: 60_000, training: 160_000 };

const folder = mkdtempSync(join(tmpdir(), "catgan-site-"));
const files = new Map<string, string>();
beforeAll(async () => {
  const { build } = await import("vite");
  await build({ logLevel: "silent", build: { outDir: folder, emptyOutDir: true } });
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (/\.\w+$/.test(name) && !name.endsWith(".safetensors"))
      files.set(name, readFileSync(join(folder, name), "utf8"));
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** `import("./x.js")`: loaded when it is needed, if ever. */
const onDemand = /import\(\s*["'`][^"'`]+["'`]\s*\)/g;

/** index.html and everything that it names, directly or through other files: scripts, styles and workers. */
function loadedByThePage(): string[] {
  const names = ["index.html"];
  for (const name of names) {
    const text = files.get(name)!.replaceAll(onDemand, "");
    for (const other of files.keys()) {
      if (!names.includes(other) && text.includes(other.split("/").at(-1)!)) names.push(other);
    }
  }
  return names;
}

test("the code for the first training step is small", () => {
  const names = loadedByThePage();
  const sizes = names.map((name) => [name, gzipSync(files.get(name)!, { level: 9 }).length] as const);
  const sum = sizes.reduce((total, [, bytes]) => total + bytes, 0);
  // A page, a style sheet, its script, the workers' script, and what those share.
  expect(names.filter((name) => /^assets\/(index|worker|shared)-/.test(name)).length).toBeGreaterThanOrEqual(4);
  const table = sizes.map(([name, bytes]) => `${name} ${bytes}`).join("\n");
  // The encoders of films are for those who save one.
  expect(names.filter((name) => name.includes("film"))).toEqual([]);
  expect([...files].filter(([name]) => /^assets\/film_worker-/.test(name))).toHaveLength(1);
  // Far less would mean that something it needs was not found.
  expect(sum, table).toBeGreaterThan(maxBytes.training / 2);
  expect(sum, table).toBeLessThanOrEqual(maxBytes.training);
  const painted = sizes.filter(([name]) => !name.startsWith("assets/worker-"));
  expect(
    painted.reduce((total, [, bytes]) => total + bytes, 0),
    table,
  ).toBeLessThanOrEqual(maxBytes.paint);
});

test("rarely used code is loaded on demand", () => {
  const reader = [...files.keys()].filter((name) => /^assets\/zip-/.test(name));
  expect(reader.length).toBe(1);
  expect(files.get(reader[0])).toContain("End of central directory not found");
  expect(loadedByThePage()).not.toContain(reader[0]);
});

test("kernels and shaders are in it once", () => {
  const holders = [...files].filter(([, text]) => text.includes("fn pack_pictures("));
  expect(holders.map(([name]) => name)).toEqual([expect.stringMatching(/^assets\/worker-/)]);
});

test("every shader is in it, line for line as in its file, without comments", () => {
  const [[, kernels]] = [...files].filter(([, text]) => text.includes("fn pack_pictures("));
  const shaders = new URL("../../shaders/", import.meta.url);
  const names = readdirSync(shaders, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".wgsl"));
  expect(names.length).toBeGreaterThan(50);
  for (const name of names) {
    const file = readFileSync(new URL(name, shaders), "utf8");
    const lines = withoutComments(file).split("\n");
    // No line of the rest has moved.
    for (const [i, line] of file.split("\n").entries()) expect(line.startsWith(lines[i] ?? ""), name).toBe(true);
    const code = lines.join("\n");
    const written = (text: string) =>
      repeat(text, () => 4)
        .text.replaceAll(/[ \t]*\/\/.*$/gm, "")
        .trimEnd();
    expect(repeat(code, () => 4).text, name).toBe(written(file));
    // As a template literal or as a string, whichever the minifier takes.
    const asString = JSON.stringify(code).slice(1, -1);
    expect(kernels.includes(code) || kernels.includes(asString), name).toBe(true);
  }
});

test("the page has a strict policy, and nothing that it would forbid", () => {
  const html = files.get("index.html")!;
  const [, policy] = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(html)!;
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|\*|https?:/);
  expect(html).not.toMatch(/<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=/);
});

test("it contains the notices of the packages in it", () => {
  const notices = files.get("third-party.md")!;
  for (const name of ["@zip.js/zip.js", "mediabunny"]) expect(notices).toContain(`## ${name} - `);
});

test("every path is relative, and no other host is named", () => {
  const html = files.get("index.html")!;
  const paths = [...html.matchAll(/\s(?:src|href)="([^"#]+)"/g)].map(([, path]) => path);
  expect(paths.length).toBeGreaterThan(1);
  for (const path of paths) expect(path).toMatch(/^(\.\/|data:)/);
  for (const [name, text] of files) {
    // Licences name their own addresses.
    if (name === "third-party.md") continue;
    // An XML namespace is a name, not an address.
    const hosts = text.replaceAll("http://www.w3.org/2000/svg", "").match(/https?:\/\/[^\s"'`)]+/g) ?? [];
    // Errors of mediabunny refer to specifications; nothing is loaded from there, and the policy forbids it.
    const specifications = /^https:\/\/(aomediacodec\.github\.io|www\.w3\.org\/TR|www\.webmproject\.org)\//;
    const cited = name.startsWith("assets/film_worker-") ? hosts.filter((host) => specifications.test(host)) : [];
    expect(
      hosts.filter((host) => !cited.includes(host)),
      name,
    ).toEqual([]);
  }
});
