import { expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { Stream } from "../../src/gpu/stream.ts";
import { choiceFor, choiceText } from "../../src/kernels/choices.ts";
import { candidatesFor } from "../../src/kernels/default_choice.ts";
import { type ConvGeometry, samePadding } from "../../src/kernels/geometry.ts";
import { passes } from "../../src/kernels/variants.ts";
import { testStream } from "./gpu.ts";

const { gpu } = await testStream();

/** A 5×5 convolution at stride 2 of 64 pictures. */
function layer(size: number, C: number, K: number): ConvGeometry {
  const { out, before } = samePadding(size, 5, 2);
  const padding = { P: out, Q: out, padTop: before, padLeft: before };
  return { N: 64, H: size, W: size, C, R: 5, S: 5, K, stride: 2, ...padding };
}

/** Something that says it is a GPU. */
function hardware(limits: Partial<Gpu["limits"]> = {}): Gpu {
  return Object.create(gpu, { software: { value: false }, limits: { value: { ...gpu.limits, ...limits } } });
}

/** The table's choices on a GPU. */
function chosen(size: number, C: number, K: number, limits: Partial<Gpu["limits"]> = {}): string[] {
  const g = layer(size, C, K);
  const stream = new Stream(hardware(limits));
  return passes.map((pass) => choiceText(pass, choiceFor(stream, pass, g)));
}

test("large layers take large tiles in shared memory, up to their columns", () => {
  expect(chosen(16, 512, 1024)).toEqual(["shared 128x128", "shared 128x128", "shared 128x128 in 1"]);
  expect(chosen(128, 64, 128)).toEqual(["shared 128x128", "shared 128x64", "shared 64x128 in 21"]);
});

test("smaller layers take smaller tiles, so that there are enough", () => {
  expect(chosen(8, 256, 512).slice(0, 2)).toEqual(["shared 64x64", "shared 128x64"]);
  expect(chosen(4, 64, 128).slice(0, 2)).toEqual(["shared 32x32", "shared 32x32"]);
});

test("pictures' channels take no shared memory", () => {
  expect(chosen(128, 3, 64).map((text) => text.split(" ")[0])).toEqual(["8x8", "8x4", "8x8"]);
});

test("variants too large for a GPU are left out", () => {
  expect(chosen(16, 512, 1024, { workgroupBytes: 16_384 }).slice(0, 2)).toEqual(["shared 128x64", "shared 128x64"]);
  expect(chosen(16, 512, 1024, { workgroupThreads: 64 }).slice(0, 2)).toEqual(["shared 64x64", "shared 64x64"]);
});

test("what is measured fits the adapter: sums in registers on a GPU, no shared memory on a CPU", () => {
  for (const pass of passes) {
    const names = (on: Gpu) => candidatesFor(on, pass, layer(32, 128, 256)).map(({ variant }) => variant.name);
    expect(names(gpu)).toContain("16x16");
    expect(names(gpu).filter((name) => name.startsWith("shared"))).toEqual([]);
    expect(names(hardware())).toEqual(expect.arrayContaining(["8x8", "shared 32x32", "shared 128x128"]));
    expect(names(hardware()).filter((name) => /^16x(8|16)$/.test(name))).toEqual([]);
  }
});
