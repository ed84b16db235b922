/** Before all tests: builds the site and serves it over http. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, preview } from "vite";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the site is, with a slash at the end. */
    site: string;
  }
}

export default async function serveSite(project: TestProject): Promise<() => Promise<void>> {
  const outDir = mkdtempSync(join(tmpdir(), "catgan-e2e-"));
  await build({ logLevel: "warn", build: { outDir } });
  const server = await preview({ logLevel: "warn", build: { outDir }, preview: { host: "127.0.0.1", port: 4700 } });
  project.provide("site", server.resolvedUrls!.local[0]);
  return async () => {
    await server.close();
    rmSync(outDir, { recursive: true });
  };
}
