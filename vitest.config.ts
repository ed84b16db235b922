import { defineConfig } from "vitest/config";
import { softwareEnvironment } from "./src/cli/swiftshader.ts";

// Kernel tests run on the software adapter, the same everywhere, unless CATGAN_TEST_ADAPTER names another. Test workers
// inherit these variables, which a process must have when it starts and which hide every other adapter.
if ((process.env.CATGAN_TEST_ADAPTER ?? "software") === "software") Object.assign(process.env, softwareEnvironment());

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/naga/**", "**/node_modules/**"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
