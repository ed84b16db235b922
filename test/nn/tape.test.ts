/** The tape: which gradients are computed, that they add up, and that they can be differentiated again. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Stream } from "../../src/gpu/stream.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { augmentationWords, augmentParameters } from "../../src/kernels/augment.ts";
import { scaleBy } from "../../src/kernels/elementwise.ts";
import type { Backward } from "../../src/nn/ops/backward.ts";
import * as ops from "../../src/nn/ops.ts";
import { addRecorded, Tape } from "../../src/nn/tape.ts";
import { augment, augmentGradient, randomAugmentations } from "../../src/reference/augment.ts";
import { batchNormLeakyRelu, batchNormLeakyReluGradient } from "../../src/reference/batch_norm.ts";
import * as reference from "../../src/reference/conv2d.ts";
import { dense, denseInputGradient, denseWeightGradient } from "../../src/reference/dense.ts";
import { sigmoidCrossEntropy, sigmoidCrossEntropyGradient } from "../../src/reference/sigmoid_cross_entropy.ts";
import { smoothFilter, smoothFilterGradient } from "../../src/reference/smooth_filter.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import { testStream } from "../kernels/gpu.ts";

let stream: Stream;
beforeAll(async () => {
  stream = await testStream();
});

const next = randomNumbers(7);
const numbers = (count: number) => Float32Array.from({ length: count }, () => 2 * next() - 1);
const upload = (shape: number[], data: ArrayLike<number> = numbers(shape.reduce((a, b) => a * b, 1))) =>
  stream.from("input", shape, data);

/** factor · x, an op that counts how often its gradient is asked for. */
function scaled(tape: Tape, x: Tensor, factor: number, calls?: { count: number }): Tensor {
  const one = stream.from("one", [1], [1]);
  const y = tape.temporary("scaled", x.shape);
  scaleBy(stream, x, one, y, factor);
  const backward: Backward = (dy) => {
    if (calls) calls.count++;
    return scaled(tape, dy, factor);
  };
  return tape.record("scaled", [x], y, [backward]);
}

async function expectNear(actual: Tensor, expected: ArrayLike<number>, tolerance = 1e-5) {
  const got = await stream.read(actual);
  expect(got.length).toBe(expected.length);
  for (let i = 0; i < got.length; i++) {
    const error = Math.abs(got[i] - expected[i]);
    if (!(error <= tolerance * Math.max(1, Math.abs(expected[i])))) {
      expect.fail(`element ${i}: ${got[i]}, expected ${expected[i]}`);
    }
  }
}

