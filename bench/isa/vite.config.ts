import { builtinModules } from "node:module";
import { defineConfig } from "vite";

/** dist/isa: the command, and the program that it runs on Mesa's simulated GPU. Only `webgpu` stays outside. */
export default defineConfig({
  build: {
    ssr: true,
    target: "node20",
    outDir: "dist/isa",
    minify: false,
    rolldownOptions: {
      input: { main: "bench/isa/main.ts", compile: "bench/isa/compile.ts" },
      external: ["webgpu", ...builtinModules, /^node:/],
      output: { entryFileNames: "[name].mjs", chunkFileNames: "[name].mjs" },
    },
  },
  ssr: { noExternal: true },
});
