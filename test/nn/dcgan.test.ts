import { describe, expect, test } from "vitest";
import { discriminator, generator } from "../../src/nn/dcgan.ts";
import { type Architecture, discriminatorLayers, generatorLayers } from "../../src/nn/layers.ts";
import { countParameters } from "../../src/nn/parameters.ts";
import { presets } from "../../src/train/config.ts";

const article: Architecture = presets.article;
const shapes = (layers: { output: readonly number[] }[]) => layers.map(({ output }) => output.join("×"));

describe("the article's networks at 128×128", () => {
  test("have its layers", () => {
    expect(shapes(generatorLayers(article))).toEqual([
      "8×8×1024",
      "16×16×512",
      "32×32×256",
      "64×64×128",
      "128×128×64",
      "128×128×3",
    ]);
    expect(shapes(discriminatorLayers(article))).toEqual([
      "64×64×64",
      "32×32×128",
      "16×16×256",
      "16×16×512",
      "8×8×1024",
      "1×1×1",
    ]);
    expect(discriminatorLayers(article).map(({ stride }) => stride)).toEqual([2, 2, 2, 1, 2, 1]);
    expect(discriminatorLayers(article).map(({ norm }) => norm)).toEqual([false, true, true, true, true, false]);
  });

  test("have its parameters", () => {
    expect(countParameters(generator(article).specs)).toBe(24_034_819);
    expect(countParameters(discriminator(article).specs)).toBe(17_484_161);
    expect(countParameters(discriminator({ ...article, normDFirst: true }).specs)).toBe(17_484_161 + 128);
  });
});

test("tiny is 4×4×64 → 32 → 16 → 8 → 3 against 16 → 32 → 64 → 1", () => {
  expect(shapes(generatorLayers(presets.tiny))).toEqual(["4×4×64", "8×8×32", "16×16×16", "32×32×8", "32×32×3"]);
  expect(shapes(discriminatorLayers(presets.tiny))).toEqual(["16×16×16", "8×8×32", "4×4×64", "1×1×1"]);
});

test.each([16, 32, 64, 128])(
  "at %i pixels G ends where D begins, and every layer takes what the one before gives",
  (size) => {
    for (const layers of [generatorLayers({ ...article, size }), discriminatorLayers({ ...article, size })]) {
      for (let i = 1; i < layers.length; i++) expect(layers[i].input).toEqual(layers[i - 1].output);
    }
    expect(generatorLayers({ ...article, size }).at(-1)!.output).toEqual([size, size, 3]);
    expect(discriminatorLayers({ ...article, size })[0].input).toEqual([size, size, 3]);
  },
);

test("a smooth filter is a parameter one narrower, in stride-2 transposed convolutions only", () => {
  const { specs } = generator({ ...presets.tiny, smoothFilter: true });
  const shape = (name: string) => specs.find((spec) => spec.name === name)!.shape;
  expect(shape("g.up1.weight")).toEqual([4, 4, 32, 64]);
  expect(shape("g.rgb.weight")).toEqual([5, 5, 3, 8]);
});
