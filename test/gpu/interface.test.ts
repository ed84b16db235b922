// Host and shader agree by name: what is read from a shader's text, how it is encoded, what each mistake is called.
import { describe, expect, test } from "vitest";
import { shaderSource } from "../../src/cli/shader.ts";
import {
  encodeSizes,
  layoutEntries,
  orderBindings,
  readInterface,
  type ShaderInterface,
  type Sizes,
} from "../../src/gpu/interface.ts";
import { join, program } from "../../src/gpu/program.ts";
import { Tensor } from "../../src/gpu/tensor.ts";
import { testStream } from "../kernels/gpu.ts";

const text = `
  // struct Sizes { nothing: u32 } and @group(0) @binding(9) var<storage> nothing: array<f32>;
  struct Sizes {
    first: u32, end: u32, // the range
    rows: u32,  shift : i32,
    /* of the variance, */ epsilon: f32,
  }
  struct Other { rows: vec4f }
  @group(0) @binding(0) var<uniform> sizes: Sizes;
  @group(0)  @binding(2)
    var<storage,read> x: array<vec4f>;
  @group(0) @binding(10) var< storage , read_write > y: array<f32>;
  @group(0) @binding(1) var<storage> z: array<f32>;
  var<workgroup> sums: array<f32, 64>;`;
const scale = { name: "scale", interface: readInterface("scale", text) };

test("words and bindings are read from the declarations, in any spelling", () => {
  expect(scale.interface).toEqual({
    words: [
      { name: "rows", type: "u32" },
      { name: "shift", type: "i32" },
      { name: "epsilon", type: "f32" },
    ],
    bindings: [
      { name: "z", binding: 1, writable: false },
      { name: "x", binding: 2, writable: false },
      { name: "y", binding: 10, writable: true },
    ],
  });
  const visibility = 4;
  expect(layoutEntries(scale.interface)).toEqual([
    { binding: 0, visibility, buffer: { type: "uniform" } },
    { binding: 1, visibility, buffer: { type: "read-only-storage" } },
    { binding: 2, visibility, buffer: { type: "read-only-storage" } },
    { binding: 10, visibility, buffer: { type: "storage" } },
  ]);
});

describe("shaders that cannot be passed anything", () => {
  const uniform = "@group(0) @binding(0) var<uniform> sizes: Sizes;";
  const sizes = (fields: string) => `struct Sizes { ${fields} } ${uniform}`;
  const range = "first: u32, end: u32";
  const many = Array.from({ length: 63 }, (_, i) => `w${i}: u32`).join();

  test.each([
    ["scale: the shader declares no struct Sizes", uniform],
    [
      "scale: struct Sizes begins with rows: u32, first: u32, expected first: u32, end: u32",
      sizes(`rows: u32, ${range}`),
    ],
    ["scale: struct Sizes begins with first: u32, end: i32, expected", sizes("first: u32, end: i32")],
    ["scale: struct Sizes begins with none, expected first: u32, end: u32", sizes("")],
    ['scale: struct Sizes has the field "v: vec4f", expected a name and u32, i32 or f32', sizes(`${range}, v: vec4f`)],
    ['scale: struct Sizes has the field "@align(16) v: u32", expected', sizes(`${range}, @align(16) v: u32`)],
    ["scale: struct Sizes has 65 words, at most 64 fit", sizes(`${range}, ${many}`)],
    ["scale: the shader needs one uniform, sizes, as binding 0", `struct Sizes { ${range} }`],
    ["scale: the shader needs one uniform", sizes(range).replace("binding(0)", "binding(1)")],
    ["scale: the shader needs one uniform", `${sizes(range)} @group(0) @binding(1) var<uniform> more: Sizes;`],
    [
      "scale: the shader declares binding 1 twice, the second as y",
      `${sizes(range)} @group(0) @binding(1) var<storage> x: f32; @group(0) @binding(1) var<storage> y: f32;`,
    ],
  ])("%s", (message, code) => {
    expect(() => readInterface("scale", code)).toThrow(message);
  });
});

