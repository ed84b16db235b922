import { defineConfig } from "vite";

/** dist/index.js: the library (GPU runtime, kernels, network, trainer) for browsers, Node and Deno. */
export default defineConfig({
  build: {
    lib: { entry: "src/index.ts", formats: ["es"], fileName: () => "index.js" },
    target: "es2022",
    outDir: "dist",
    emptyOutDir: false,
    minify: false,
    rolldownOptions: { external: [/^node:/] },
  },
});
