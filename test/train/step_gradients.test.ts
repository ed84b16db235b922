/** Whole training steps: the gradients of D and G, compared with finite differences of the same losses in f64. */
import { expect, test } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import type { Stream } from "../../src/gpu/stream.ts";
import type { Arena, Trainable } from "../../src/nn/parameters.ts";
import { purposes } from "../../src/random/noise_key.ts";
import { uniform } from "../../src/random/philox.ts";
import { gatherPictures } from "../../src/reference/pictures.ts";
import type { Config } from "../../src/train/config.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import { testStream } from "../kernels/gpu.ts";
import { ReferenceStep, singularVectors } from "./reference_step.ts";
import { smallConfig } from "./small_run.ts";

const cats = paintCats(16, 13, 5);
/** So small that a leaky ReLU's kink hardly ever lies within. */
const epsilon = 1e-7;
const elementsEach = 4;

async function read(stream: Stream, { tensors }: Arena): Promise<Map<string, Float32Array>> {
  const numbers = new Map<string, Float32Array>();
  for (const [name, tensor] of tensors) numbers.set(name, await stream.read(tensor));
  return numbers;
}

/** Checks some elements of every trained parameter: the one with the largest gradient and a few at random. */
function expectGradients(
  { specs }: Trainable,
  values: ReadonlyMap<string, Float32Array>,
  gradients: ReadonlyMap<string, Float32Array>,
  loss: (values: Map<string, ArrayLike<number>>) => number,
) {
  const next = randomNumbers(11);
  for (const { name, fixed } of specs) {
    if (fixed) continue;
    const gradient = gradients.get(name)!;
    const steepest = gradient.reduce((best, value, i) => (Math.abs(value) > Math.abs(gradient[best]) ? i : best), 0);
    const scale = Math.abs(gradient[steepest]);
    expect(scale, name).toBeGreaterThan(0);
    const places = [steepest, ...Array.from({ length: elementsEach }, () => Math.floor(next() * gradient.length))];
    for (const i of new Set(places)) {
      const at = (change: number) => {
        const moved = Float64Array.from(values.get(name)!);
        moved[i] += change;
        return loss(new Map<string, ArrayLike<number>>([...values, [name, moved]]));
      };
      const expected = (at(epsilon) - at(-epsilon)) / (2 * epsilon);
      const error = Math.abs(gradient[i] - expected);
      if (!(error <= 1e-3 * Math.abs(expected) + 1e-4 * scale)) {
        expect.fail(`${name}[${i}]: ${gradient[i]}, expected ${expected}; the largest is ${scale}`);
      }
    }
  }
}

const variants: [what: string, changes: Partial<Config>][] = [
  ["cross-entropy with smoothing", { r1: 0, smoothing: 0.1 }],
  ["cross-entropy with R1", { r1: 1, r1Every: 3 }],
  ["cross-entropy, smooth filter", { r1: 0, smoothFilter: true }],
  ["hinge", { loss: "hinge", r1: 0 }],
  ["hinge with R1", { loss: "hinge", r1: 0.5, r1Every: 2 }],
  ["hinge with batch-norm in D", { loss: "hinge", normD: "batch", r1: 0 }],
  ["relativistic", { loss: "relativistic", r1: 0 }],
  ["cross-entropy with R2 alone", { r1: 0, r2: 0.5, r1Every: 2 }],
  ["relativistic with R1 and R2", { loss: "relativistic", r1: 2, r2: 0.7, r1Every: 1 }],
  ["minibatch stddev", { minibatchStddev: true, r1: 0 }],
  ["minibatch stddev with batch-norm in D", { minibatchStddev: true, normD: "batch", r1: 0, batch: 3 }],
  ["minibatch stddev with R1 and R2, two groups", { minibatchStddev: true, r1: 1, r2: 0.5, r1Every: 2, batch: 8 }],
  ["everything", { loss: "relativistic", minibatchStddev: true, spectralNormD: true, r1: 1, r2: 1, r1Every: 1 }],
  ["spectral norm, hinge", { spectralNormD: true, loss: "hinge", r1: 0 }],
  ["spectral norm, cross-entropy with R1 and R2", { spectralNormD: true, r1: 1, r2: 0.5, r1Every: 2 }],
  ["relativistic with batch-norm in D", { loss: "relativistic", normD: "batch", r1: 0 }],
];

test.each(variants)("%s", async (_, changes) => {
  const config = { ...smallConfig, ...changes };
  const stream = await testStream();
  const trainer = new Trainer(stream, config, cats);
  const { batch, z, seed } = config;
  // D as if it had learned: scores on both sides, some beyond the margin.
  const next = randomNumbers(3);
  for (const { name, shape } of trainer.model.d.specs) {
    const tensor = trainer.model.d.values.get(name);
    const fanIn = tensor.size / shape[shape.length - 1];
    const [middle, width] = name.endsWith("gamma")
      ? [1, 0.5]
      : name.endsWith("weight")
        ? [0, 3 / fanIn ** 0.5]
        : [0, 1];
    stream.write(
      tensor,
      Float32Array.from({ length: tensor.size }, () => middle + width * (2 * next() - 1)),
    );
  }
  await trainer.prepare();
  const [g, d] = [await read(stream, trainer.model.g.values), await read(stream, trainer.model.d.values)];
  const u = trainer.model.singular ? await read(stream, trainer.model.singular) : new Map<string, Float32Array>();
  await trainer.trainStep();
  const [record] = await trainer.readRecords();

  const entries = new Uint32Array(batch);
  trainer.batches.select(0, entries);
  const real = gatherPictures(cats.pixels, entries, new Uint8Array(batch), config.size);
  const latents = uniform(batch * z, { seed, purpose: purposes.latent, step: 1 }, -1, 1);
  const reference = new ReferenceStep(config, real, latents, singularVectors(d, u));
  const fakes = reference.fakes(g);
  expectGradients(trainer.model.d, d, await read(stream, trainer.model.d.gradients), (values) =>
    reference.dLoss(values, fakes),
  );
  const after = await read(stream, trainer.model.d.values);
  expectGradients(trainer.model.g, g, await read(stream, trainer.model.g.gradients), (values) =>
    reference.gLoss(values, after),
  );

  // And the losses themselves. The penalty is recorded separately.
  const dLoss = reference.dLoss(d, fakes) - config.r1Every * record.penalty;
  expect(Math.abs(record.dLoss - dLoss)).toBeLessThan(1e-4 * Math.max(1, Math.abs(dLoss)));
  expect(Math.abs(record.gLoss - reference.gLoss(g, after))).toBeLessThan(1e-4 * Math.max(1, Math.abs(record.gLoss)));
  trainer.destroy();
});
