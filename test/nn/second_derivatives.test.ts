/**
 * The table of second derivatives against reality, op by op and input by input: what is marked true agrees with central
 * differences, what is marked false is refused.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Stream } from "../../src/gpu/stream.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { augmentationWords, augmentParameters, type Drawn } from "../../src/kernels/augment.ts";
import * as ops from "../../src/nn/ops.ts";
import { secondDerivatives } from "../../src/nn/second_derivatives.ts";
import { Tape } from "../../src/nn/tape.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import { testStream } from "../kernels/gpu.ts";

let stream: Stream;
let drawn: Drawn;
beforeAll(async () => {
  stream = await testStream();
  const changes = { color: true, translation: true, cutout: true };
  const parameters = stream.persistent("parameters", [2, augmentationWords]);
  augmentParameters(stream, stream.persistent("step", [4]), parameters, { seed: 5, purpose: 7 }, 8, changes);
  drawn = { changes, parameters, row: 0 };
});

/** An op on small inputs, named as in the table. */
interface Case {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  forward(tape: Tape, inputs: readonly Tensor[]): Tensor;
}

const image = [2, 6, 4, 4];
const half = [2, 3, 2, 8];
const filter = [3, 3, 4, 8];
const pictures = [2, 8, 8, 3];

const cases: Readonly<Record<string, Case>> = {
  add: { inputs: { a: [6], b: [6] }, forward: (tape, [a, b]) => ops.add(tape, a, b) },
  reshape: { inputs: { x: [2, 3] }, forward: (tape, [x]) => ops.reshape(tape, x, [6]) },
  conv2d: {
    inputs: { x: image, weight: filter, bias: [8] },
    forward: (tape, [x, weight, bias]) => ops.conv2d(tape, x, weight, bias, 2),
  },
  conv2dInputGradient: {
    inputs: { dy: half, weight: filter, bias: [4] },
    forward: (tape, [dy, weight, bias]) => ops.conv2dInputGradient(tape, dy, weight, bias, image, 2),
  },
  conv2dFilterGradient: {
    inputs: { x: image, dy: half },
    forward: (tape, [x, dy]) => ops.conv2dFilterGradient(tape, x, dy, filter, 2),
  },
  dense: {
    inputs: { x: [3, 12], weight: [12, 8], bias: [8] },
    forward: (tape, [x, weight, bias]) => ops.dense(tape, x, weight, bias),
  },
  denseInputGradient: {
    inputs: { dy: [3, 8], weight: [12, 8] },
    forward: (tape, [dy, weight]) => ops.denseInputGradient(tape, dy, weight),
  },
  denseWeightGradient: {
    inputs: { x: [3, 12], dy: [3, 8] },
    forward: (tape, [x, dy]) => ops.denseWeightGradient(tape, x, dy),
  },
  smoothFilter: { inputs: { weight: [2, 2, 4, 4] }, forward: (tape, [weight]) => ops.smoothFilter(tape, weight) },
  smoothFilterGradient: { inputs: { dy: [3, 3, 4, 4] }, forward: (tape, [dy]) => ops.smoothFilterGradient(tape, dy) },
  leakyRelu: { inputs: { x: [3, 4] }, forward: (tape, [x]) => ops.leakyRelu(tape, x, 0.2) },
  leakyReluGradient: {
    inputs: { dy: [4] },
    forward: (tape, [dy]) => ops.leakyReluGradient(tape, dy, stream.from("y", [4], [1, -1, 2, -2]), 0.2),
  },
  minibatchStddev: { inputs: { x: [4, 2, 2, 4] }, forward: (tape, [x]) => ops.minibatchStddev(tape, x, 4) },
  minibatchStddevGradient: {
    inputs: { dy: [4, 2, 2, 5], x: [4, 2, 2, 4] },
    forward: (tape, [dy, x]) => ops.minibatchStddevGradient(tape, dy, x, 4),
  },
  augment: { inputs: { x: pictures }, forward: (tape, [x]) => ops.augment(tape, x, drawn) },
  augmentGradient: { inputs: { dy: pictures }, forward: (tape, [dy]) => ops.augmentGradient(tape, dy, drawn) },
  tanh: { inputs: { x: [4] }, forward: (tape, [x]) => ops.tanh(tape, x) },
  sigmoid: { inputs: { x: [4] }, forward: (tape, [x]) => ops.sigmoid(tape, x) },
  batchNorm: {
    inputs: { x: [8, 4], gamma: [4], beta: [4] },
    forward: (tape, [x, gamma, beta]) => ops.batchNorm(tape, x, ops.batchNormStatistics(tape, x, 1e-5), gamma, beta),
  },
  batchNormLeakyRelu: {
    inputs: { x: [8, 4], gamma: [4], beta: [4] },
    forward: (tape, [x, gamma, beta]) => ops.batchNormLeakyRelu(tape, x, gamma, beta, { epsilon: 1e-5, slope: 0.2 }),
  },
  spectralNorm: {
    inputs: { weight: [6, 4] },
    forward: (tape, [weight]) => {
      const u = stream.from("u", [4], [1, 0, 0, 0]);
      return ops.spectralNorm(tape, weight, u, ops.powerIteration(tape, weight, u));
    },
  },
  sigmoidCrossEntropy: { inputs: { x: [4, 1] }, forward: (tape, [x]) => ops.sigmoidCrossEntropy(tape, x, 0.9) },
  sumOfSquares: { inputs: { x: [4] }, forward: (tape, [x]) => ops.sumOfSquares(tape, x, 0.5) },
};