describe("gradients add up", () => {
  test("a tensor that is used twice gets both gradients", async () => {
    const tape = new Tape(stream);
    const x = upload([4]);
    const y = addRecorded(tape, scaled(tape, x, 3), scaled(tape, x, 4));
    const dx = stream.persistent("dx", [4]);
    const dy = numbers(4);
    tape.gradientsInto([{ y, dy: upload([4], dy) }], new Map([[x, dx]]));
    await expectNear(
      dx,
      Array.from(dy, (v) => 7 * v),
    );
    tape.reset();
  });

  test("x + x: one gradient handed to both sides is not added to in place", async () => {
    const tape = new Tape(stream);
    const x = upload([4]);
    const h = scaled(tape, x, 2);
    const y = addRecorded(tape, addRecorded(tape, h, h), h);
    const dx = stream.persistent("dx", [4]);
    const dy = numbers(4);
    tape.gradientsInto([{ y, dy: upload([4], dy) }], new Map([[x, dx]]));
    await expectNear(
      dx,
      Array.from(dy, (v) => 6 * v),
    );
    tape.reset();
  });

  test("a diamond goes back through its top once", async () => {
    const tape = new Tape(stream);
    const x = upload([3]);
    const calls = { count: 0 };
    const top = scaled(tape, x, 2, calls);
    const y = addRecorded(tape, scaled(tape, top, 5), scaled(tape, top, 7));
    const dx = stream.persistent("dx", [3]);
    const dy = numbers(3);
    tape.gradientsInto([{ y, dy: upload([3], dy) }], new Map([[x, dx]]));
    expect(calls.count).toBe(1);
    await expectNear(
      dx,
      Array.from(dy, (v) => 24 * v),
    );
    tape.reset();
  });

  test("a gradient that was summed and then handed to both sides of an addition is not added to in place", async () => {
    const tape = new Tape(stream);
    const x = upload([4]);
    const a = scaled(tape, x, 2);
    const early = scaled(tape, a, 11);
    const b = scaled(tape, x, 3);
    const y = addRecorded(tape, a, b);
    // y is used twice, so its gradient is a sum; a is used again, earlier than y.
    const z = addRecorded(tape, addRecorded(tape, scaled(tape, y, 5), scaled(tape, y, 7)), early);
    const dx = stream.persistent("dx", [4]);
    const dy = numbers(4);
    tape.gradientsInto([{ y: z, dy: upload([4], dy) }], new Map([[x, dx]]));
    await expectNear(
      dx,
      Array.from(dy, (v) => (2 * (12 + 11) + 3 * 12) * v),
    );
    tape.reset();
  });

  test("a tensor in the middle of the graph has a gradient, and the walk continues through it", async () => {
    const tape = new Tape(stream);
    const x = upload([4]);
    const h = scaled(tape, x, 2);
    const y = scaled(tape, h, 3);
    const [dx, dh] = [stream.persistent("dx", [4]), stream.persistent("dh", [4])];
    const dy = numbers(4);
    const sinks = new Map([
      [x, dx],
      [h, dh],
    ]);
    tape.gradientsInto([{ y, dy: upload([4], dy) }], sinks);
    await expectNear(
      dh,
      Array.from(dy, (v) => 3 * v),
    );
    await expectNear(
      dx,
      Array.from(dy, (v) => 6 * v),
    );
    tape.reset();
  });

  test("several roots are one sum, and a reshaped tensor passes its gradient on", async () => {
    const tape = new Tape(stream);
    const x = upload([2, 3]);
    const a = ops.reshape(tape, scaled(tape, x, 2), [6]);
    const b = scaled(tape, x, 3);
    const dx = stream.persistent("dx", [2, 3]);
    const [da, db] = [numbers(6), numbers(6)];
    const roots = [
      { y: a, dy: upload([6], da) },
      { y: b, dy: upload([2, 3], db) },
    ];
    tape.gradientsInto(roots, new Map([[x, dx]]));
    await expectNear(
      dx,
      Array.from(da, (v, i) => 2 * v + 3 * db[i]),
    );
    tape.reset();
  });
});

describe("only requested gradients", () => {
  test("gradients that nobody needs are not computed", async () => {
    const tape = new Tape(stream);
    const [x, w] = [upload([2]), upload([2])];
    const calls = { count: 0 };
    const y = addRecorded(tape, scaled(tape, x, 2, calls), scaled(tape, w, 3));
    const dw = stream.persistent("dw", [2]);
    tape.gradientsInto([{ y, dy: upload([2], [1, 10]) }], new Map([[w, dw]]));
    expect(calls.count).toBe(0);
    await expectNear(dw, [3, 30]);
    tape.reset();
  });

  test("D's filters are left alone when only G's gradient is requested", async () => {
    const tape = new Tape(stream);
    const [x, w] = [upload([1, 4, 4, 4]), upload([3, 3, 4, 4])];
    const y = ops.conv2d(tape, x, w, null, 1);
    const before = stream.gpu.counts.bindGroups;
    const dx = stream.persistent("dx", [1, 4, 4, 4]);
    tape.gradientsInto([{ y, dy: upload([1, 4, 4, 4]) }], new Map([[x, dx]]));
    // The input gradient, and fill and addition into the sink, which this op does not write itself.
    expect(stream.gpu.counts.bindGroups - before).toBe(3);
    tape.reset();
  });

  test("nothing flows through a view that is not recorded", async () => {
    const tape = new Tape(stream);
    const x = upload([2]);
    const y = addRecorded(tape, scaled(tape, x, 2), scaled(tape, x, 100).reshape([2]));
    const dx = stream.persistent("dx", [2]);
    tape.gradientsInto([{ y, dy: upload([2], [1, 1]) }], new Map([[x, dx]]));
    await expectNear(dx, [2, 2]);
    tape.reset();
  });

  test("a parameter without a path gets zeros, replacing its old gradient", async () => {
    const tape = new Tape(stream);
    const [x, unused] = [upload([2]), upload([2])];
    const sinks = new Map([
      [x, stream.persistent("dx", [2])],
      [unused, stream.from("stale", [2], [5, 5])],
    ]);
    const y = scaled(tape, x, 2);
    tape.gradientsInto([{ y, dy: upload([2], [1, 1]) }], sinks);
    await expectNear(sinks.get(unused)!, [0, 0]);
    tape.reset();
  });

  test("nothing is recorded inside noGrad", () => {
    const tape = new Tape(stream);
    const x = upload([2]);
    const y = tape.noGrad(() => scaled(tape, x, 2));
    expect(() => tape.gradients([{ y, dy: x }], [x])).toThrow(/does not depend/);
    tape.reset();
  });
});

