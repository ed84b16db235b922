import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { shaderSource } from "../../src/cli/shader.ts";
import { join, shaderNames, shaderPath } from "../../src/gpu/program.ts";
import { variants } from "../../src/kernels/variants.ts";
import { testStream } from "../kernels/gpu.ts";
import { run } from "./program.ts";

const readers = Object.entries({
  conv2d: "forward",
  conv2d_lines: "forward",
  conv2d_input_gradient: "input gradient",
  conv2d_filter_gradient: "filter gradient",
  conv2d_filter_gradient_lines: "filter gradient",
} as const);

const text = (name: string) => readFileSync(new URL(`../../${shaderPath(name)}`, import.meta.url), "utf8");
const kernels = shaderNames.filter((name) => /@compute/.test(text(name)) && !name.startsWith("gemm_"));
const tiled = readers.flatMap(([name, pass]) =>
  variants[pass]
    .filter(({ sharedBytes }) => sharedBytes === 0 || !name.endsWith("_lines"))
    .map((variant) => [name, variant.name] as const),
);

test.each([...kernels.map((name) => [name, null] as const), ...tiled])(
  "%s %s: what is printed is the whole program",
  async (name, variant) => {
    const { gpu } = await testStream();
    const { code } = join(shaderSource(name, variant));
    expect(code).not.toContain("@repeat i");
    gpu.device.pushErrorScope("validation");
    const module = gpu.device.createShaderModule({ code });
    const { messages } = await module.getCompilationInfo();
    await gpu.device.popErrorScope();
    expect(messages.filter(({ type }) => type === "error").map(({ message }) => message)).toEqual([]);
  },
);

test("the command prints it, with its files and constants", async () => {
  const { code, stdout } = await run("shader", "conv2d", "16x8");
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^\/\/ shaders\/convolution\/conv2d\.wgsl \+ shaders\/gemm\/storage_vec4\.wgsl \+ shaders\/gemm\/gemm_nn\.wgsl\n\/\/ ROWS = 16, QUADS = 2, THREADS = 16\n\n\/\/ conv2d: /,
  );
  expect(stdout).toContain("  let row_15 = row_at(min(row + 15u, rows - 1u));\n");
  expect(stdout).not.toContain("row_16");
});

test.each([
  ["nothing", "shader", "NAME is missing; usage: catgan shader NAME [VARIANT]"],
  ["a typo", "shader conv2", "catgan shader conv2: there is no conv2.wgsl in shaders/; did you mean conv2d?"],
  [
    "no such tile",
    "shader conv2d_lines 9x9",
    "catgan shader conv2d_lines 9x9: no such variant, expected 8x8, 16x8 or 16x16",
  ],
  ["no tiles", "shader adam 8x8", "catgan shader adam 8x8: adam has no variants"],
])("%s", async (_, line, message) => {
  expect(await run(...line.split(" "))).toMatchObject({ code: 2, stdout: "", stderr: `catgan: ${message}\n` });
});
