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

/** Without comments and indentation. Lines stay where they are, so that the compiler's messages name the right ones. */
export function slimShader(text: string): string {
  return text
    .replace(/\/\/.*$/gm, "")
    .replace(/^[ \t]+|[ \t]+$/gm, "")
    .replace(/ *([,;:{}()=*+<>|]) */g, "$1");
}

/** Shaders slim and folded, which is a fifth of their size. */
function slimShaders(): Plugin {
  return {
    name: "slim-shaders",
    apply: "build",
    enforce: "post",
    transform(code, id) {
      if (!id.endsWith(".wgsl?raw")) return null;
      if (shadersLeftOut.some((name) => id.endsWith(`/${name}.wgsl?raw`)))
        return { code: 'export default ""', map: null };
      const text: string = JSON.parse(/"(?:[^"\\]|\\.)*"/.exec(code)![0]);
      const folded = JSON.stringify(fold(slimShader(text)));
      const unfold = JSON.stringify(fileURLToPath(new URL("src/page/fold.ts", import.meta.url)));
      return { code: `import { unfold } from ${unfold}; export default unfold(${folded})`, map: null };
    },
  };
}

/** Lines of the page without what indents them. */
function slimPage(): Plugin {
  return { name: "slim-page", apply: "build", transformIndexHtml: (html) => html.replace(/\n\s+/g, "\n") };
}

/** dist/site: the training page as static files that run from any host and any path. */
export default defineConfig({
  base: "./",
  publicDir: false,
  plugins: [slimShaders(), slimPage()],
  build: {
    outDir: "dist/site",
    emptyOutDir: true,
    // What has WebGPU has these too.
    target: ["chrome121", "firefox141", "safari26"],
    modulePreload: { polyfill: false },
    // The Content-Security-Policy allows no scripts or styles inside of the page.
    assetsInlineLimit: 0,
  },
  worker: { format: "es", plugins: () => [slimShaders()] },
});