describe("batch-norm and leaky ReLU, plain and fused", () => {
  const dims = { groups: 2, rows: 64, C: 4, epsilon: 1e-5, slope: 0.2 };
  const shape = [dims.groups * dims.rows, dims.C];
  const data = { x: numbers(512), gamma: numbers(4), beta: numbers(4), dy: numbers(512) };

  test.each([
    ["plain", 1],
    ["fused", 1],
    ["fused", 2],
  ])("%s, %i groups: gradients through the batch's own statistics", async (kind, groups) => {
    const { epsilon, slope, C } = dims;
    const sizes = { ...dims, groups, rows: 128 / groups };
    const tape = new Tape(stream);
    const [x, gamma, beta] = [upload(shape, data.x), upload([C], data.gamma), upload([C], data.beta)];
    const y =
      kind === "fused"
        ? ops.batchNormLeakyRelu(tape, x, gamma, beta, { epsilon, slope, groups })
        : ops.leakyRelu(tape, ops.batchNorm(tape, x, ops.batchNormStatistics(tape, x, epsilon), gamma, beta), slope);
    await expectNear(y, batchNormLeakyRelu(data.x, data.gamma, data.beta, sizes));
    const sinks = new Map(
      [x, gamma, beta].map((tensor) => [tensor, stream.from("stale", tensor.shape, tensor === x ? data.x : data.beta)]),
    );
    tape.gradientsInto([{ y, dy: upload(shape, data.dy) }], sinks);
    const { dx, dgamma, dbeta } = batchNormLeakyReluGradient(data.x, data.dy, data.gamma, data.beta, sizes);
    await expectNear(sinks.get(x)!, dx);
    await expectNear(sinks.get(gamma)!, dgamma);
    await expectNear(sinks.get(beta)!, dbeta);
    tape.reset();
  });

  test("parameters that two batches share get both gradients; one that is not requested is not computed", async () => {
    const { epsilon, slope, C } = dims;
    const half = { ...dims, groups: 1 };
    const tape = new Tape(stream);
    const [gamma, beta] = [upload([C], data.gamma), upload([C], data.beta)];
    const parts = [0, 256].map((at) => ({ x: data.x.subarray(at, at + 256), dy: data.dy.subarray(at, at + 256) }));
    const roots = parts.map(({ x, dy }) => ({
      y: ops.batchNormLeakyRelu(tape, upload([64, C], x), gamma, beta, { epsilon, slope }),
      dy: upload([64, C], dy),
    }));
    const sink = stream.from("stale", [C], data.beta);
    tape.gradientsInto(roots, new Map([[gamma, sink]]));
    const each = parts.map(({ x, dy }) => batchNormLeakyReluGradient(x, dy, data.gamma, data.beta, half).dgamma);
    await expectNear(
      sink,
      each[0].map((value, c) => value + each[1][c]),
    );
    tape.reset();
    expect(stream.liveTemporaries).toBe(0);
  });
});

