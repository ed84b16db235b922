import { describe, expect, test } from "vitest";
import { GpuError } from "../../src/gpu/gpu.ts";
import { bindGroupEntries, locate, program } from "../../src/gpu/program.ts";
import { Stream } from "../../src/gpu/stream.ts";
import { add } from "../../src/kernels/elementwise.ts";
import { testStream } from "../kernels/gpu.ts";
import { withShaders } from "../kernels/mutant.ts";

const { gpu } = await testStream();

test("bindings are read from the declarations, in any spelling", () => {
  const code = `
    @group(0) @binding(0) var<uniform> sizes: Sizes;
    @group(0)  @binding(2)
      var<storage,read> x: array<vec4f>;
    @group(0) @binding(10) var< storage , read_write > y: array<f32>;
    @group(0) @binding(4) var<storage> z: array<f32>;
    var<workgroup> sums: array<f32, 64>;`;
  const visibility = 4;
  expect(bindGroupEntries(code)).toEqual([
    { binding: 0, visibility, buffer: { type: "uniform" } },
    { binding: 2, visibility, buffer: { type: "read-only-storage" } },
    { binding: 10, visibility, buffer: { type: "storage" } },
    { binding: 4, visibility, buffer: { type: "read-only-storage" } },
  ]);
});

test("a line of joined files is found in its file", () => {
  const files = ["one", "two"];
  // As in files: each ends with a newline, so joining by another leaves an empty line between.
  const parts = ["a\nb\n", "c\nd\n"];
  const lines = parts.join("\n").split("\n");
  const at = (text: string) => locate(lines.indexOf(text) + 1, files, parts);
  expect(["a", "b", "c", "d"].map(at)).toEqual([
    "shaders/one.wgsl:1",
    "shaders/one.wgsl:2",
    "shaders/two.wgsl:1",
    "shaders/two.wgsl:2",
  ]);
  expect(locate(99, files, parts)).toBe("line 99");
});

describe("programs", () => {
  test("are compiled once", async () => {
    const before = gpu.counts.pipelines;
    const first = program(gpu, ["add"]);
    expect(program(gpu, ["add"])).toBe(first);
    expect(gpu.counts.pipelines).toBe(before + 1);
    expect(await first.compiled).toBe(first.pipeline);
  });

  test("of a file that is not there are an error at once", () => {
    expect(() => program(gpu, ["no_such"])).toThrow("program: there is no shaders/no_such.wgsl");
  });

  test("that do not compile say where and why, to whoever flushes", async () => {
    const line = "  y[i] = a[i] + b[i];";
    const broken = withShaders(gpu, (code) => code.replace(line, "  y[i] = a[i] + nonsense;"));
    const stream = new Stream(broken);
    const [a, b, y] = ["a", "b", "y"].map((label) => stream.persistent(label, [4]));
    add(stream, a, b, y);
    const error = await stream.flush().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(GpuError);
    expect((error as Error).message).toMatch(/^add: shaders\/add\.wgsl:26: unresolved value 'nonsense'/);
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
      /^noise_uniform: shaders\/philox\.wgsl:3\d: /,
    );
    const second = withShaders(gpu, (code) => code.replace("i >= sizes.quads", "i >= sizes.nothing"));
    await expect(program(second, ["noise_uniform", "philox"]).compiled).rejects.toThrow(
      /^noise_uniform: shaders\/noise_uniform\.wgsl:25: /,
    );
  });
});
