import { defineConfig } from "vitest/config";

/**
 * Tests of the built page in real browsers. They share the machine's few cores with what they watch, so one file runs
 * after the other; their names keep them out of `npm test`.
 */
export default defineConfig({
  test: {
    include: ["test/e2e/*.e2e.ts"],
    globalSetup: ["test/e2e/site.ts"],
    fileParallelism: false,
    testTimeout: 900_000,
    hookTimeout: 300_000,
    reporters: ["verbose"],
  },
});
