import { afterAll, beforeAll, expect, test } from "vitest";
import type { Pictures } from "../../src/data/pictures.ts";
import type { Stream } from "../../src/gpu/stream.ts";
import { checkCheckpoint, type RunState } from "../../src/train/checkpoint.ts";
import { checkDrawable, encodeGenerator, generatorFrom } from "../../src/train/generator_file.ts";
import { decodeSafetensors } from "../../src/train/safetensors.ts";
import { Sampler } from "../../src/train/sampler.ts";
import { saveState } from "../../src/train/save_restore.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { smallConfig, smallTrainer, source } from "./small_run.ts";

const runs: Record<"averaged" | "plain", { trainer: Trainer; state: RunState }> = {} as never;
const credit = "painted cats, MIT: drawn by this project";
let file: RunState;

beforeAll(async () => {
  for (const [kind, ema] of [
    ["averaged", 0.5],
    ["plain", 0],
  ] as const) {
    const trainer = await smallTrainer({ ema });
    for (let i = 0; i < 4; i++) await trainer.trainStep();
    runs[kind] = { trainer, state: await saveState(trainer, source) };
  }
  const { trainer, state } = runs.averaged;
  file = decodeSafetensors(await encodeGenerator(trainer.stream, state, { half: true, credit }));
});

afterAll(() => {
  for (const { trainer } of Object.values(runs)) trainer.destroy();
});

async function draw(stream: Stream, state: RunState, seed: number): Promise<Pictures> {
  const { network, parameters, running } = generatorFrom(stream, state);
  const sampler = new Sampler(stream, network, { parameters, running, n: 9, seed });
  const pictures = await sampler.draw();
  sampler.destroy();
  parameters.destroy(stream);
  running?.destroy(stream);
  return pictures;
}

function largestDifference(a: Pictures, b: Pictures): number {
  return a.pixels.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b.pixels[i])), 0);
}

test("holds what drawing needs and nothing else", () => {
  const { generator } = runs.averaged.trainer.model;
  const expected = [...generator.specs, ...generator.running].map(({ name }) => name);
  expect([...file.tensors.keys()].sort()).toEqual(expected.sort());
  const { config, ...metadata } = file.metadata;
  expect(metadata).toEqual({
    format: "catgan generator 1",
    generator: '{"size":16,"base":4,"z":8,"kernel":5,"slope":0.2,"smoothFilter":false}',
    seed: String(smallConfig.seed),
    step: "4",
    credit,
  });
  expect(JSON.parse(config)).toEqual({ ...smallConfig, ema: 0.5 });
  expect(checkDrawable(file)).toMatchObject({ step: 4, seed: smallConfig.seed, credit, prefix: "" });
  // Statistics that were measured count in full.
  const { data } = file.tensors.get("g.up1.running")!;
  expect([...data.subarray(-8)]).toEqual(Array(8).fill(1));
});

test.each(["averaged", "plain"] as const)("in f32 it draws what the run's preview shows: %s", async (kind) => {
  const { trainer, state } = runs[kind];
  const { stream } = trainer;
  const { bytes, buffers } = stream.gpu.counts;
  const whole = await encodeGenerator(stream, state, { half: false, credit: null });
  expect(stream.gpu.counts).toMatchObject({ bytes, buffers });
  const exported = decodeSafetensors(whole);
  expect(checkDrawable(exported).credit).toBeNull();
  const { seed } = smallConfig;
  expect(await draw(stream, exported, seed)).toEqual(await draw(stream, state, seed));
  // Once more through the file: the same file.
  expect(await encodeGenerator(stream, exported, { half: false, credit: null })).toEqual(whole);
});

test("f16 halves the filters and changes no pixel much", async () => {
  const { trainer, state } = runs.averaged;
  const { stream } = trainer;
  const half = await encodeGenerator(stream, state, { half: true, credit: null });
  const whole = await encodeGenerator(stream, state, { half: false, credit: null });
  expect(half.length).toBeLessThan(0.6 * whole.length);
  const [a, b] = [await draw(stream, file, smallConfig.seed), await draw(stream, state, smallConfig.seed)];
  expect(new Set(b.pixels).size).toBeGreaterThan(20);
  expect(largestDifference(a, b)).toBeLessThanOrEqual(2);
  // A credit stays, and another replaces it.
  const again = decodeSafetensors(await encodeGenerator(stream, file, { half: true, credit: null }));
  expect(again).toEqual(file);
  const other = decodeSafetensors(await encodeGenerator(stream, file, { half: true, credit: "me" }));
  expect(other.metadata.credit).toBe("me");
});