const next = randomNumbers(11);
/** Between 0.5 and 1.5 in size, so that no difference crosses leaky ReLU's bend. */
const numbers = (shape: readonly number[]) =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => (next() < 0.5 ? -1 : 1) * (0.5 + next()));
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, v, i) => sum + v * b[i], 0);

test("the table and the cases have the same ops and inputs", () => {
  const names = (table: Record<string, object>) =>
    Object.fromEntries(Object.entries(table).map(([op, inputs]) => [op, Object.keys(inputs)]));
  expect(names(secondDerivatives)).toEqual(
    names(Object.fromEntries(Object.entries(cases).map(([op, { inputs }]) => [op, inputs]))),
  );
});

test("every exported op is in the table", () => {
  // Made of other ops, or not differentiated at all.
  const others = ["flatten", "transposedConv2d", "batchNormStatistics", "powerIteration"];
  expect(Object.keys(ops).filter((name) => !others.includes(name))).toEqual(
    expect.arrayContaining(Object.keys(secondDerivatives)),
  );
  for (const name of Object.keys(ops)) if (!others.includes(name)) expect(secondDerivatives).toHaveProperty(name);
});

describe.each(Object.entries(cases))("%s", (op, { inputs, forward }) => {
  test.each(Object.entries(secondDerivatives[op] ?? {}))("by %s: %s", async (name, has) => {
    const names = Object.keys(inputs);
    const values = new Map<string, Float32Array<ArrayBuffer>>(names.map((key) => [key, numbers(inputs[key])]));
    const upload = (key: string, shape: readonly number[]) => stream.from(key, shape, values.get(key)!);
    /** The op, recorded; y's shape is known only now, and so is dy's. */
    const run = (tape: Tape) => {
      const tensors = names.map((key) => upload(key, inputs[key]));
      const y = forward(tape, tensors);
      if (!values.has("upstream")) values.set("upstream", numbers(y.shape));
      return { tensors, y, dy: upload("upstream", y.shape), x: tensors[names.indexOf(name)] };
    };
    const tape = new Tape(stream);
    const { tensors, y, dy, x } = run(tape);
    if (!has) {
      expect(() => tape.gradients([{ y, dy }], [x])).toThrow(
        new RegExp(`^gradients: ${op} has no second derivative for ${name}, .*use gradientsInto`),
      );
      tape.reset();
      return;
    }
    // s = ⟨u, ∂⟨dy, y⟩/∂x⟩, as a function of all inputs and of dy.
    const u = numbers(x.shape);
    const [dx] = tape.gradients([{ y, dy }], [x]);
    const all = new Map([...names.map((key, i) => [key, tensors[i]] as const), ["upstream", dy] as const]);
    const sinks = new Map([...all.values()].map((tensor) => [tensor, stream.persistent("sink", tensor.shape)]));
    tape.gradientsInto([{ y: dx, dy: stream.from("u", x.shape, u) }], sinks);
    tape.reset();
    const s = async () => {
      const again = new Tape(stream);
      const { y, dy, x } = run(again);
      const value = dot(await stream.read(again.gradients([{ y, dy }], [x])[0]), u);
      again.reset();
      return value;
    };
    const slopes: Record<string, number> = {};
    for (const [key, tensor] of all) {
      const before = values.get(key)!;
      const direction = numbers(tensor.shape);
      const step = 2 ** -6;
      const at = async (t: number) => {
        values.set(
          key,
          before.map((value, i) => value + t * direction[i]),
        );
        return await s();
      };
      const numeric = ((await at(step)) - (await at(-step))) / (2 * step);
      values.set(key, before);
      slopes[key] = dot(await stream.read(sinks.get(tensor)!), direction);
      const error = Math.abs(numeric - slopes[key]);
      if (!(error <= 5e-3 * Math.max(1, Math.abs(slopes[key])))) {
        expect.fail(`${op}, gradient by ${name}, then by ${key}: ${slopes[key]}, by differences ${numeric}`);
      }
    }
    expect(Math.abs(slopes.upstream)).toBeGreaterThan(0.01);
    // What is linear in two inputs has a mixed derivative.
    const partner = { weight: "x", x: "weight" }[name];
    if (partner && partner in inputs) expect(Math.abs(slopes[partner])).toBeGreaterThan(0.01);
  });
});
