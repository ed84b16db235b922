import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
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

/** Without comments, indentation and empty lines, and with short names. */
export function slimShader(text: string): string {
  return text
    .replace(/\/\/.*$/gm, "")
    .replace(/^[ \t]+|[ \t]+$/gm, "")
    .replace(/\n{2,}/g, "\n")
    .replace(/ *([,;:{}()=*+<>|&%/]) */g, "$1")
    .replace(/ - (?!-)/g, "-")
    .replace(/\b[a-z_]{3,}\b/g, (name) => shortNames.get(name) ?? name);
}

/** Each text after the one that it repeats most of: a compressor finds what it repeats only nearby. */
function nextToAlike(texts: readonly string[]): string[] {
  const rest = [...texts];
  const ordered = rest.splice(0, 1);
  const packed = (text: string) => deflateRawSync(text).length;
  while (rest.length > 0) {
    const before = ordered.slice(-2).join("");
    const alone = packed(before);
    const left = rest.map((text) => (packed(before + text) - alone) / packed(text));
    ordered.push(...rest.splice(left.indexOf(Math.min(...left)), 1));
  }
  return ordered;
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
      const texts = names
        .filter((name) => !shadersLeftOut.includes(name.slice(0, -".wgsl".length)))
        .map((name) => `${name}?${fold(slimShader(readFileSync(folder + name, "utf8"))).replaceAll(";\n", ";")}`);
      const shaders = nextToAlike(texts);
      const unfolding = `import { unfoldAll } from "../page/fold.ts";\n`;
      return unfolding + code.replace(/import\.meta\.glob\([^)]*\)/, `unfoldAll(${JSON.stringify(shaders.join("?"))})`);
    },
  };
}

/** What says that code calls code wrongly, which only who writes it can mend, names the operation and no more. */
function shortErrors(): Plugin {
  return {
    name: "short-errors",
    apply: "build",
    enforce: "pre",
    transform(code, id) {
      const files = /\/src\/((kernels|metrics|nn)\/\w+|gpu\/(sizes|stream|tensor)|train\/(sampler|trainer))\.ts$/;
      if (!files.test(id)) return null;
      return code.replace(/new Error\(\s*`(\w+): [^`]*`,?\s*\)/g, 'new Error("$1: internal error")');
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
  plugins: [foldShaders(), shortErrors(), slimPage(), workersToo()],
  build: {
    outDir: "dist/site",
    emptyOutDir: true,
    // What has WebGPU has these too.
    target: ["chrome121", "firefox141", "safari26"],
    modulePreload: { polyfill: false },
    minify: "terser",
    terserOptions: {
      ecma: 2020,
      // No getter has an effect that something waits for, and nothing redefines what is built in. The others only make
      // code that gzip finds more alike.
      compress: { passes: 3, pure_getters: true, unsafe: true, sequences: false, lhs_constants: false, loops: false },
    },
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "shared", minShareCount: 2 }] } } },
    // The Content-Security-Policy allows no scripts or styles inside of the page.
    assetsInlineLimit: 0,
  },
});
