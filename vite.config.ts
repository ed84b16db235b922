import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { fold } from "./src/page/fold.ts";

/** Shaders that training and drawing do not use: those of benchmarks and checks, and of operations of their own. */
export const shadersLeftOut = [
  "copy",
  "fma_loop",
  "sigmoid",
  "sigmoid_gradient",
  "sigmoid_cross_entropy",
  "sigmoid_cross_entropy_gradient",
  "batch_norm_gradient",
  "batch_norm_gradient_sums",
  "dense_obvious",
  "conv2d_obvious",
  "conv2d_input_gradient_obvious",
  "conv2d_filter_gradient_obvious",
];

const shaders = new URL("shaders/", import.meta.url);

/** Names that shaders declare, to shorter ones: the same in all of them, as files are joined. */
const shortNames = (() => {
  const files = readdirSync(shaders).filter((name) => name.endsWith(".wgsl"));
  files.push("../src/page/train/show_grid.wgsl");
  const text = files.map((name) => readFileSync(new URL(name, shaders), "utf8").replace(/\/\/.*$/gm, "")).join("\n");
  const found = (pattern: RegExp) => [...text.matchAll(pattern)].flatMap(([, names]) => names.split(/[, ]+/));
  const functions = found(/\bfn (\w+)/g);
  const taken = new Set(found(/(\w+)/g));
  // WGSL's own words and functions, and entry points, after which kernels are called.
  const fixed = new Set([
    ...found(/var<([\w, ]+)>/g),
    ...found(/@(\w+)/g),
    ...found(/@builtin\((\w+)/g),
    ...found(/@compute[^{]*?fn (\w+)/g),
    ...found(/\b(\w+)\(/g).filter((name) => !functions.includes(name)),
    "default",
  ]);
  // Overrides, which hosts name, are in capitals; names with numbers are for `fold`.
  const long = [...functions, ...found(/\b(?:let|var|const) (\w+)/g), ...found(/\b(\w+) *:/g)].filter(
    (name) => /^[a-z_]{3,}$/.test(name) && !fixed.has(name),
  );
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  const short = letters.flatMap((a) => letters.map((b) => a.toUpperCase() + b)).filter((name) => !taken.has(name));
  return new Map([...new Set(long)].map((name, i) => [name, short[i] ?? name]));
})();

/**
 * Without comments and indentation, and with short names. Lines stay where they are, so that the compiler's messages name
 * the right ones.
 */
export function slimShader(text: string): string {
  return text
    .replace(/\/\/.*$/gm, "")
    .replace(/^[ \t]+|[ \t]+$/gm, "")
    .replace(/ *([,;:{}()=*+<>|&%/]) */g, "$1")
    .replace(/ - (?!-)/g, "-")
    .replace(/\b[a-z_]{3,}\b/g, (name) => shortNames.get(name) ?? name);
}

/** All shaders as one text, slim and folded, which is a fifth of their size. */
function foldShaders(): Plugin {
  return {
    name: "fold-shaders",
    apply: "build",
    enforce: "pre",
    load(id) {
      if (!id.endsWith(".wgsl?raw")) return null;
      return `export default ${JSON.stringify(slimShader(readFileSync(id.replace("?raw", ""), "utf8")))}`;
    },
    transform(code, id) {
      if (!id.endsWith("/src/gpu/program.ts")) return null;
      const folder = fileURLToPath(new URL("shaders/", import.meta.url));
      const names = readdirSync(folder).filter((name) => name.endsWith(".wgsl"));
      const shaders = names
        .filter((name) => !shadersLeftOut.includes(name.slice(0, -".wgsl".length)))
        .map((name) => `${name}?${fold(slimShader(readFileSync(folder + name, "utf8")))}`);
      const unfolding = `import { unfoldAll } from "../page/fold.ts";\n`;
      return (
        unfolding +
        code.replace(
          /import\.meta\.glob\([^)]*\)/,
          `unfoldAll(${JSON.stringify(shaders.sort((a, b) => b.length - a.length).join("?"))})`,
        )
      );
    },
  };
}

/** The page without line breaks. */
function slimPage(): Plugin {
  return { name: "slim-page", apply: "build", transformIndexHtml: (html) => html.replace(/\s*\n\s*/g, " ") };
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
  plugins: [foldShaders(), slimPage(), workersToo()],
  build: {
    outDir: "dist/site",
    emptyOutDir: true,
    // What has WebGPU has these too.
    target: ["chrome121", "firefox141", "safari26"],
    modulePreload: { polyfill: false },
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "shared", minShareCount: 2 }] } } },
    // The Content-Security-Policy allows no scripts or styles inside of the page.
    assetsInlineLimit: 0,
  },
});
