/**
 * Random damage to checkpoints, generator files and CSV tables, for a few seconds in `npm test` and for minutes in
 * `npm run fuzz`. An input that shows a defect is kept in corpus/, and every run begins with those.
 */
import { expect, test } from "vitest";
import { parseTable } from "../../src/cli/run_table.ts";
import { discriminator, generator } from "../../src/nn/dcgan.ts";
import type { ParameterSpec } from "../../src/nn/parameters.ts";
import { checkCheckpoint } from "../../src/train/checkpoint.ts";
import { type Config, presets } from "../../src/train/config.ts";
import { checkDrawable } from "../../src/train/generator_file.ts";
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from "../../src/train/safetensors.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import { mutate } from "../cli/hostile.ts";
import { withoutChecksum } from "../train/without_checksum.ts";
import { fuzz, fuzzSeed, fuzzTimeout, type Property } from "./fuzz.ts";

const config: Config = { ...presets.tiny, size: 16, base: 1, baseD: 1, z: 2, kernel: 2, batch: 2, steps: 9 };
const random = randomNumbers(fuzzSeed);

function tensorsOf(specs: readonly Pick<ParameterSpec, "name" | "shape">[], prefix = ""): [string, NamedTensor][] {
  return specs.map(({ name, shape }) => {
    const size = shape.reduce((product, one) => product * one, 1);
    return [prefix + name, { shape: [...shape], data: Float32Array.from({ length: size }, () => random()) }];
  });
}

const [g, d] = [generator(config), discriminator(config)];
const parameters = [...g.specs, ...d.specs];
const state = new Map([
  ...tensorsOf(parameters),
  ...tensorsOf(parameters, "adam.m."),
  ...tensorsOf(parameters, "adam.v."),
  ...tensorsOf(g.running),
  ...tensorsOf(d.running),
  ...tensorsOf(g.specs, "average."),
]);
const info = {
  config,
  step: 4,
  noise: 4,
  cursor: { epoch: 2, batch: 0 },
  pictures: { fingerprint: "01234567", count: 4, size: 16, source: { data: "painted", fit: "crop" } },
  machine: { adapter: "a GPU", variants: { "conv2d 1": "8x8" } },
};
const metadata = Object.fromEntries(Object.entries(info).map(([key, value]) => [key, JSON.stringify(value)]));
const checkpoint = encodeSafetensors(state, { format: "catgan 1", ...metadata });
const { size, base, z, kernel, slope, smoothFilter } = config;
const generatorFile = encodeSafetensors(new Map([...tensorsOf(g.specs), ...tensorsOf(g.running)]), {
  format: "catgan generator 1",
  generator: JSON.stringify({ size, base, z, kernel, slope, smoothFilter }),
  seed: "1",
  step: "4",
});
const table = new TextEncoder().encode(
  `step,epoch,d_loss,ms\n${Array.from({ length: 20 }, (_, i) => `${i + 1},1,${random()},20.0\n`).join("")}`,
);

/** An error for people: known, and in one line. Everything else is a defect. */
function refuses(work: () => void, message: RegExp): boolean {
  try {
    work();
    return false;
  } catch (error) {
    expect((error as Error).message).toMatch(message);
    return true;
  }
}

const oneLine = /^(safetensors|checkpoint|configuration): [^\n]{1,400}$/;
const known = new Set(["checksum", "format", "generator", "seed", "step", "credit", "config", ...Object.keys(info)]);

const sealed =
  (original: Uint8Array, check: (file: ReturnType<typeof decodeSafetensors>) => void): Property =>
  (input) => {
    const refused = refuses(() => check(decodeSafetensors(input)), oneLine);
    // One in 2³² random files passes by chance; a single injury never does.
    if (!refused) expect(Buffer.from(input).equals(original), "damage was not detected").toBe(true);
  };

const unsealed =
  (check: (file: ReturnType<typeof decodeSafetensors>) => void): Property =>
  (input) => {
    refuses(() => {
      const file = decodeSafetensors(input);
      check(file);
      for (const { shape, data } of file.tensors.values()) {
        expect(data).toHaveLength(shape.reduce((product, one) => product * one, 1));
      }
      expect(Object.keys(file.metadata).filter((key) => !known.has(key))).toEqual([]);
    }, oneLine);
  };

const targets: [name: string, original: Uint8Array, holds: Property][] = [
  ["checkpoint", checkpoint, sealed(checkpoint, (file) => void checkCheckpoint(file, "run"))],
  ["generator", generatorFile, sealed(generatorFile, (file) => void checkDrawable(file))],
  [
    "checkpoint-without-checksum",
    withoutChecksum(checkpoint),
    unsealed((file) => {
      checkCheckpoint(file, "run");
      for (const [name, { data }] of file.tensors) {
        expect(data.every(Number.isFinite), name).toBe(true);
        if (name.startsWith("adam.v.")) expect(Math.min(...data), name).toBeGreaterThanOrEqual(0);
      }
    }),
  ],
  ["generator-without-checksum", withoutChecksum(generatorFile), unsealed((file) => void checkDrawable(file))],
  [
    "table",
    table,
    (input) => {
      const { rows, unreadable } = parseTable(input, ["step", "epoch", "d_loss", "ms"]);
      for (const row of rows) expect(Number.isSafeInteger(Number(row.step))).toBe(true);
      expect(unreadable).toBeGreaterThanOrEqual(0);
    },
  ],
];

test.each(targets)("%s", { timeout: fuzzTimeout }, async (name, original, holds) => {
  await fuzz(name, original, mutate, random, holds);
});

test("the checks themselves can fail: a reader that does not verify is detected", () => {
  const lax = sealed(checkpoint, () => {});
  const stripped = withoutChecksum(checkpoint);
  expect(() => lax(stripped)).toThrow("damage was not detected");
});
