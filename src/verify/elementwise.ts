/** Checks of elementwise kernels, Adam, and the cross-entropy loss. */
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import * as optimiser from "../kernels/adam.ts";
import * as map from "../kernels/elementwise.ts";
import * as loss from "../kernels/loss.ts";
import * as activations from "../reference/activations.ts";
import * as referenceAdam from "../reference/adam.ts";
import { ema } from "../reference/ema.ts";
import { sum } from "../reference/reduce.ts";
import * as referenceLoss from "../reference/sigmoid_cross_entropy.ts";
import { both, type Check, type Dims, divisionUnits, expUnits, realsOnly, smallest, sqrtUnits, unit } from "./check.ts";
import type { Lab, NumberKind } from "./lab.ts";

const { abs, exp, fround, log1p, max, sqrt } = Math;

interface Elementwise {
  readonly kernel: string;
  readonly kinds: readonly NumberKind[];
  /** Number of tensors that it reads; with `inPlace`, the last one is the initial content of y. */
  readonly inputs: number;
  readonly inPlace?: true;
  /** Factor of the inputs' numbers. */
  readonly range?: number;
  /** Numbers that the first input starts with. */
  readonly special?: readonly number[];
  /** @param constant the kernel's constant, if it has one: exact when the numbers are integers */
  host(stream: Stream, inputs: readonly Tensor[], y: Tensor, constant: number): void;
  reference(inputs: readonly Float32Array[], constant: number, size: number): ArrayLike<number>;
  allowed(i: number, inputs: readonly Float32Array[], expected: ArrayLike<number>, constant: number): number;
}

/** Whole and partial vec4, and more than one workgroup of 64 vec4. */
const sizes: Dims[] = [1, 2, 3, 4, 5, 255, 256, 257, 1031].map((size) => ({ size }));

function elementwiseCheck(spec: Elementwise): Check {
  return {
    kernel: spec.kernel,
    kinds: spec.kinds,
    shapes: sizes,
    random: (int) => ({ size: int(1, 2000) }),
    async run(lab, { size }) {
      const constant = lab.exact ? 0.25 : fround(0.2);
      const inputs = Array.from({ length: spec.inputs }, () => lab.numbers(size).map((x) => x * (spec.range ?? 1)));
      inputs[0]?.set((spec.special ?? []).slice(0, size));
      const tensors = inputs.map((numbers) => lab.upload([size], numbers));
      const y = spec.inPlace ? tensors[tensors.length - 1] : lab.poisoned([size]);
      spec.host(lab.stream, spec.inPlace ? tensors.slice(0, -1) : tensors, y, constant);
      const expected = spec.reference(inputs, constant, size);
      return [await lab.compare(y, expected, (i) => spec.allowed(i, inputs, expected, constant) + smallest)];
    },
  };
}

/** The allowed error of 1 / (1 + exp(−x)): of exp, the addition and the division. */
export function sigmoidError(x: number): number {
  const e = exp(-abs(x));
  const y = activations.sigmoid([x])[0];
  // For x < 0, e is also the numerator, so its whole relative error carries over; for x > 0, only its share of 1 + e.
  return unit * y * (expUnits(x) * (x < 0 ? 1 : e) + 1 + divisionUnits) + smallest;
}

