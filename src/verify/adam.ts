/** The check of Adam. */
import * as optimiser from "../kernels/adam.ts";
import * as reference from "../reference/adam.ts";
import { type Check, divisionUnits, realsOnly, smallest, sqrtUnits, unit } from "./check.ts";

const { abs, fround, sqrt } = Math;

export const adam: Check = {
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
    let state: reference.AdamState = {
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
      state = reference.adam(state, gradient, { t, lr, ...constants });
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
