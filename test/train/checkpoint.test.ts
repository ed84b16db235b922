import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import type { Pictures } from "../../src/data/pictures.ts";
import { type CheckpointInfo, checkCheckpoint, checkpointInfo, type RunState } from "../../src/train/checkpoint.ts";
import { DivergedError } from "../../src/train/diverged.ts";
import { generatorFrom } from "../../src/train/generator_file.ts";
import { decodeSafetensors } from "../../src/train/safetensors.ts";
import { comparePictures, matchWarning } from "../../src/train/same_run.ts";
import { Sampler } from "../../src/train/sampler.ts";
import { encodeCheckpoint, restore, saveState } from "../../src/train/save_restore.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import { smallConfig, smallTrainer, source } from "./small_run.ts";

let trainer: Trainer;
let state: RunState;

beforeAll(async () => {
  trainer = await smallTrainer();
  for (let i = 0; i < 4; i++) await trainer.trainStep();
  state = await saveState(trainer, source);
});

afterAll(() => trainer.destroy());

test("holds everything a run needs, under these names", () => {
  const names = [...state.tensors.keys()];
  const parameters = [...trainer.model.generator.specs, ...trainer.model.discriminator.specs].map(({ name }) => name);
  const averages = trainer.model.generator.specs.map(({ name }) => `average.${name}`);
  const moments = parameters.flatMap((name) => [`adam.m.${name}`, `adam.v.${name}`]);
  const running = trainer.model.generator.running.map(({ name }) => name);
  expect(names.sort()).toEqual([...parameters, ...moments, ...averages, ...running].sort());
  expect(state.tensors.get("g.rgb.weight")!.shape).toEqual([5, 5, 3, 4]);
  expect(state.tensors.get("g.up1.running")!.shape).toEqual([3, 8]);
});

test("its metadata say what it is", () => {
  expect(state.metadata.format).toBe("catgan 1");
  expect(checkpointInfo(state.metadata)).toEqual({
    config: smallConfig,
    step: 4,
    pictures: { fingerprint: trainer.dataFingerprint, identity: null, count: 13, size: 16, source },
    machine: {
      adapter: trainer.stream.gpu.name,
      variants: Object.fromEntries(trainer.stream.choices.used),
    },
  });
  // Of no use to this version, but earlier ones require them.
  expect(state.metadata).toMatchObject({ noise: "4", cursor: '{"epoch":1,"batch":1}' });
  const { machine: _, ...earlier } = state.metadata;
  expect(checkpointInfo(earlier).machine).toBeNull();
});

test("the file holds the state", async () => {
  const decoded = decodeSafetensors(await encodeCheckpoint(trainer, source));
  expect(decoded.metadata).toEqual(state.metadata);
  expect(decoded.tensors).toEqual(state.tensors);
  expect(decoded.verified).toBe(true);
});

const changed = (change: (state: RunState) => void): RunState => {
  const copy = { tensors: new Map(state.tensors), metadata: { ...state.metadata } };
  change(copy);
  return copy;
};
const changedInfo = (key: string, change: (value: never) => void): RunState =>
  changed(({ metadata }) => {
    const value = JSON.parse(metadata[key]);
    change(value as never);
    metadata[key] = JSON.stringify(value);
  });