const elementwise: Elementwise[] = [
  {
    kernel: "leakyRelu",
    kinds: both,
    inputs: 1,
    special: [0],
    host: (stream, [x], y, slope) => map.leakyRelu(stream, x, y, slope),
    reference: ([x], slope) => activations.leakyRelu(x, slope),
    allowed: (i, _, y) => unit * abs(y[i]),
  },
  {
    kernel: "leakyReluGradient",
    kinds: both,
    inputs: 2,
    host: (stream, [dy, y], dx, slope) => map.leakyReluGradient(stream, dy, y, dx, slope),
    reference: ([dy, y], slope) => activations.leakyReluGradient(dy, y, slope),
    allowed: (i, _, dx) => unit * abs(dx[i]),
  },
  {
    kernel: "tanh",
    kinds: realsOnly,
    inputs: 1,
    range: 5,
    special: [100, -100, 0, 15, -15, 1e-6],
    host: (stream, [x], y) => map.tanh(stream, x, y),
    reference: ([x]) => activations.tanh(x),
    // WGSL allows an absolute error of 1e-5, or the error of sinh(x) / cosh(x).
    allowed: () => 1e-5,
  },
  {
    kernel: "tanhGradient",
    kinds: both,
    inputs: 2,
    host: (stream, [dy, y], dx) => map.tanhGradient(stream, dy, y, dx),
    reference: ([dy, y]) => activations.tanhGradient(dy, y),
    allowed: (i, [dy, y], dx) => unit * (abs(dy[i]) * y[i] * y[i] + 2 * abs(dx[i])),
  },
  {
    kernel: "sigmoid",
    kinds: realsOnly,
    inputs: 1,
    range: 10,
    special: [100, -100, 0, 88, -88, 1e-6],
    host: (stream, [x], y) => map.sigmoid(stream, x, y),
    reference: ([x]) => activations.sigmoid(x),
    allowed: (i, [x]) => sigmoidError(x[i]),
  },
  {
    kernel: "sigmoidGradient",
    kinds: both,
    inputs: 2,
    host: (stream, [dy, y], dx) => map.sigmoidGradient(stream, dy, y, dx),
    reference: ([dy, y]) => activations.sigmoidGradient(dy, y),
    allowed: (i, _, dx) => 3 * unit * abs(dx[i]),
  },
  {
    kernel: "add",
    kinds: both,
    inputs: 2,
    host: (stream, [a, b], y) => map.add(stream, a, b, y),
    reference: ([a, b]) => a.map((value, i) => value + b[i]),
    allowed: (i, _, y) => unit * abs(y[i]),
  },
  {
    kernel: "accumulate",
    kinds: both,
    inputs: 2,
    inPlace: true,
    host: (stream, [a], y) => map.accumulate(stream, a, y),
    reference: ([a, y]) => a.map((value, i) => value + y[i]),
    allowed: (i, _, y) => unit * abs(y[i]),
  },
  {
    kernel: "lerp",
    kinds: both,
    inputs: 2,
    inPlace: true,
    host: (stream, [x], y, decay) => map.lerp(stream, x, y, decay),
    reference: ([x, y], decay) => ema(y, x, decay),
    allowed: (i, [x, y]) => 3 * unit * (abs(x[i]) + abs(y[i])),
  },
  {
    kernel: "fill",
    kinds: both,
    inputs: 0,
    host: (stream, _, y, value) => map.fill(stream, y, value),
    reference: (_, value, size) => new Float64Array(size).fill(value),
    allowed: () => 0,
  },
];

const scaleBy: Check = {
  kernel: "scaleBy",
  kinds: both,
  shapes: sizes,
  random: (int) => ({ size: int(1, 2000) }),
  async run(lab, { size }) {
    const factor = lab.exact ? 2 : fround(0.3);
    const [x, scalar] = [lab.numbers(size), lab.numbers(1)];
    const y = lab.poisoned([size]);
    map.scaleBy(lab.stream, lab.upload([size], x), lab.upload([1], scalar), y, factor);
    const expected = Float64Array.from(x, (value) => factor * scalar[0] * value);
    return [await lab.compare(y, expected, (i) => 2 * unit * abs(expected[i]) + smallest)];
  },
};

const divideBy: Check = {
  kernel: "divideBy",
  kinds: realsOnly,
  shapes: sizes,
  random: (int) => ({ size: int(1, 2000) }),
  async run(lab, { size }) {
    const [x, scalar] = [lab.numbers(size), lab.numbers(1).map((value) => 2 + value)];
    const y = lab.poisoned([size]);
    map.divideBy(lab.stream, lab.upload([size], x), lab.upload([1], scalar), y);
    const expected = Float64Array.from(x, (value) => value / scalar[0]);
    return [await lab.compare(y, expected, (i) => divisionUnits * unit * abs(expected[i]) + smallest)];
  },
};

