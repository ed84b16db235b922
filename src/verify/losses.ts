/** Checks of the cross-entropy loss and of the recorded losses. */
import * as kernel from "../kernels/loss.ts";
import { sigmoid } from "../reference/activations.ts";
import { sum } from "../reference/reduce.ts";
import * as reference from "../reference/sigmoid_cross_entropy.ts";
import { type Check, type Dims, divisionUnits, expUnits, realsOnly, smallest, unit } from "./check.ts";
import { sigmoidError } from "./elementwise.ts";
import type { Lab } from "./lab.ts";

const { abs, exp, fround, log1p, max } = Math;

/** N logits in offset ± scale; target in hundredths. */
export const lossShapes: Dims[] = [
  { N: 1, scale: 1, offset: 0, target: 100 },
  { N: 3, scale: 100, offset: 0, target: 90 }, // includes ±100
  { N: 63, scale: 3, offset: 0, target: 90 },
  { N: 65, scale: 3, offset: 0, target: 0 },
  { N: 1000, scale: 100, offset: 0, target: 90 },
  { N: 16, scale: 2, offset: 12, target: 100 }, // confident and correct: a tiny loss, all of it from log1p
  { N: 16, scale: 2, offset: -12, target: 0 },
];
export const randomLoss: Check["random"] = (int) => ({
  N: int(1, 300),
  scale: int(1, 20),
  offset: int(-5, 5),
  target: int(0, 100),
});

export function logits(lab: Lab, { N, scale, offset }: Dims): Float32Array {
  const x = lab.numbers(N).map((value) => offset + scale * value);
  if (scale === 100) x.set([100, -100, 0].slice(0, N));
  return x;
}

/** The mean loss and the mean score, each with its allowed error. */
function lossBounds(x: Float32Array, target: number): { value: number; allowed: number }[] {
  const [mean, score] = [reference.sigmoidCrossEntropy(x, target), sum(sigmoid(x)) / x.length];
  // The error of each logit's loss, from left to right: log1p(e), max(x, 0) − x·t (exact for t = 0 and 1), their sum.
  const errors = Array.from(x, (value) => {
    const e = exp(-abs(value));
    const linear = max(value, 0) - value * target;
    // WGSL's log has an absolute error of 2⁻²¹ on [0.5, 2]; below 1/32 the kernel uses a series of five products.
    const tail = e < 1 / 32 ? 10 * unit * e : 2 ** -21 + 5 * unit * log1p(e);
    const product = target === 0 || target === 1 ? 0 : abs(value * target);
    return tail + unit * (expUnits(value) * e + product + abs(linear) + linear + log1p(e)) + smallest;
  });
  // All terms are positive: a sum may be off by a unit for each addition in the chain, and by the division.
  const chain = unit * (Math.ceil(x.length / 64) + 6 + divisionUnits);
  return [
    { value: mean, allowed: sum(errors) / x.length + chain * mean },
    { value: score, allowed: sum(Array.from(x, sigmoidError)) / x.length + chain * score },
  ];
}

const sigmoidCrossEntropy: Check = {
  kernel: "sigmoidCrossEntropy",
  kinds: realsOnly,
  shapes: lossShapes,
  random: randomLoss,
  async run(lab, dims) {
    const target = fround(dims.target / 100);
    const x = logits(lab, dims);
    const y = lab.poisoned([2]);
    kernel.sigmoidCrossEntropy(lab.stream, lab.upload([x.length], x), target, y);
    const bounds = lossBounds(x, target);
    const expected = bounds.map(({ value }) => value);
    return [await lab.compare(y, expected, (i) => bounds[i].allowed)];
  },
};