const bad: [what: string, make: () => RunState, message: string][] = [
  ["no format", () => changed(({ metadata }) => delete metadata.format), 'format is missing, expected "catgan 1"'],
  ["another format", () => changed(({ metadata }) => (metadata.format = "pt")), 'format is "pt"'],
  ["no step", () => changed(({ metadata }) => delete metadata.step), "its step is missing"],
  ["a step below 0", () => changed(({ metadata }) => (metadata.step = "-1")), "its step is malformed"],
  ["a step that is no JSON", () => changed(({ metadata }) => (metadata.step = "{")), "its step is malformed"],
  [
    "another noise counter",
    () => changed(({ metadata }) => (metadata.noise = "5")),
    "its noise does not match its step 4",
  ],
  [
    "another cursor",
    () => changedInfo("cursor", (c: { batch: number }) => c.batch++),
    "its cursor does not match its step 4",
  ],
  ["no cursor", () => changed(({ metadata }) => delete metadata.cursor), "its cursor is missing"],
  ["a malformed configuration", () => changed(({ metadata }) => (metadata.config = "[]")), "expected an object"],
  [
    "another configuration",
    () => changedInfo("config", (c: { lrD: number }) => (c.lrD = 0.5)),
    "it has lrD 0.5, this run has 0.001",
  ],
  ["another seed", () => changedInfo("config", (c: { seed: number }) => (c.seed = 2)), "it has seed 2, this run has 1"],
  [
    "other pictures",
    () => changedInfo("pictures", (p: { fingerprint: string }) => (p.fingerprint = "00000000")),
    "trained on other pictures",
  ],
  [
    "a fingerprint of another kind",
    () => changedInfo("pictures", (p: { fingerprint: string }) => (p.fingerprint = "0")),
    "its pictures is malformed",
  ],
  ["fewer pictures", () => changedInfo("pictures", (p: { count: number }) => p.count--), "12 of 16×16"],
  [
    "fewer pictures than a batch",
    () => changedInfo("pictures", (p: { count: number }) => (p.count = 3)),
    "its pictures",
  ],
  ["pictures of another size", () => changedInfo("pictures", (p: { size: number }) => (p.size = 32)), "its pictures"],
  ["other networks", () => changedInfo("config", (c: { base: number }) => (c.base = 256)), "expected [8,16384]"],
  ["no machine's name", () => changed(({ metadata }) => (metadata.machine = "{}")), "its machine is malformed"],
  ["no source", () => changedInfo("pictures", (p: { source: null }) => (p.source = null)), "its pictures is malformed"],
  [
    "a tensor missing",
    () => changed(({ tensors }) => tensors.delete("adam.v.d.conv1.bias")),
    "adam.v.d.conv1.bias is missing",
  ],
  ["no average", () => changed(({ tensors }) => tensors.delete("average.g.rgb.bias")), "average.g.rgb.bias is missing"],
  ["no statistics", () => changed(({ tensors }) => tensors.delete("g.up1.running")), "g.up1.running is missing"],
  [
    "a tensor too many",
    () => changed(({ tensors }) => tensors.set("extra", { shape: [1], data: new Float32Array(1) })),
    'it has a tensor "extra" that its networks do not use',
  ],
  [
    "another shape",
    () => changed(({ tensors }) => tensors.set("g.rgb.bias", { shape: [3, 1], data: new Float32Array(3) })),
    "g.rgb.bias has shape [3,1], expected [3]",
  ],
  [
    "NaN, which no run saves",
    () => changed(({ tensors }) => tensors.set("g.rgb.bias", { shape: [3], data: Float32Array.of(0, Number.NaN, 0) })),
    "g.rgb.bias has numbers that are not finite: the file is damaged",
  ],
  [
    "an infinity",
    () =>
      changed(({ tensors }) => tensors.set("adam.m.g.rgb.bias", { shape: [3], data: Float32Array.of(0, 0, -1 / 0) })),
    "adam.m.g.rgb.bias has numbers that are not finite: the file is damaged",
  ],
  [
    "a negative mean of squares",
    () =>
      changed(({ tensors }) => tensors.set("adam.v.g.rgb.bias", { shape: [3], data: Float32Array.of(0, -1e-9, 0) })),
    "adam.v.g.rgb.bias, a mean of squares, has negative numbers: the file is damaged",
  ],
  [
    "an entry that nobody reads",
    () => changed(({ metadata }) => (metadata.chekcsum = "crc32:00000000")),
    'an unknown entry "chekcsum": damaged, or written by a newer version',
  ],
];

test.each(bad)("refuses %s and leaves the trainer as it was", async (_, make, message) => {
  expect(() => restore(trainer, make())).toThrow(message);
  expect(() => restore(trainer, make())).toThrow(/^[^\n]+$/);
  expect(trainer.step).toBe(4);
});

test("a refusal uploads nothing", async () => {
  expect((await saveState(trainer, source)).tensors).toEqual(state.tensors);
});

