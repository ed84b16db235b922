import { defineConfig } from "vitest/config";
import { swiftShaderEnvironment } from "./src/cli/swiftshader.ts";

// Kernel tests run on the software adapter, the same everywhere, unless CATGAN_TEST_ADAPTER names another. Test workers
// inherit these variables, which a process must have when it starts and which hide every other adapter.
if ((process.env.CATGAN_TEST_ADAPTER ?? "software") === "software")
  Object.assign(process.env, swiftShaderEnvironment());

/** Test files that replace modules, Node's or ours, or that have limits on the time or memory of a fresh process. */
const apart = [
  "test/bench/keep.test.ts",
  "test/cli/adapter.test.ts",
  "test/cli/disk_faults.test.ts",
  "test/cli/files.test.ts",
  "test/cli/folder_faults.test.ts",
  "test/cli/looking.test.ts",
  "test/cli/output_file.test.ts",
  "test/cli/prepare.test.ts",
  "test/cli/prepared_swap.test.ts",
  "test/cli/verify.test.ts",
  "test/cli/without_sharp.test.ts",
  "test/data/zip_limits.test.ts",
];

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "together",
          include: ["test/**/*.test.ts"],
          exclude: ["test/naga/**", "**/node_modules/**", ...apart],
          // Most of the time of a training test is compiling shaders: files of one process share its device.
          isolate: false,
          setupFiles: ["test/shared_device.ts"],
        },
      },
      { extends: true, test: { name: "apart", include: apart } },
    ],
  },
});