const sigmoidCrossEntropyGradient: Check = {
  kernel: "sigmoidCrossEntropyGradient",
  kinds: realsOnly,
  shapes: lossShapes,
  random: randomLoss,
  async run(lab, dims) {
    const target = fround(dims.target / 100);
    const x = logits(lab, dims);
    const dloss = lab.numbers(2);
    const dx = lab.poisoned([x.length]);
    const tensors = [lab.upload([x.length], x), lab.upload([2], dloss)];
    kernel.sigmoidCrossEntropyGradient(lab.stream, tensors[0], target, tensors[1], dx);
    const expected = reference.sigmoidCrossEntropyGradient(x, target).map((value) => dloss[0] * value);
    const scale = abs(dloss[0]) / x.length;
    return [
      await lab.compare(
        dx,
        expected,
        (i) => scale * sigmoidError(x[i]) + unit * (2 + divisionUnits) * abs(expected[i]) + smallest,
      ),
    ];
  },
};

const sigmoidCrossEntropyBoth: Check = {
  kernel: "sigmoidCrossEntropyBoth",
  kinds: realsOnly,
  shapes: [1, 2].flatMap((groups) => lossShapes.map((dims) => ({ ...dims, groups }))),
  random: (int) => ({ ...randomLoss(int), groups: int(1, 2) }),
  async run(lab, dims) {
    const { groups } = dims;
    const targets = [dims.target / 100, 1 - dims.target / 100].slice(0, groups).map(fround);
    const halves = targets.map((target) => ({ x: logits(lab, dims), target }));
    const { length } = halves[0].x;
    const x = halves.flatMap(({ x }) => Array.from(x));
    const tensor = lab.upload([x.length, 1], x);
    const [losses, dx] = [lab.poisoned([groups, 2]), lab.poisoned([x.length, 1])];
    kernel.sigmoidCrossEntropyBoth(lab.stream, tensor, targets, losses, dx);
    const bounds = halves.flatMap(({ x, target }) => lossBounds(x, target));
    const expected = bounds.map(({ value }) => value);
    const gradient = halves.flatMap(({ x, target }) => Array.from(reference.sigmoidCrossEntropyGradient(x, target)));
    const allowed = (i: number) =>
      sigmoidError(x[i]) / length + unit * (2 + divisionUnits) * abs(gradient[i]) + smallest;
    return [
      await lab.compare(losses, expected, (i) => bounds[i].allowed, "losses"),
      await lab.compare(dx, gradient, allowed, "dx"),
    ];
  },
};

const recordLosses: Check = {
  kernel: "recordLosses",
  kinds: ["integers"],
  shapes: [
    { slots: 1, step: 0, together: 0 },
    { slots: 4, step: 2, together: 1 },
    { slots: 4, step: 4_000_000_003, together: 0 }, // not representable in f32: the ring stores it as an integer
  ],
  random: (int) => ({ slots: int(1, 9), step: int(0, 1000), together: int(0, 1) }),
  async run(lab, { slots, step, together }) {
    const [real, fake, fooled, penalty] = [2, 2, 2, 1].map((size) => lab.numbers(size));
    const before = lab.numbers(slots * 8);
    const flag = lab.uploadWords(Uint32Array.of(3, 9));
    const ring = lab.upload([slots, 8], before);
    const upload = (numbers: Float32Array) => lab.upload([numbers.length], numbers);
    const both = lab.upload([2, 2], [...real, ...fake]);
    const judged = together ? { real: both, fake: both } : { real: upload(real), fake: upload(fake) };
    const losses = { ...judged, fooled: upload(fooled), penalty: upload(penalty) };
    kernel.recordLosses(lab.stream, lab.uploadWords(Uint32Array.of(step, 7)), losses, flag, ring);
    const expected = Float32Array.from(before);
    const at = (step % slots) * 8;
    expected.set([real[0] + fake[0], fooled[0], real[1], fake[1], penalty[0]], at);
    new Uint32Array(expected.buffer).set([step, 3], at + 5);
    return [await lab.compareWords(ring, new Uint32Array(expected.buffer))];
  },
};

export const lossChecks: readonly Check[] = [
  sigmoidCrossEntropy,
  sigmoidCrossEntropyGradient,
  sigmoidCrossEntropyBoth,
  recordLosses,
];
