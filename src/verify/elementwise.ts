/** Checks of elementwise kernels. */
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import * as map from "../kernels/elementwise.ts";
import * as activations from "../reference/activations.ts";
import { ema } from "../reference/ema.ts";
import { both, type Check, type Dims, divisionUnits, expUnits, realsOnly, smallest, unit } from "./check.ts";
import type { NumberKind } from "./lab.ts";

const { abs, exp, fround } = Math;

interface Elementwise {
  readonly kernel: string;
  readonly kinds: readonly NumberKind[];
  /** Number of tensors that it reads; with `inPlace`, the last one is the initial content of y. */
  readonly inputs: number;
  readonly inPlace?: true;
  /** Its second input is one number, this function of a random one. */
  readonly scalar?: (number: number) => number;
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
  const { scalar, range = 1, special = [] } = spec;
  return {
    kernel: spec.kernel,
    kinds: spec.kinds,
    shapes: sizes,
    random: (int) => ({ size: int(1, 2000) }),
    async run(lab, { size }) {
      const constant = lab.exact ? 0.25 : fround(0.2);
      const inputs = Array.from({ length: spec.inputs }, (_, i) =>
        i === 1 && scalar ? lab.numbers(1).map(scalar) : lab.numbers(size).map((x) => x * range),
      );
      inputs[0]?.set(special.slice(0, size));
      const tensors = inputs.map((numbers) => lab.upload([numbers.length], numbers));
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
  {
    kernel: "scaleBy",
    kinds: both,
    inputs: 2,
    scalar: (number) => number,
    host: (stream, [x, scalar], y, factor) => map.scaleBy(stream, x, scalar, y, factor),
    reference: ([x, [scalar]], factor) => Float64Array.from(x, (value) => factor * scalar * value),
    allowed: (i, _, y) => 2 * unit * abs(y[i]),
  },
  {
    kernel: "divideBy",
    kinds: realsOnly,
    inputs: 2,
    scalar: (number) => 2 + number,
    host: (stream, [x, scalar], y) => map.divideBy(stream, x, scalar, y),
    reference: ([x, [scalar]]) => Float64Array.from(x, (value) => value / scalar),
    allowed: (i, _, y) => divisionUnits * unit * abs(y[i]),
  },
];

export const elementwiseChecks: readonly Check[] = elementwise.map(elementwiseCheck);