describe("sizes", () => {
  const right = { rows: 3, shift: -2, epsilon: 0.5 };

  test("are encoded as declared, in the shader's order", () => {
    expect([...encodeSizes(scale, right)]).toEqual([3, 0xfffffffe, 0x3f000000]);
    expect([...encodeSizes(scale, { epsilon: -1e-8, rows: 2 ** 32 - 1, shift: 2 ** 31 - 1 })]).toEqual([
      0xffffffff, 0x7fffffff, 0xb22bcc77,
    ]);
    expect([...encodeSizes(scale, { epsilon: 0.1, rows: 0, shift: -(2 ** 31) })]).toEqual([0, 0x80000000, 0x3dcccccd]);
  });

  const whole = "a whole number from 0 to 2³² − 1";
  const cases: [message: string, sizes: Sizes][] = [
    [
      'scale: sizes lacks "epsilon" (f32); got rows, shift; the shader declares rows, shift, epsilon',
      { rows: 3, shift: 1 },
    ],
    ['scale: sizes lacks "rows" (u32); got none; the shader declares rows, shift, epsilon', {}],
    ['scale: sizes lacks "shift" (i32); got', { ...right, shift: undefined as unknown as number }],
    ['scale: sizes has "C"; the shader declares rows, shift, epsilon', { ...right, C: 4 }],
    ['scale: sizes has "first"; the shader declares', { ...right, first: 0 }],
    [`scale: sizes has rows = 2.5; the shader declares it as u32, which needs ${whole}`, { ...right, rows: 2.5 }],
    [`scale: sizes has rows = -1; the shader declares it as u32, which needs ${whole}`, { ...right, rows: -1 }],
    [`scale: sizes has rows = NaN; the shader declares it as u32`, { ...right, rows: Number.NaN }],
    [`scale: sizes has rows = 4294967296; the shader declares it as u32`, { ...right, rows: 2 ** 32 }],
    [
      "scale: sizes has shift = 0.5; the shader declares it as i32, which needs a whole number from −2³¹ to 2³¹ − 1",
      { ...right, shift: 0.5 },
    ],
    ["scale: sizes has shift = 2147483648; the shader declares it as i32", { ...right, shift: 2 ** 31 }],
    [
      "scale: sizes has epsilon = NaN; the shader declares it as f32, which needs a number that is finite in f32",
      { ...right, epsilon: Number.NaN },
    ],
    ["scale: sizes has epsilon = 1e+39; the shader declares it as f32", { ...right, epsilon: 1e39 }],
  ];
  test.each(cases)("%s", (message, sizes) => {
    expect(() => encodeSizes(scale, sizes)).toThrow(message);
  });
});

describe("bindings", () => {
  const t = (label: string) => new Tensor(label, [1], null as unknown as GPUBuffer);
  const [x, y, z] = [t("x"), t("y"), t("z")];

  test("are ordered by the shader's numbers, whatever their order here", () => {
    expect(orderBindings(scale, { y, x, z })).toEqual([
      [1, z],
      [2, x],
      [10, y],
    ]);
  });

  test("missing or unknown ones are errors", () => {
    expect(() => orderBindings(scale, { y, z })).toThrow(
      'scale: bindings lacks "x"; got y, z; the shader declares z, x, y',
    );
    expect(() => orderBindings(scale, { x, y, z, weight: x })).toThrow(
      'scale: bindings has "weight"; the shader declares z, x, y',
    );
  });
});

describe("appending", () => {
  test("an argument that the shader does not declare is an immediate error, and nothing is appended", async () => {
    const stream = await testStream();
    const y = stream.persistent("y", [4]);
    const work = {
      program: program(stream.gpu, ["fill"]),
      sizes: { quads: 1, bits: 5 },
      bindings: { y },
      workgroups: 1,
    };
    const { dispatches } = stream.pacing;
    expect(() => stream.append({ ...work, sizes: { quads: 1 } })).toThrow('fill: sizes lacks "bits" (u32); got quads');
    expect(() => stream.append({ ...work, bindings: {} })).toThrow('fill: bindings lacks "y"; got none');
    // Work that needs no workgroup is checked as well.
    expect(() => stream.append({ ...work, sizes: { quads: 0 }, workgroups: 0 })).toThrow("fill: sizes lacks");
    await expect(stream.capture("step", () => stream.append({ ...work, bindings: { x: y } }))).rejects.toThrow(
      'fill: bindings lacks "y"; got x; the shader declares y',
    );
    await stream.flush();
    expect(stream.pacing.dispatches).toBe(dispatches);
    stream.append(work);
    expect(new Uint32Array(await stream.readBytes(y))).toEqual(Uint32Array.of(5, 5, 5, 5));
    stream.destroy(y);
  });
});

describe("every program", () => {
  // Other files are parts of these.
  const texts = import.meta.glob<string>("../../shaders/**/*.wgsl", { query: "?raw", import: "default", eager: true });
  const names = Object.entries(texts)
    .filter(([, text]) => text.includes("struct Sizes"))
    .map(([path]) => path.slice(path.lastIndexOf("/") + 1, -".wgsl".length));

  test("is found", () => {
    expect(names.length).toBeGreaterThan(50);
  });

  test.each(names)("%s", (name) => {
    const { code } = join(shaderSource(name, null));
    const found: ShaderInterface = readInterface(name, code);
    expect(found.bindings.map(({ binding }) => binding)).toEqual(found.bindings.map((_, i) => i + 1));
    // Inputs first, outputs last.
    const writable = found.bindings.map((binding) => binding.writable);
    expect(writable).toEqual([...writable].sort((a, b) => Number(a) - Number(b)));
    expect(writable).toContain(true);
    // What is declared is used, and what is used is declared.
    const used = new Set([...code.matchAll(/\bsizes\.(\w+)/g)].map(([, word]) => word));
    used.add("first").add("end");
    expect([...used].sort()).toEqual(["first", "end", ...found.words.map(({ name }) => name)].sort());
  });
});
