import { builtinModules } from "node:module";
import { defineConfig } from "vite";

/** dist/examples: the examples as files that Node runs. library.mjs imports the built library, as a package's user would. */
export default defineConfig({
  build: {
    ssr: true,
    target: "node20",
    outDir: "dist/examples",
    minify: false,
    rolldownOptions: {
      input: ["examples/minimal.ts", "examples/library.ts"],
      external: ["catgan", "webgpu", "sharp", ...builtinModules, /^node:/],
      output: { entryFileNames: "[name].mjs" },
    },
  },
  ssr: { noExternal: true },
});
