import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { shadersLeftOut } from "../../vite.config.ts";

/** What the whole page may take on its way, in bytes after gzip; without weights, which are data, fetched on request. */
const mostBytes = 100 * 1024;

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

test("the built page is small", () => {
  const sizes = [...files].map(([name, text]) => [name, gzipSync(text, { level: 9 }).length] as const);
  const sum = sizes.reduce((total, [, bytes]) => total + bytes, 0);
  expect(files.size).toBeGreaterThan(4);
  expect(sum, sizes.map(([name, bytes]) => `${name} ${bytes}`).join("\n")).toBeLessThanOrEqual(mostBytes);
});

test("kernels and shaders are in it once", () => {
  const holders = [...files].filter(([, text]) => text.includes("fn sample_grid("));
  expect(holders.map(([name]) => name)).toEqual([expect.stringMatching(/^assets\/worker-/)]);
});

test("no shader is missing that the kernels of the page name", () => {
  const [[, kernels]] = [...files].filter(([, text]) => text.includes("fn sample_grid("));
  expect(kernels).toMatch(/[`"']sample_grid[`"']/);
  for (const name of shadersLeftOut) expect(kernels).not.toMatch(new RegExp(`[\`"']${name}[\`"']`));
});

test("the page has a strict policy, and nothing that it would forbid", () => {
  const html = files.get("index.html")!;
  const [, policy] = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(html)!;
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|\*|https?:/);
  expect(html).not.toMatch(/<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=/);
});

test("every path is relative, and no other host is named", () => {
  const html = files.get("index.html")!;
  const paths = [...html.matchAll(/\s(?:src|href)="([^"#]+)"/g)].map(([, path]) => path);
  expect(paths.length).toBeGreaterThan(1);
  for (const path of paths) expect(path).toMatch(/^(\.\/|data:)/);
  for (const [name, text] of files) {
    // An XML namespace is a name, not an address.
    const hosts = text.replaceAll("http://www.w3.org/2000/svg", "").match(/https?:\/\/[^\s"'`)]+/g) ?? [];
    expect(hosts, name).toEqual([]);
  }
});
