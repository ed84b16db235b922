import { builtinModules } from "node:module";
import { defineConfig } from "vite";

/** dist/catgan.mjs: the command line as one self-contained file; only `webgpu` and `sharp` (native addons) stay outside. */
export default defineConfig({
  build: {
    ssr: "src/cli/main.ts",
    target: "node20",
    outDir: "dist",
    emptyOutDir: false,
    minify: false,
    license: { fileName: "catgan-third-party.md" },
    rolldownOptions: {
      external: ["webgpu", "sharp", ...builtinModules, /^node:/],
      output: { entryFileNames: "catgan.mjs", codeSplitting: false, banner: "#!/usr/bin/env node" },
    },
  },
  ssr: { noExternal: true },
});