const adam: Check = {
  kernel: "adam",
  kinds: realsOnly,
  shapes: [
    { size: 1, steps: 1, t: 1 },
    { size: 5, steps: 4, t: 1 },
    { size: 1031, steps: 3, t: 1 },
    { size: 257, steps: 2, t: 5000 }, // where the bias corrections are 1
  ],
  random: (int) => ({ size: int(1, 2000), steps: int(1, 4), t: int(1, 100) }),
  async run(lab, { size, steps, t: first }) {
    // Rounded as on the GPU; 1 − beta is exact in f32.
    const constants = { beta1: fround(0.5), beta2: fround(0.999), epsilon: fround(1e-8) };
    const { beta1, epsilon } = constants;
    const lr = 0.01;
    const at = 2;
    let state: referenceAdam.AdamState = {
      parameter: Float64Array.from(lab.numbers(size)),
      m: Float64Array.from(lab.numbers(size), (value) => (first > 1 ? value : 0)),
      v: Float64Array.from(lab.numbers(size), (value) => (first > 1 ? fround(value * value) : 0)),
    };
    const tensors = {
      parameter: lab.upload([size], state.parameter),
      m: lab.upload([size], state.m),
      v: lab.upload([size], state.v),
    };
    const error = { parameter: new Float64Array(size), m: new Float64Array(size) };
    const flag = lab.uploadWords(Uint32Array.of(0));
    // v is a sum of positive numbers: its relative error grows by four roundings per step.
    const vUnits = (step: number) => 4 * (step + 1);
    for (let step = 0; step < steps; step++) {
      const t = first + step;
      const gradient = lab.numbers(size);
      const rate = optimiser.adamRate(lr, t, constants);
      const changing = lab.upload([4], [7, 7, rate, 7]);
      const arenas = { gradient: lab.upload([size], gradient), ...tensors };
      optimiser.adam(lab.stream, changing, at, arenas, constants, flag);
      const before = state;
      state = referenceAdam.adam(state, gradient, { t, lr, ...constants });
      for (let i = 0; i < size; i++) {
        const terms = 2 * beta1 * abs(before.m[i]) + 3 * (1 - beta1) * abs(gradient[i]);
        error.m[i] = beta1 * error.m[i] + unit * terms;
        const slope = rate / (sqrt(state.v[i]) + epsilon);
        // Half of v's units through the root; then the root itself, adding epsilon, rate's rounding, a product, a division.
        const units = vUnits(step) / 2 + sqrtUnits + 3 + divisionUnits;
        error.parameter[i] += slope * error.m[i] + unit * (units * slope * abs(state.m[i]) + abs(state.parameter[i]));
      }
    }
    const { parameter, m, v } = state;
    const seen = [await lab.compareWords(flag, Uint32Array.of(0), "flag")];
    // Then one element of the gradient is not finite, or so large that its square is not.
    for (const broken of [Number.NaN, Number.POSITIVE_INFINITY, -1e30]) {
      const gradient = lab.numbers(size).fill(broken, first % size, (first % size) + 1);
      const [spare, zero] = [lab.upload([size], state.parameter), () => lab.upload([size], new Float32Array(size))];
      const arenas = { gradient: lab.upload([size], gradient), parameter: spare, m: zero(), v: zero() };
      const alarm = lab.uploadWords(Uint32Array.of(0));
      const rates = lab.upload([4], [7, 7, lr, 7]);
      optimiser.adam(lab.stream, rates, at, arenas, constants, alarm);
      seen.push(await lab.compareWords(alarm, Uint32Array.of(1), `flag after ${broken}`));
    }
    return [
      ...seen,
      await lab.compare(tensors.parameter, parameter, (i) => error.parameter[i] + smallest, "parameter"),
      await lab.compare(tensors.m, m, (i) => error.m[i] + smallest, "m"),
      await lab.compare(tensors.v, v, (i) => unit * vUnits(steps) * v[i] + smallest, "v"),
    ];
  },
};

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
  const [mean, score] = [referenceLoss.sigmoidCrossEntropy(x, target), sum(activations.sigmoid(x)) / x.length];
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
    loss.sigmoidCrossEntropy(lab.stream, lab.upload([x.length], x), target, y);
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
    loss.sigmoidCrossEntropyGradient(lab.stream, tensors[0], target, tensors[1], dx);
    const expected = referenceLoss.sigmoidCrossEntropyGradient(x, target).map((value) => dloss[0] * value);
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
    loss.sigmoidCrossEntropyBoth(lab.stream, tensor, targets, losses, dx);
    const bounds = halves.flatMap(({ x, target }) => lossBounds(x, target));
    const expected = bounds.map(({ value }) => value);
    const gradient = halves.flatMap(({ x, target }) =>
      Array.from(referenceLoss.sigmoidCrossEntropyGradient(x, target)),
    );
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
    loss.recordLosses(lab.stream, lab.uploadWords(Uint32Array.of(step, 7)), losses, flag, ring);
    const expected = Float32Array.from(before);
    const at = (step % slots) * 8;
    expected.set([real[0] + fake[0], fooled[0], real[1], fake[1], penalty[0]], at);
    new Uint32Array(expected.buffer).set([step, 3], at + 5);
    return [await lab.compareWords(ring, new Uint32Array(expected.buffer))];
  },
};

export const elementwiseChecks: readonly Check[] = [
  ...elementwise.map(elementwiseCheck),
  scaleBy,
  divideBy,
  adam,
  sigmoidCrossEntropy,
  sigmoidCrossEntropyGradient,
  sigmoidCrossEntropyBoth,
  recordLosses,
];
