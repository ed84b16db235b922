/**
 * A Chromium with WebGPU on SwiftShader: the machine's own, or else the one in the npm package `@sparticuz/chromium`, so
 * that `npm ci` is all that a bare Linux needs.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { chromium } from "@playwright/test";
import { parseTar } from "nanotar";
import { cacheFolder } from "../../src/cli/user_cache.ts";

export interface InstalledBrowser {
  path: string;
  args: string[];
  env: Record<string, string>;
}

/** The browser that CATGAN_CHROMIUM names by its path, or as `npm` the npm package's; else whatever is found first. */
export function findChromium(): InstalledBrowser {
  const args = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
  const env = process.env as Record<string, string>;
  const { CATGAN_CHROMIUM: asked } = env;
  const installed = ["/usr/bin/chromium", "/usr/bin/google-chrome", chromium.executablePath()];
  const path = asked === "npm" ? undefined : (asked ?? installed.find((candidate) => existsSync(candidate)));
  if (path) return { path, args, env };
  const folder = unpackChromium();
  const its = { LD_LIBRARY_PATH: join(folder, "lib"), FONTCONFIG_FILE: join(folder, "fonts.conf") };
  return { path: join(folder, "chromium"), args, env: { ...env, ...its } };
}

/** @returns the folder with the npm package's browser and all that it loads, in the user's cache */
function unpackChromium(): string {
  const main = createRequire(import.meta.url).resolve("@sparticuz/chromium");
  const packed = join(dirname(main), "..", "..");
  const { version } = JSON.parse(readFileSync(join(packed, "package.json"), "utf8"));
  const folder = join(cacheFolder(), `chromium-${version}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  const put = (name: string, bytes: Uint8Array) => {
    const path = join(unfinished, name);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, bytes, { mode: 0o700 });
  };
  const unpacked = (name: string) => brotliDecompressSync(readFileSync(join(packed, "bin", `${name}.br`)));
  try {
    put("chromium", unpacked("chromium"));
    for (const archive of ["al2023.tar", "swiftshader.tar", "fonts.tar"]) {
      for (const { name, data } of parseTar(unpacked(archive))) if (data?.length) put(name, data);
    }
    const fonts = `<dir>${folder}/fonts</dir><cachedir>${folder}/fonts-cache</cachedir>`;
    put("fonts.conf", new TextEncoder().encode(`<?xml version="1.0"?><fontconfig>${fonts}</fontconfig>`));
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}