test("it cannot be trained on", () => {
  expect(() => checkCheckpoint(file, "run")).toThrow(
    "checkpoint: this is a generator file, which can draw but not train further",
  );
  expect(() => checkCheckpoint(file, "generator")).toThrow("a generator file");
});

const changed = (changes: Record<string, string | undefined>): RunState => {
  const metadata = { ...file.metadata, ...changes };
  for (const key of Object.keys(metadata)) if (metadata[key] === undefined) delete metadata[key];
  return { tensors: file.tensors, metadata: metadata as Record<string, string> };
};
const shape = (changes: object) =>
  changed({ generator: JSON.stringify({ ...JSON.parse(file.metadata.generator), ...changes }) });

test.each<[string, () => RunState, string]>([
  ["no architecture", () => changed({ generator: undefined }), "its generator is malformed"],
  ["none that is JSON", () => changed({ generator: "{" }), "its generator is malformed"],
  ["null", () => changed({ generator: "null" }), "its generator is malformed"],
  ["a size that is none", () => shape({ size: 48 }), "its generator is malformed"],
  ["a filter that is a word", () => shape({ smoothFilter: "no" }), "its generator is malformed"],
  ["a smooth filter of nothing", () => shape({ smoothFilter: true, kernel: 1 }), "its generator is malformed"],
  ["other channels", () => shape({ base: 256, z: 4096, size: 128 }), "the tensor g.dense.weight has shape [8,"],
  ["another filter", () => shape({ smoothFilter: true }), "the tensor g.up1.weight has shape [5,5,"],
  ["no step", () => changed({ step: undefined }), "its step is malformed"],
  ["a step that is none", () => changed({ step: "1.5" }), "its step is malformed"],
  ["a seed beyond 32 bits", () => changed({ seed: "4294967296" }), "its seed is malformed"],
  ["a credit that steers the terminal", () => changed({ credit: "\u001b[2J" }), "its credit is malformed"],
  ["a credit of two lines", () => changed({ credit: "a\u2028b" }), "its credit is malformed"],
  ["an endless credit", () => changed({ credit: "a".repeat(301) }), "its credit is malformed"],
  ["another format", () => changed({ format: "catgan generator 2" }), 'expected "catgan 1"'],
  [
    "a tensor missing",
    () => ({ ...file, tensors: new Map([...file.tensors].filter(([name]) => name !== "g.up2.running")) }),
    "the tensor g.up2.running is missing",
  ],
  [
    "a tensor too many",
    () => ({
      ...file,
      tensors: new Map([...file.tensors, ["d.logit.bias", { shape: [1], data: new Float32Array(1) }]]),
    }),
    'it has a tensor "d.logit.bias" that its networks do not use',
  ],
])("%s is refused before anything is built", (_, make, message) => {
  const { stream } = runs.averaged.trainer;
  const { bytes, buffers } = stream.gpu.counts;
  const state = make();
  expect(() => checkDrawable(state)).toThrow(message);
  expect(() => checkDrawable(state)).toThrow(/^checkpoint: [^\n]{1,300}$/);
  expect(() => generatorFrom(stream, state)).toThrow(message);
  expect(stream.gpu.counts).toMatchObject({ bytes, buffers });
});

test("numbers beyond f16 are not rounded to infinity", async () => {
  const { trainer, state } = runs.averaged;
  const weight = state.tensors.get("average.g.rgb.weight")!;
  const tensors = new Map(state.tensors).set("average.g.rgb.weight", { ...weight, data: weight.data.with(0, 7e4) });
  await expect(encodeGenerator(trainer.stream, { ...state, tensors }, { half: true, credit: null })).rejects.toThrow(
    "g.rgb.weight has numbers beyond f16's range: keep it in f32",
  );
});