test("cross-entropy on logits: the loss and its gradient, times the incoming gradient", async () => {
  const tape = new Tape(stream);
  const data = numbers(5).map((value) => 4 * value);
  const x = upload([5, 1], data);
  const y = ops.sigmoidCrossEntropy(tape, x, 0.9);
  const [loss] = await stream.read(y);
  expect(Math.abs(loss - sigmoidCrossEntropy(data, 0.9))).toBeLessThan(1e-5);
  const dx = stream.persistent("dx", [5, 1]);
  // The score, the second number, is only looked at.
  tape.gradientsInto([{ y, dy: upload([2], [3, 100]) }], new Map([[x, dx]]));
  await expectNear(
    dx,
    sigmoidCrossEntropyGradient(data, 0.9).map((value) => 3 * value),
  );
  tape.reset();
});

describe("memory", () => {
  test("everything returns to the pool, some of it during the walk", () => {
    const tape = new Tape(stream);
    const x = upload([8]);
    const loss = tape.keep(scaled(tape, scaled(tape, scaled(tape, x, 2), 3), 4));
    expect(stream.liveTemporaries).toBe(3);
    tape.gradientsInto([{ y: loss, dy: upload([8]) }], new Map([[x, stream.persistent("dx", [8])]]));
    expect(stream.liveTemporaries).toBe(1);
    tape.reset();
    expect(stream.liveTemporaries).toBe(0);
  });

  test("a gradient of the wrong shape is refused", () => {
    const tape = new Tape(stream);
    const x = upload([4]);
    const y = tape.record("broken", [x], tape.temporary("y", [4]), [() => upload([2])]);
    const sinks = new Map([[x, stream.persistent("dx", [4])]]);
    expect(() => tape.gradientsInto([{ y, dy: upload([4]) }], sinks)).toThrow(/does not have the shape/);
    tape.reset();
  });
});

/**
 * Second derivatives: s(a, b) = ⟨∂⟨y, dy⟩/∂a, u⟩ is differentiated by everything it depends on, as R1 does it, and
 * compared with the reference implementations, where every pass of a bilinear op is another of its passes.
 */
