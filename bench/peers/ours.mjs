// The step as catgan trains: the library's Trainer, which draws its latents and gathers its pictures on the GPU.

import * as catgan from "../../dist/index.js";

export async function open(gpu) {
  const device = await catgan.Gpu.open(await gpu.requestAdapter());
  const stream = new catgan.Stream(device);
  let trainer;
  let pictures;

  return {
    /** @returns the start: every parameter as { shape, values } by name */
    async begin({ config, pictureCount }) {
      pictures = catgan.paintCats(config.size, pictureCount, config.seed);
      trainer = new catgan.Trainer(stream, config, pictures);
      const start = {};
      for (const { values } of [trainer.model.g, trainer.model.d]) {
        for (const [name, tensor] of values.tensors) {
          start[name] = { shape: tensor.shape, values: await stream.read(tensor) };
        }
      }
      return start;
    },

    /** The real pictures of a step, from 1: [N,H,W,3] in [−1, 1], as the trainer gathers them. */
    pictures(step) {
      const { batch, size } = trainer.config;
      const entries = new Uint32Array(batch);
      trainer.batches.select(step - 1, entries);
      const numbers = size * size * 3;
      const values = new Float32Array(batch * numbers);
      for (const [n, entry] of entries.entries()) {
        for (let i = 0; i < numbers; i++) values[n * numbers + i] = pictures.pixels[entry * numbers + i] / 127.5 - 1;
      }
      return values;
    },

    async step() {
      await trainer.prepare();
      await trainer.trainStep();
      const [{ dLoss, gLoss }] = await trainer.readRecords();
      return { dLoss, gLoss };
    },

    ownBytes: () => device.counts.bytes,
    endTraining: () => trainer.destroy(),

    operations({ x, weight, dy, stride }) {
      const [tx, tweight, tdy] = Object.entries({ x, weight, dy }).map(([name, { shape, values }]) =>
        stream.from(name, shape, values),
      );
      const operation = (compute) => {
        let recording = null;
        let result;
        return {
          async run(repeats) {
            // As a training step does it: recorded once, replayed.
            recording ??= await stream.capture("operation", () => {
              const tape = new catgan.Tape(stream);
              result = tape.noGrad(() => compute(tape));
              tape.reset();
            });
            for (let i = 0; i < repeats; i++) await stream.replay(recording);
            await stream.idle();
          },
          result: () => stream.read(result),
        };
      };
      const { conv2d, conv2dInputGradient, conv2dFilterGradient } = catgan.ops;
      return {
        forward: operation((tape) => conv2d(tape, tx, tweight, null, stride)),
        inputGradient: operation((tape) => conv2dInputGradient(tape, tdy, tweight, null, x.shape, stride)),
        filterGradient: operation((tape) => conv2dFilterGradient(tape, tx, tdy, weight.shape, stride)),
      };
    },
  };
}
