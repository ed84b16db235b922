import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

/** Shaders without their comments but directives. Every line stays, if empty, so that a compile error names the line of the file. */
function stripComments(): Plugin {
  return {
    name: "strip-shader-comments",
    apply: "build",
    enforce: "pre",
    load(id) {
      if (!id.endsWith(".wgsl?raw")) return null;
      return `export default ${JSON.stringify(withoutComments(readFileSync(id.replace("?raw", ""), "utf8")))}`;
    },
  };
}

export function withoutComments(wgsl: string): string {
  return wgsl.replace(/[ \t]*\/\/(?! @repeat ).*$/gm, "").trimEnd();
}

/** One build for the page and its workers, so that what both need is in the site once. */
function workersToo(): Plugin {
  return {
    name: "workers-too",
    apply: "build",
    enforce: "pre",
    transform(code, id) {
      if (!id.endsWith("/src/page/new_worker.ts")) return null;
      const worker = this.emitFile({ type: "chunk", id: id.replace("new_worker.ts", "worker.ts") });
      return code.replace('new URL("./worker.ts", import.meta.url)', `import.meta.ROLLUP_FILE_URL_${worker}`);
    },
  };
}

/** dist/site: the training page as static files that run from any host and any path. */
export default defineConfig({
  base: "./",
  publicDir: false,
  plugins: [stripComments(), workersToo()],
  build: {
    outDir: "dist/site",
    emptyOutDir: true,
    // What has WebGPU has these too.
    target: ["chrome121", "firefox141", "safari26"],
    modulePreload: {
      polyfill: false,
      // What is imported on demand is imported by workers, which have no document to put a preload into.
      resolveDependencies: (_, dependencies, { hostType }) => (hostType === "html" ? dependencies : []),
    },
    license: { fileName: "third-party.md" },
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "shared", minShareCount: 2 }] } } },
    // The Content-Security-Policy allows no scripts or styles inside of the page.
    assetsInlineLimit: 0,
  },
});
