/**
 * Runs whose every bit is known: 20 steps each, all losses and all numbers of the checkpoint. A change of the code that is
 * not meant to change numbers leaves them as they are.
 *
 * Adapters round differently, and so may CPUs that a software adapter compiles for. On a CPU on which nothing was
 * recorded, other numbers are no failure: they are said and skipped. To record them after a change of numbers that is
 * meant: CATGAN_RECORD=1 npx vitest run test/train/golden.test.ts
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { afterAll, expect, test } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import { type Config, presets } from "../../src/train/config.ts";
import { saveState } from "../../src/train/save_restore.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { testStream } from "../kernels/gpu.ts";

const steps = 20;
const small = { size: 16, steps } as const;

const runs: Record<string, Config> = {
  tiny: { ...presets.tiny, steps },
  "steady at 16×16": { ...presets.steady, ...small, r1Every: 4 },
  "article at 16×16": { ...presets.article, ...small, base: 16, baseD: 16, batch: 8, normDFirst: true, epochs: null },
  "article at 16×16, with everything that goes with R1": {
    ...presets.article,
    ...small,
    base: 16,
    baseD: 16,
    batch: 8,
    normD: "none",
    spectralNormD: true,
    minibatchStddev: true,
    loss: "hinge",
    r1: 1,
    r2: 1,
    r1Every: 4,
    ema: 0.9,
    flips: true,
    augment: "color,translation,cutout",
    lrDecayFrom: 10,
    lrDecaySteps: 5,
    epochs: null,
  },
};

/** Adapter → run → SHA-256, and the CPUs on which they were recorded. */
interface Golden {
  cpus: string[];
  hashes: Record<string, Record<string, string>>;
}

const path = new URL("golden.json", import.meta.url);
const golden: Golden = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : { cpus: [], hashes: {} };
const recording = process.env.CATGAN_RECORD !== undefined;
const cpu = cpuName();

/** Names alone stand for many generations. */
function cpuName(): string {
  const name = cpus()[0]?.model ?? process.arch;
  if (process.platform !== "linux") return name;
  const info = readFileSync("/proc/cpuinfo", "utf8");
  const numbers = ["cpu family", "model", "stepping"].map(
    (key) => new RegExp(`^${key}\\s*: (.*)$`, "m").exec(info)?.[1],
  );
  return `${name} ${numbers.join(".")}`;
}

afterAll(() => {
  if (!recording) return;
  if (!golden.cpus.includes(cpu)) golden.cpus.push(cpu);
  writeFileSync(path, `${JSON.stringify(golden, null, 2)}\n`);
});

test.each(Object.entries(runs))(
  "%s: every loss and every number as recorded",
  async (name, config) => {
    const stream = await testStream();
    const trainer = new Trainer(stream, config, paintCats(config.size, 64, 3));
    await trainer.prepare();
    const hash = createHash("sha256");
    for (let step = 0; step < steps; step++) {
      await trainer.trainStep();
      for (const { dLoss, gLoss, dReal, dFake, penalty } of await trainer.readRecords()) {
        hash.update(Float32Array.of(dLoss, gLoss, dReal, dFake, penalty));
      }
    }
    const { tensors } = await saveState(trainer, { data: "painted", fit: "crop" });
    for (const [tensor, { shape, data }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
      hash.update(`${tensor} ${shape}`).update(data);
    }
    trainer.destroy();
    const found = hash.digest("hex");
    const adapter = stream.gpu.name;
    if (recording) {
      golden.hashes[adapter] = { ...golden.hashes[adapter], [name]: found };
      return;
    }
    const expected = golden.hashes[adapter]?.[name];
    if (found !== expected && !(golden.cpus.includes(cpu) && expected !== undefined)) {
      console.warn(`golden runs: nothing was recorded for ${adapter} on ${cpu}, or it rounds differently`);
      return;
    }
    expect(found).toBe(expected);
  },
  600_000,
);