test("4,000 mutations of the metadata: each is refused in one line, or fits the tensors", () => {
  const random = randomNumbers(4);
  const below = (bound: number) => Math.floor(random() * bound);
  const words = ["null", "-1", "0", "0.5", "4294967295", "1e99", "[]", "{}", "{", '"x"', "true", '"\\n"', "256", "128"];
  const keys = Object.keys(state.metadata);
  const mutate = (metadata: Record<string, string>) => {
    const key = keys[below(keys.length)];
    const text = metadata[key] ?? "";
    const values = [...text.matchAll(/"[^"]*"|[0-9.e-]+|[a-z]+/g)];
    const target = values[below(values.length)];
    const at = below(text.length);
    switch (below(8)) {
      case 0:
        delete metadata[key];
        break;
      case 1:
        metadata[key] = words[below(words.length)];
        break;
      case 2:
        metadata[key] = text.slice(0, at) + String.fromCharCode(below(128)) + text.slice(at + 1);
        break;
      case 3:
        metadata[key] = text.slice(0, at);
        break;
      default:
        if (!target) break;
        metadata[key] =
          text.slice(0, target.index) + words[below(words.length)] + text.slice(target.index + target[0].length);
    }
  };
  let accepted = 0;
  const refusals = new Set<string>();
  for (let i = 0; i < 4000; i++) {
    const { tensors, metadata } = changed(({ metadata }) => {
      for (let left = 1 + below(3); left > 0; left--) mutate(metadata);
    });
    for (const part of ["run", "generator"] as const) {
      try {
        const { config, pictures } = checkCheckpoint({ tensors, metadata }, part);
        // What is then built follows from these: no more than the file has.
        expect([config.size, config.base, config.z]).toEqual([16, 4, 8]);
        expect(pictures.count).toBeGreaterThanOrEqual(config.batch);
        if (part === "run") expect([config.baseD, config.ema > 0]).toEqual([4, true]);
        accepted++;
      } catch (error) {
        expect((error as Error).message).toMatch(/^(checkpoint|configuration): [^\n]{1,300}$/);
        refusals.add((error as Error).message.replace(/[0-9]+|".*"/g, ""));
      }
    }
  }
  // Both outcomes have to be common. Most mutations of counters and fingerprints are refused.
  expect(accepted).toBeGreaterThan(100);
  expect(refusals.size).toBeGreaterThan(30);
});

test("an absurdly large shape is refused before anything is built", () => {
  const { bytes, buffers } = trainer.stream.gpu.counts;
  const huge = changedInfo("config", (config: object) => Object.assign(config, { size: 128, base: 256, z: 4096 }));
  const pictures = JSON.stringify({ ...JSON.parse(huge.metadata.pictures), size: 128 });
  const made = { tensors: huge.tensors, metadata: { ...huge.metadata, pictures } };
  expect(() => generatorFrom(trainer.stream, made)).toThrow("g.dense.weight has shape [8,");
  expect(trainer.stream.gpu.counts).toMatchObject({ bytes, buffers });
});

test("length and cadence may change", () => {
  const other = changedInfo("config", (config: object) =>
    Object.assign(config, { steps: null, epochs: 9, sampleEvery: 1, saveEvery: 0 }),
  );
  expect(() => restore(trainer, other)).not.toThrow();
});

test("other pictures of the same number and size are refused", async () => {
  const other = await smallTrainer({}, paintCats(16, 13, 6));
  expect(() => restore(other, state)).toThrow("trained on other pictures");
  other.destroy();
});

describe("photographs", () => {
  const [ours, others] = ["1f".repeat(32), "2e".repeat(32)];
  const fingerprint = "0000abcd";
  const there = (identity: string | null, data = "cats.zip"): CheckpointInfo => ({
    ...checkpointInfo(state.metadata),
    pictures: { fingerprint, identity, count: 13, size: 16, source: { data, fit: "crop" } },
  });
  const here = (identity?: string): Pictures => ({
    size: 16,
    count: 13,
    pixels: new Uint8Array(13 * 768),
    ...(identity !== undefined && { identity }),
  });

  test.each([
    ["the same files and pixels", ours, ours, fingerprint, "same pixels"],
    ["other files that hold the same pixels, as PNGs of catgan prepare do", ours, others, fingerprint, "same pixels"],
    ["the same files, decoded differently", ours, ours, "11111111", "same files"],
    ["an earlier version's checkpoint, same pixels", null, ours, fingerprint, "same pixels"],
    ["an earlier version's checkpoint, decoded differently", null, ours, "11111111", "unknown"],
  ])("%s", (_, identity, found, print, match) => {
    expect(comparePictures(there(identity), here(found), print)).toBe(match);
    expect(matchWarning(comparePictures(there(identity), here(found), print)) === null).toBe(match === "same pixels");
  });

  test("others are refused", () => {
    const refused = (info: CheckpointInfo, pictures: Pictures, print = "11111111") =>
      expect(() => comparePictures(info, pictures, print));
    refused(there(ours), here(others)).toThrow(
      "checkpoint: it was trained on other pictures: it has 13 of 16×16 (1f1f1f1f), this run has 13 of 16×16 (2e2e2e2e)",
    );
    refused(there(ours), { ...here(ours), count: 12 }, fingerprint).toThrow("13 of 16×16 (1f1f");
    refused(there(null), { ...here(ours), size: 32 }).toThrow(
      "it has 13 of 16×16 (0000abcd), this run has 13 of 32×32 (1f1f1f1f)",
    );
  });

  test("a painted run continues only with painted cats", () => {
    expect(() => comparePictures(there(null, "painted"), here(ours), "11111111")).toThrow("trained on other pictures");
    expect(() => comparePictures(there(null, "painted"), here(), "11111111")).toThrow("trained on other pictures");
    expect(() => comparePictures(there(ours), here(), "11111111")).toThrow("trained on other pictures");
  });

  test("their identity is kept in the checkpoint", async () => {
    const trained = await smallTrainer({}, { ...paintCats(16, 13, 5), identity: ours });
    const saved = await saveState(trained, { data: "cats.zip", fit: "crop" });
    expect(checkpointInfo(saved.metadata).pictures.identity).toBe(ours);
    trained.destroy();
    // In files of earlier versions there is none.
    const { identity: _, ...earlier } = JSON.parse(saved.metadata.pictures);
    const metadata = { ...saved.metadata, pictures: JSON.stringify(earlier) };
    expect(checkpointInfo(metadata).pictures.identity).toBeNull();
    for (const identity of [7, "", ours.toUpperCase(), ours.slice(1)]) {
      const malformed = { ...saved.metadata, pictures: JSON.stringify({ ...earlier, identity }) };
      expect(() => checkpointInfo(malformed)).toThrow("checkpoint: its pictures is malformed");
    }
  });
});

test("a state with numbers that are not finite is not saved", async () => {
  const broken = await smallTrainer();
  broken.stream.write(broken.model.g.values.get("g.up1.weight"), Float32Array.of(Number.NaN, 0, 0, 0));
  await expect(saveState(broken, source)).rejects.toThrow(DivergedError);
  await expect(saveState(broken, source)).rejects.toThrow("g.up1.weight has numbers that are not finite");
  broken.destroy();
});

test.each([0.97, 0])("a generator by itself draws what the run's own preview shows, EMA %f", async (ema) => {
  const run = await smallTrainer({ ema });
  for (let i = 0; i < 3; i++) await run.trainStep();
  const expected = await run.sampler(6, 7).draw();
  const { tensors, metadata } = await saveState(run, source);
  run.destroy();
  // No training state is needed.
  for (const name of tensors.keys()) if (/^(adam|d)\./.test(name)) tensors.delete(name);
  const { network, parameters, running } = generatorFrom(run.stream, { tensors, metadata });
  expect(running === null).toBe(ema > 0);
  const sampler = new Sampler(run.stream, network, { parameters, running, n: 6, seed: 7 });
  expect(await sampler.draw()).toEqual(expected);
  expect(new Set(expected.pixels).size).toBeGreaterThan(20);
  // Another part of the seed's pictures is others, and the first comes back.
  expect(await sampler.draw(1)).not.toEqual(expected);
  expect(await sampler.draw()).toEqual(expected);
});

test("a generator without its parameters is refused", () => {
  expect(() => generatorFrom(trainer.stream, { tensors: new Map(), metadata: state.metadata })).toThrow(
    "checkpoint: the tensor average.g.dense.weight is missing",
  );
});
