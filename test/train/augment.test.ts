/** A step with augmentation against the same step done eagerly, where the reference implementation augments. */
import { expect, test, vi } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { noiseUniform } from "../../src/kernels/noise.ts";
import { sumOfSquares } from "../../src/nn/ops.ts";
import { Tape } from "../../src/nn/tape.ts";
import { purposes } from "../../src/random/noise_key.ts";
import { augment, augmentGradient, randomAugmentations } from "../../src/reference/augment.ts";
import { gatherPictures } from "../../src/reference/pictures.ts";
import { type Config, presets } from "../../src/train/config.ts";
import { type Side, scoreLosses } from "../../src/train/losses.ts";
import { planTraining } from "../../src/train/plan.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { testStream } from "../kernels/gpu.ts";

const config: Config = {
  ...presets.tiny,
  size: 16,
  base: 4,
  baseD: 4,
  batch: 4,
  z: 8,
  r1: 0.7,
  augment: "color,translation,cutout",
};
const { size, batch, seed } = config;
const pictures = paintCats(size, 9, 5);

function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number) {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(...Array.from(expected, Math.abs));
  for (let i = 0; i < actual.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    if (!(error <= tolerance * scale)) expect.fail(`element ${i}: ${actual[i]}, expected ${expected[i]}`);
  }
}

const games: [name: string, changes: Partial<Config>][] = [
  ["with R1", { r1Every: 1 }],
  ["without a penalty", { r1Every: 2 }],
  ["relativistic, R1 and R2", { loss: "relativistic", r2: 0.4, r1Every: 1 }],
  ["relativistic, without a penalty", { loss: "relativistic", r1Every: 2 }],
];

test.each(games)("D sees real and fake pictures changed by rows of their own, G others: %s", async (_, changes) => {
  const stream = await testStream();
  const played = { ...config, ...changes };
  const { r1, r2, r1Every } = played;
  const trainer = new Trainer(stream, played, pictures);
  await trainer.prepare();
  // The first step has the penalty: without it, the second is looked at.
  const before = r1Every - 1;
  for (let i = 0; i < before; i++) await trainer.trainStep();
  const [g, d] = [trainer.model.g.values.all, trainer.model.d.values.all];
  const numbersOf = async (tensor: Tensor) => Float32Array.from(await stream.read(tensor));
  const start = { g: await numbersOf(g), d: await numbersOf(d) };
  await trainer.trainStep();
  const record = (await trainer.readRecords())[before];
  const gradients = await stream.read(trainer.model.g.gradients.all);

  // The same step by hand. G and what it draws:
  const step = before + 1;
  const learned = await numbersOf(d);
  stream.write(g, start.g);
  stream.write(d, start.d);
  const tape = new Tape(stream);
  const counter = stream.persistent("step", [4]);
  stream.write(counter, Uint32Array.of(step, 0, 0, 0));
  const z = stream.persistent("latents", [batch, config.z]);
  noiseUniform(stream, counter, z, { seed, purpose: purposes.latent, at: 0 }, -1, 1);
  const fake = trainer.model.generator.forward(tape, z, trainer.model.g.values, { by: "batch" });
  // What D sees:
  const key = { seed, purpose: purposes.augmentation, step };
  const done = randomAugmentations(4 * batch, key, size, { color: true, translation: true, cutout: true });
  const entries = new Uint32Array(batch);
  trainer.batches.select(before, entries);
  const real = gatherPictures(pictures.pixels, entries, new Uint8Array(batch), size);
  const drawn = await stream.read(fake);
  const upload = (row: number, x: ArrayLike<number>) =>
    stream.from("seen", fake.shape, augment(x, done.slice(row, row + batch), size));
  const judge = (x: Tensor) => trainer.model.discriminator.forward(tape, x, trainer.model.d.values, { by: "batch" });
  const lossOf = (side: Side, scores: Tensor, opposite: Tensor) => scoreLosses(tape, played, scores, [side], opposite);
  const [seenReal, seenFake] = [upload(0, real), upload(batch, drawn)];
  const [byReal, byFake] = [judge(seenReal), judge(seenFake)];
  const [onReal, onFake] = [lossOf("D(real)", byReal, byFake), lossOf("D(fake)", byFake, byReal)];
  const [realLoss, realScore] = await stream.read(onReal.losses);
  const [fakeLoss, fakeScore] = await stream.read(onFake.losses);
  expectNear([record.dLoss, record.dReal, record.dFake], [realLoss + fakeLoss, realScore, fakeScore], 1e-5);
  const ones = stream.from("ones", [batch, 1], new Float32Array(batch).fill(1));
  const steepness = async (y: Tensor, x: Tensor) => {
    const [gradient] = tape.gradients([{ y, dy: ones }], [x]);
    return (await stream.read(sumOfSquares(tape, gradient, 1 / (2 * batch))))[0];
  };
  const penalty = r1 * (await steepness(byReal, seenReal)) + r2 * (await steepness(byFake, seenFake));
  expectNear([record.penalty], [r1Every === 1 ? penalty : 0], 1e-4);

  // G, by the D that has learned.
  stream.write(d, learned);
  const seen = upload(2 * batch, drawn);
  const beside = judge(upload(3 * batch, real));
  const fooled = lossOf("G", judge(seen), beside);
  expectNear([record.gLoss], [(await stream.read(fooled.losses))[0]], 1e-5);
  const [dSeen] = tape.gradients([fooled.root], [seen]);
  const dFake = augmentGradient(await stream.read(dSeen), done.slice(2 * batch, 3 * batch), size);
  tape.gradientsInto([{ y: fake, dy: stream.from("dFake", fake.shape, dFake) }], trainer.model.g.sinks);
  expectNear(gradients, await stream.read(trainer.model.g.gradients.all), 1e-4);
  // Control: by the changes that D has seen the loss is another, by ten times what is allowed above.
  const [other] = await stream.read(lossOf("G", judge(seenFake), beside).losses);
  expect(Math.abs(other - record.gLoss)).toBeGreaterThan(1e-4);
  tape.reset();
  trainer.destroy();
});

test("a few more dispatches, seven with colour and four without; none when off", async () => {
  const endless = { bufferBytes: 2 ** 40, bindingBytes: 2 ** 40, software: false };
  const dispatches = async (augment: string) =>
    (await planTraining({ ...presets.tiny, augment }, endless)).dispatchesPerStep;
  const none = await dispatches("none");
  expect((await dispatches("translation,cutout")) - none).toBe(4);
  expect((await dispatches("color,translation")) - none).toBe(7);
});

test("the plan matches training with augmentation", async () => {
  const { gpu } = await testStream();
  const before = gpu.counts.bytes;
  const stream = await testStream();
  const trainer = new Trainer(stream, config, pictures);
  await trainer.prepare();
  const taken = gpu.counts.bytes - before - trainer.batches.pixels.buffer.size;
  const create = vi.spyOn(gpu, "createBuffer");
  for (let i = 0; i < 3; i++) await trainer.trainStep();
  expect(create).not.toHaveBeenCalled();
  create.mockRestore();
  const plan = await planTraining(config, { ...gpu.limits, software: gpu.software });
  const plain = await planTraining({ ...config, augment: "none" }, { ...gpu.limits, software: gpu.software });
  expect(plan.bytes).toBeGreaterThan(plain.bytes);
  expect(taken).toBeLessThan(plan.bytes);
  expect(stream.liveTemporaries).toBe(0);
  trainer.destroy();
});