describe("second derivatives", () => {
  async function second(
    forward: (tape: Tape) => Tensor,
    { dy, by, u, wrt }: { dy: Tensor; by: Tensor; u: Tensor; wrt: Tensor[] },
  ): Promise<Tensor[]> {
    const tape = new Tape(stream);
    const y = forward(tape);
    const [gradient] = tape.gradients([{ y, dy }], [by]);
    const sinks = new Map(wrt.map((tensor) => [tensor, stream.persistent("gradient", tensor.shape)]));
    tape.gradientsInto([{ y: gradient, dy: u }], sinks);
    tape.reset();
    await stream.idle();
    return wrt.map((tensor) => sinks.get(tensor)!);
  }

  test.each([1, 2])("conv2d at stride %i", async (stride) => {
    const shape = { N: 2, H: 6, W: 5, C: 4, R: 5, S: 5, K: 8, stride };
    const [P, Q] = [Math.ceil(6 / stride), Math.ceil(5 / stride)];
    const data = {
      x: numbers(2 * 6 * 5 * 4),
      w: numbers(5 * 5 * 4 * 8),
      dy: numbers(2 * P * Q * 8),
      ux: numbers(2 * 6 * 5 * 4),
      uw: numbers(5 * 5 * 4 * 8),
    };
    const x = upload([2, 6, 5, 4], data.x);
    const w = upload([5, 5, 4, 8], data.w);
    const dy = upload([2, P, Q, 8], data.dy);
    const forward = (tape: Tape) => ops.conv2d(tape, x, w, null, stride);
    // dx = inputGradient(dy, w): by dy a convolution of u, by w a filter gradient with u in x's place.
    const [byDy, byW] = await second(forward, { dy, by: x, u: upload([2, 6, 5, 4], data.ux), wrt: [dy, w] });
    await expectNear(byDy, reference.conv2d(data.ux, data.w, null, shape), 1e-4);
    await expectNear(byW, reference.conv2dFilterGradient(data.ux, data.dy, shape), 1e-4);
    // dw = filterGradient(x, dy): by x an input gradient with u for the filter, by dy a convolution with it.
    const [byX, byDy2] = await second(forward, { dy, by: w, u: upload([5, 5, 4, 8], data.uw), wrt: [x, dy] });
    await expectNear(byX, reference.conv2dInputGradient(data.dy, data.uw, shape), 1e-4);
    await expectNear(byDy2, reference.conv2d(data.x, data.uw, null, shape), 1e-4);
  });

  test.each([1, 8])("dense with %i columns", async (K) => {
    const dims = { N: 3, C: 12, K };
    const data = { x: numbers(36), w: numbers(12 * K), dy: numbers(3 * K), ux: numbers(36), uw: numbers(12 * K) };
    const x = upload([3, 12], data.x);
    const w = upload([12, K], data.w);
    const dy = upload([3, K], data.dy);
    const forward = (tape: Tape) => ops.dense(tape, x, w, null);
    const [byDy, byW] = await second(forward, { dy, by: x, u: upload([3, 12], data.ux), wrt: [dy, w] });
    await expectNear(byDy, dense(data.ux, data.w, null, dims), 1e-4);
    await expectNear(byW, denseWeightGradient(data.ux, data.dy, dims), 1e-4);
    const [byX, byDy2] = await second(forward, { dy, by: w, u: upload([12, K], data.uw), wrt: [x, dy] });
    await expectNear(byX, denseInputGradient(data.dy, data.uw, dims), 1e-4);
    await expectNear(byDy2, dense(data.x, data.uw, null, dims), 1e-4);
  });

  test("smooth filter", async () => {
    const data = { w: numbers(4 * 4 * 2 * 3), dy: numbers(5 * 5 * 2 * 3), u: numbers(4 * 4 * 2 * 3) };
    const w = upload([4, 4, 2, 3], data.w);
    const dy = upload([5, 5, 2, 3], data.dy);
    const forward = (tape: Tape) => ops.smoothFilter(tape, w);
    const [byDy] = await second(forward, { dy, by: w, u: upload([4, 4, 2, 3], data.u), wrt: [dy] });
    await expectNear(byDy, smoothFilter(data.u, 4, 4, 2, 3));
    const tape = new Tape(stream);
    const [dw] = tape.gradients([{ y: ops.smoothFilter(tape, w), dy }], [w]);
    await expectNear(dw, smoothFilterGradient(data.dy, 4, 4, 2, 3));
    tape.reset();
  });

  test("augmentation", async () => {
    const [N, size] = [2, 16];
    const key = { seed: 5, purpose: 7, step: 9 };
    const changes = { color: true, translation: true, cutout: true };
    const parameters = stream.persistent("parameters", [1 + N, augmentationWords]);
    const step = stream.persistent("step", [4]);
    stream.write(step, Uint32Array.of(key.step, 0, 0, 0));
    augmentParameters(stream, step, parameters, key, size, changes);
    const drawn = { changes, parameters, row: 1 };
    const done = randomAugmentations(1 + N, key, size, changes).slice(1);
    const shape = [N, size, size, 3];
    const data = { x: numbers(N * size * size * 3), dy: numbers(N * size * size * 3), u: numbers(N * size * size * 3) };
    const [x, dy] = [upload(shape, data.x), upload(shape, data.dy)];
    const [byDy] = await second((tape) => ops.augment(tape, x, drawn), {
      dy,
      by: x,
      u: upload(shape, data.u),
      wrt: [dy],
    });
    // dx is linear in dy, and the transpose of its transpose is the linear part: no brightness.
    const linear = done.map((one) => ({ ...one, brightness: 0 }));
    await expectNear(byDy, augment(data.u, linear, size));
    const tape = new Tape(stream);
    const y = ops.augment(tape, x, drawn);
    await expectNear(y, augment(data.x, done, size));
    const [dx] = tape.gradients([{ y, dy }], [x]);
    await expectNear(dx, augmentGradient(data.dy, done, size));
    tape.reset();
  });

  /** R1 as the trainer takes it, on a small D, against central differences of the very penalty on the GPU. */
  test("R1 through two convolutions, leaky ReLU and a dense layer", async () => {
    const N = 2;
    const x = upload([N, 8, 8, 3]);
    const shapes = { w1: [5, 5, 3, 4], b1: [4], w2: [5, 5, 4, 8], b2: [8], w3: [32, 1], b3: [1] };
    const data = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [
        name,
        numbers(shape.reduce((a, b) => a * b, 1)).map((v) => v / 2),
      ]),
    ) as Record<keyof typeof shapes, Float32Array>;
    // Far from leaky ReLU's bend, on either side by channel: a mask that flips would be a step in the penalty.
    data.b1.forEach((_, k) => {
      data.b1[k] = k % 2 === 0 ? 20 : -20;
    });
    data.b2.forEach((_, k) => {
      data.b2[k] = k % 3 === 0 ? -200 : 200;
    });
    const ones = upload([N, 1], [1, 1]);
    const penalty = async (values: typeof data, sinksFor?: (name: string, tensor: Tensor) => Tensor | null) => {
      const p = Object.fromEntries(
        Object.entries(shapes).map(([name, shape]) => [name, upload(shape, values[name as keyof typeof shapes])]),
      ) as Record<keyof typeof shapes, Tensor>;
      const tape = new Tape(stream);
      let h = ops.leakyRelu(tape, ops.conv2d(tape, x, p.w1, p.b1, 2), 0.2);
      h = ops.leakyRelu(tape, ops.conv2d(tape, h, p.w2, p.b2, 2), 0.2);
      const scores = ops.dense(tape, ops.flatten(tape, h), p.w3, p.b3);
      const [gradient] = tape.gradients([{ y: scores, dy: ones }], [x]);
      const y = tape.keep(ops.sumOfSquares(tape, gradient, 0.5));
      if (sinksFor) {
        const sinks = new Map<Tensor, Tensor>();
        for (const [name, tensor] of Object.entries(p)) {
          const sink = sinksFor(name, tensor);
          if (sink) sinks.set(tensor, sink);
        }
        tape.gradientsInto([{ y, dy: upload([1], [1]) }], sinks);
      }
      const [value] = await stream.read(y);
      tape.reset();
      return value;
    };
    const sinks = new Map<string, Tensor>();
    await penalty(data, (name, tensor) => {
      const sink = stream.persistent(name, tensor.shape);
      sinks.set(name, sink);
      return sink;
    });
    for (const name of ["w1", "w2", "w3"] as const) {
      const gradient = await stream.read(sinks.get(name)!);
      const largest = Math.max(...gradient.map(Math.abs));
      expect(largest).toBeGreaterThan(0.01);
      // The penalty is quadratic in each single weight, so a wide step costs no accuracy.
      for (const i of [0, 7, Math.floor(gradient.length / 2), gradient.length - 1]) {
        const eps = 2 ** -4;
        const at = async (shift: number) => {
          const moved = { ...data, [name]: data[name].slice() };
          moved[name][i] += shift;
          return await penalty(moved);
        };
        const numeric = ((await at(eps)) - (await at(-eps))) / (2 * eps);
        const error = Math.abs(numeric - gradient[i]);
        if (!(error <= 1e-3 * largest)) {
          expect.fail(`${name}[${i}]: ${gradient[i]}, by differences ${numeric}, largest ${largest}`);
        }
      }
    }
    // Biases shift no gradient: their part is zero.
    await expectNear(sinks.get("b1")!, new Float32Array(4));
    await expectNear(sinks.get("b3")!, new Float32Array(1));
  });

  test("an op that is not in the table has no second derivative", () => {
    const tape = new Tape(stream);
    const x = upload([2]);
    const y = scaled(tape, x, 2);
    expect(() => tape.gradients([{ y, dy: x }], [x])).toThrow(
      /^gradients: scaled has no second derivative for input 0/,
    );
    // Its gradient by itself is no problem.
    tape.noGrad(() => tape.gradients([{ y, dy: x }], [x]));
    tape.reset();
  });
});
