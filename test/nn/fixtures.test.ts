/**
 * Ten training steps against TensorFlow.js' (bench/peers/make_fixtures.mjs), from the same start: in the two forms that the
 * trainer has, D's halves together and apart.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { adam, adamRate } from "../../src/kernels/adam.ts";
import { sigmoidCrossEntropyBoth } from "../../src/kernels/loss.ts";
import { discriminator, generator } from "../../src/nn/dcgan.ts";
import { type Arena, Trainable } from "../../src/nn/parameters.ts";
import { Tape } from "../../src/nn/tape.ts";
import { decodeSafetensors } from "../../src/train/safetensors.ts";
import { testStream } from "../kernels/gpu.ts";

/** |actual − expected| <= atol + rtol·|expected| at every element; NaN fails. */
function expectClose(name: string, actual: Float32Array, expected: Float32Array, atol: number, rtol: number) {
  expect(actual.length, name).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    if (!(error <= atol + rtol * Math.abs(expected[i]))) {
      expect.fail(`${name}[${i}] is ${actual[i]}, expected ${expected[i]}: off by ${error}`);
    }
  }
}

// Before a batch-norm a bias has gradient 0 in mathematics, and here it is not computed; what TensorFlow.js computes is
// rounding noise, and Adam turns its sign into whole steps. No loss depends on them.
const withoutGradient: Record<string, string[]> = {
  article: ["g.up1.bias", "g.up2.bias", "d.conv2.bias"],
  plain: ["g.up1.bias", "g.up2.bias"],
};

test.each([
  ["article", "together"],
  ["article", "apart"],
  ["plain", "together"],
  ["plain", "apart"],
])("%s, D's halves %s: losses, gradients and parameters are those of TensorFlow.js", async (kind, halves) => {
  const url = new URL(`../fixtures/dcgan_${kind}.safetensors`, import.meta.url);
  const { tensors, metadata } = decodeSafetensors(readFileSync(url));
  const { normD, ...config } = JSON.parse(metadata.config);
  const architecture = {
    ...config,
    normD: normD ? "batch" : "none",
    normDFirst: false,
    minibatchStddev: false,
    smoothFilter: false,
  };
  const stream = await testStream();
  const G = generator(architecture);
  const D = discriminator(architecture);
  const g = new Trainable(stream, "G", G.specs);
  const d = new Trainable(stream, "D", D.specs);
  const arenas: [Arena, Arena][] = [
    [g.values, g.gradients],
    [d.values, d.gradients],
  ];
  for (const [values] of arenas) {
    for (const [name, tensor] of values.tensors) {
      const start = tensors.get(`start.${name}`)!;
      expect(start.shape, name).toEqual(tensor.shape);
      stream.write(tensor, start.data as Float32Array<ArrayBuffer>);
    }
  }
  const { batch, z, size, smoothing, beta1, beta2, lrD, lrG } = config;
  const dLosses: number[] = JSON.parse(metadata.dLoss);
  const gLosses: number[] = JSON.parse(metadata.gLoss);
  const indices: number[][] = JSON.parse(metadata.indices);
  const reals = tensors.get("reals")!.data;
  const noise = tensors.get("z")!.data;
  const pictureFloats = size * size * 3;
  const constants = { beta1, beta2, epsilon: 1e-8 };
  const step = stream.persistent("step", [4]);
  const flag = stream.persistent("flag", [1]);
  const both = stream.persistent("real and fake", [2 * batch, size, size, 3]);
  const [real, fakeHalf] = [both.slice(0, batch), both.slice(batch, 2 * batch)];
  const latents = stream.persistent("latents", [batch, z]);
  for (let t = 1; t <= 10; t++) {
    const pictures = new Float32Array(batch * pictureFloats);
    for (const [n, index] of indices[t - 1].entries()) {
      pictures.set(reals.subarray(index * pictureFloats, (index + 1) * pictureFloats), n * pictureFloats);
    }
    stream.write(real, pictures);
    stream.write(latents, noise.slice((t - 1) * batch * z, t * batch * z));
    stream.write(step, Float32Array.of(0, adamRate(lrD, t, constants), adamRate(lrG, t, constants), 0));

    const tape = new Tape(stream);
    const fake = G.forward(tape, latents, g.values, { by: "batch" }, fakeHalf);
    const judge = (x: typeof real, targets: number[]) => {
      const y = D.forward(tape, x, d.values, { by: "batch", groups: targets.length });
      const losses = tape.temporary("losses", [targets.length, 2]);
      const dy = tape.temporary("score gradient", y.shape);
      sigmoidCrossEntropyBoth(stream, y, targets, losses, dy);
      return { losses, root: { y, dy } };
    };
    const judged =
      halves === "together" ? [judge(both, [1 - smoothing, 0])] : [judge(real, [1 - smoothing]), judge(fake, [0])];
    tape.gradientsInto(
      judged.map(({ root }) => root),
      d.sinks,
    );
    const update = ({ gradients, values, m, v }: Trainable, rateAt: number) => {
      const arenas = { gradient: gradients.all, parameter: values.all, m: m.all, v: v.all };
      adam(stream, step, rateAt, arenas, constants, flag);
    };
    update(d, 1);
    const fooled = judge(fake, [1]);
    tape.gradientsInto([fooled.root], g.sinks);
    update(g, 2);

    const [gLoss] = await stream.read(fooled.losses);
    let dLoss = 0;
    for (const { losses } of judged) {
      // Losses and scores take turns.
      for (const [i, value] of (await stream.read(losses)).entries()) if (i % 2 === 0) dLoss += value;
    }
    tape.reset();
    expect(Math.abs(dLoss - dLosses[t - 1]), `D loss of step ${t}`).toBeLessThan(1e-4);
    expect(Math.abs(gLoss - gLosses[t - 1]), `G loss of step ${t}`).toBeLessThan(1e-4);
    if (t === 1) {
      for (const [, gradients] of arenas) {
        for (const [name, tensor] of gradients.tensors) {
          expectClose(`grad.${name}`, await stream.read(tensor), tensors.get(`grad.${name}`)!.data, 1e-5, 1e-3);
        }
      }
    }
  }
  for (const [values] of arenas) {
    for (const [name, tensor] of values.tensors) {
      if (withoutGradient[kind].includes(name)) continue;
      expectClose(`final.${name}`, await stream.read(tensor), tensors.get(`final.${name}`)!.data, 1e-4, 0);
    }
  }
});
