import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { GpuError } from "../../src/gpu/gpu.ts";
import { join, program } from "../../src/gpu/program.ts";
import { Stream } from "../../src/gpu/stream.ts";
import { add } from "../../src/kernels/elementwise.ts";
import { openDevice, testStream } from "../kernels/gpu.ts";
import { withShaders } from "../kernels/mutant.ts";

const { gpu } = await testStream();

test("joined files: every line knows its file's, repeated ones too", () => {
  const { code, origins } = join({ files: ["pixels_2", "gemm_tn"], constants: { ROW_QUADS: 1, QUADS: 1 } });
  const lines = code.split("\n");
  expect(origins).toHaveLength(lines.length);
  const source = readFileSync(new URL("../../shaders/gemm/gemm_tn.wgsl", import.meta.url), "utf8").split("\n");
  const origin = (text: string) => origins[lines.findIndex((line) => line.trim() === text)];
  const lineOf = (text: string) => source.findIndex((line) => line.trim() === text) + 1;
  expect(origin("alias OfPixels = vec2f;")).toBe("shaders/gemm/pixels_2.wgsl:4");
  expect(origin("fn gemm_tn(")).toBe(`shaders/gemm/gemm_tn.wgsl:${lineOf("fn gemm_tn(")}`);
  const repeated = lineOf("y_i_r_j += row_i_r * b_j;");
  for (const r of [0, 1, 2, 3])
    expect(origin(`y_0_${r}_0 += row_0_${r} * b_0;`)).toBe(`shaders/gemm/gemm_tn.wgsl:${repeated}`);
  // PIXELS is declared in the other file.
  expect(lines.filter((line) => line.includes("load_rows(part, pixel_"))).toHaveLength(2);
});

describe("programs", () => {
  test("are compiled once", async () => {
    const gpu = await openDevice();
    const before = gpu.counts.pipelines;
    const first = program(gpu, ["add"]);
    expect(program(gpu, ["add"])).toBe(first);
    expect(gpu.counts.pipelines).toBe(before + 1);
    expect(await first.compiled).toBe(first.pipeline);
  });

  test("of a missing file are an immediate error", () => {
    expect(() => program(gpu, ["no_such"])).toThrow("program: shaders/ contains no no_such.wgsl");
  });

  test("that do not compile say where and why, at the next flush", async () => {
    const line = "  y[i] = a[i] + b[i];";
    const broken = withShaders(gpu, (code) => code.replace(line, "  y[i] = a[i] + nonsense;"));
    const stream = new Stream(broken);
    const [a, b, y] = ["a", "b", "y"].map((label) => stream.persistent(label, [4]));
    add(stream, a, b, y);
    const error = await stream.flush().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(GpuError);
    expect((error as Error).message).toMatch(/^add: shaders\/elementwise\/add\.wgsl:26: unresolved value 'nonsense'/);
    // And the stream lives on.
    stream.write(y, Float32Array.of(1, 2, 3, 4));
    expect([...(await stream.read(y))]).toEqual([1, 2, 3, 4]);
    for (const tensor of [a, b, y]) stream.destroy(tensor);
  });

  test("of joined files say the file's own line", async () => {
    const broken = withShaders(gpu, (code) =>
      code.replace("fn unit(word: u32) -> f32 {", "fn unit(word: u32) -> f32 { !"),
    );
    await expect(program(broken, ["noise_uniform", "philox"]).compiled).rejects.toThrow(
      /^noise_uniform: shaders\/pictures\/philox\.wgsl:3\d: /,
    );
    const second = withShaders(gpu, (code) => code.replace("i >= sizes.quads", "i >= sizes.nothing"));
    await expect(program(second, ["noise_uniform", "philox"]).compiled).rejects.toThrow(
      /^noise_uniform: shaders\/pictures\/noise_uniform\.wgsl:26: /,
    );
  });
});
