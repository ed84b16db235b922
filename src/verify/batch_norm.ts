/** Checks of batch normalisation: statistics, normalisation, running averages, gradients. */
import * as kernel from "../kernels/batch_norm.ts";
import * as reference from "../reference/batch_norm.ts";
import { ema } from "../reference/ema.ts";
import { epsilon, gradientErrors, rstdUnits, statisticsErrors } from "./batch_norm_errors.ts";
import { both, type Check, type Dims, divisionUnits, realsOnly, smallest, unit } from "./check.ts";
import type { Lab } from "./lab.ts";

const { abs, fround, sqrt } = Math;

/** One row, one chunk, several with a short last one; and a mean so large that E[x²] − E[x]² would cancel. */
const shapes: Dims[] = [
  { rows: 1, C: 3, mean: 0 },
  { rows: 2, C: 1, mean: 0 },
  { rows: 63, C: 5, mean: 0 },
  { rows: 32, C: 8, mean: 3 },
  { rows: 300, C: 65, mean: 0 },
  { rows: 9000, C: 2, mean: 0 }, // chunks above the minimum length
  { rows: 500, C: 4, mean: 1000 },
];
const random: Check["random"] = (int) => ({ rows: int(2, 400), C: int(1, 40), mean: int(-2, 2) });

/** Numbers around the mean with a standard deviation of about 1. */
function centred(lab: Lab, { rows, C, mean }: Dims): Float32Array {
  return lab.numbers(rows * C).map((value) => mean + sqrt(3) * value);
}

/** Statistics in the GPU's layout, [3, C]: mean, rstd, variance. */
function moments(mean: ArrayLike<number>, variance: ArrayLike<number>): number[] {
  const rstd = Array.from(variance, (value) => 1 / sqrt(value + epsilon));
  return [...Array.from(mean), ...rstd, ...Array.from(variance)];
}

const batchNormStatistics: Check = {
  kernel: "batchNormStatistics",
  kinds: realsOnly,
  shapes,
  random,
  async run(lab, dims) {
    const { rows, C } = dims;
    const x = centred(lab, dims);
    const output = lab.poisoned([3, C]);
    kernel.batchNormStatistics(lab.stream, lab.upload([rows, C], x), output, epsilon);
    const { mean, variance } = reference.batchNormStatistics(x, rows, C);
    const errors = Array.from({ length: C }, (_, c) => statisticsErrors(rows, mean[c], variance[c]));
    const allowed = (["mean", "rstd", "variance"] as const).flatMap((value) => errors.map((error) => error[value]));
    return [await lab.compare(output, moments(mean, variance), (i) => allowed[i], "moments")];
  },
};

const batchNorm: Check = {
  kernel: "batchNorm",
  kinds: both,
  shapes,
  random,
  async run(lab, { rows, C, mean: offset }) {
    const x = lab.numbers(rows * C).map((value) => value + offset);
    const [mean, gamma, beta] = [lab.numbers(C).map((value) => value + offset), lab.numbers(C), lab.numbers(C)];
    // Variances that are powers of 4 have exact roots, which keeps integers exact.
    const variance = lab.numbers(C).map((value) => (lab.exact ? 4 ** -value : 1.5 + value));
    const atEpsilon = lab.exact ? 0 : epsilon;
    const saved = moments(mean, variance);
    if (lab.exact) for (let c = 0; c < C; c++) saved[C + c] = 1 / sqrt(variance[c]);
    const y = lab.poisoned([rows, C]);
    const parameters = [lab.upload([3, C], saved), lab.upload([C], gamma), lab.upload([C], beta)] as const;
    kernel.batchNorm(lab.stream, lab.upload([rows, C], x), ...parameters, y);
    const expected = reference.batchNorm(x, mean, variance, gamma, beta, atEpsilon, rows, C);
    // Roundings: rstd to f32, x − mean, two products, the sum.
    const allowed = (i: number) =>
      unit * (4 * abs(expected[i] - beta[i % C]) + abs(beta[i % C]) + abs(expected[i])) + smallest;
    return [await lab.compare(y, expected, allowed)];
  },
};

const batchNormRunning: Check = {
  kernel: "batchNormRunning",
  kinds: both,
  shapes: [{ C: 1 }, { C: 5 }, { C: 64 }, { C: 130 }],
  random: (int) => ({ C: int(1, 200) }),
  async run(lab, { C }) {
    const momentum = lab.exact ? 0.75 : fround(0.99);
    const [saved, before] = [lab.numbers(3 * C), lab.numbers(3 * C)];
    const running = lab.upload([3, C], before);
    kernel.batchNormRunning(lab.stream, lab.upload([3, C], saved), running, momentum);
    // Mean, variance, and the weight, which moves towards 1.
    const batch = [...saved.subarray(0, C), ...saved.subarray(2 * C), ...new Float32Array(C).fill(1)];
    const expected = ema(before, batch, momentum);
    return [await lab.compare(running, expected, (i) => 3 * unit * (abs(before[i]) + abs(batch[i])), "running")];
  },
};

const batchNormInference: Check = {
  kernel: "batchNormInference",
  kinds: realsOnly,
  shapes: [
    { C: 1, updates: 1 },
    { C: 5, updates: 3 },
    { C: 130, updates: 500 },
    { C: 3, updates: 0 }, // no updates yet: mean 0, variance 1
  ],
  random: (int) => ({ C: int(1, 200), updates: int(0, 20) }),
  async run(lab, { C, updates }) {
    const weight = fround(1 - 0.99 ** updates);
    const numbers = lab.numbers(2 * C);
    const running = new Float32Array(3 * C);
    for (let c = 0; c < C && updates > 0; c++) {
      running[c] = numbers[c];
      running[C + c] = weight * (1.1 + numbers[C + c]);
      running[2 * C + c] = weight;
    }
    const output = lab.poisoned([3, C]);
    kernel.batchNormInference(lab.stream, lab.upload([3, C], running), output, epsilon);
    const mean = Array.from({ length: C }, (_, c) => (updates ? running[c] / weight : 0));
    const variance = Array.from({ length: C }, (_, c) => (updates ? running[C + c] / weight : 1));
    const expected = moments(mean, variance);
    // rstd inherits half of the variance's relative error.
    const units = (i: number) => (i >= C && i < 2 * C ? divisionUnits / 2 + rstdUnits : divisionUnits);
    return [await lab.compare(output, expected, (i) => unit * units(i) * abs(expected[i]) + smallest, "moments")];
  },
};

const batchNormGradient: Check = {
  kernel: "batchNormGradient",
  kinds: realsOnly,
  shapes,
  random,
  async run(lab, dims) {
    const { rows, C } = dims;
    const x = centred(lab, dims);
    const [dy, gamma] = [lab.numbers(rows * C), lab.numbers(C)];
    const { mean, variance } = reference.batchNormStatistics(x, rows, C);
    const [sums, dx] = [lab.poisoned([2, C]), lab.poisoned([rows, C])];
    kernel.batchNormGradient(
      lab.stream,
      lab.upload([rows, C], dy),
      lab.upload([rows, C], x),
      lab.upload([3, C], moments(mean, variance)),
      lab.upload([C], gamma),
      sums,
      dx,
    );
    const { dgamma, dbeta, dx: expected } = reference.batchNormGradient(x, dy, gamma, epsilon, rows, C);
    const allowedSums = new Float64Array(2 * C);
    const allowed = new Float64Array(rows * C);
    for (let c = 0; c < C; c++) {
      const indices = Array.from({ length: rows }, (_, row) => row * C + c);
      const column = { mean: mean[c], variance: variance[c], gamma: gamma[c] };
      const errors = gradientErrors(x, indices, column, (i) => ({ g: dy[i], gError: 0 }));
      allowedSums[c] = errors.dgamma;
      allowedSums[C + c] = errors.dbeta;
      for (const [row, i] of indices.entries()) allowed[i] = errors.dx[row];
    }
    return [
      await lab.compare(sums, [...dgamma, ...dbeta], (i) => allowedSums[i], "sums"),
      await lab.compare(dx, expected, (i) => allowed[i], "dx"),
    ];
  },
};

/** The shapes above with one group and with two, and with gradients overwritten or accumulated. */
const groupedShapes: Dims[] = shapes.map((dims, i) => ({ ...dims, groups: 1 + (i % 2), plus: Number(i % 3 === 1) }));
const randomGrouped: Check["random"] = (int) => ({ ...random(int), groups: int(1, 3), plus: int(0, 1) });
const slope = fround(0.2);
const momentum = fround(0.99);

/** The statistics of each group, in f64. */
function groupStatistics(x: Float32Array, { rows, C, groups }: Dims) {
  return Array.from({ length: groups }, (_, group) =>
    reference.batchNormStatistics(x.subarray(group * rows * C, (group + 1) * rows * C), rows, C),
  );
}

/** What the forward pass keeps for the gradient, [groups, 4, C]: each group's mean and rstd, then gamma and beta. */
function appliedValues(statistics: ReturnType<typeof groupStatistics>, gamma: Float32Array, beta: Float32Array) {
  return statistics.flatMap(({ mean, variance }) => {
    return [...moments(mean, variance).slice(0, 2 * mean.length), ...gamma, ...beta];
  });
}

const batchNormLeakyRelu: Check = {
  kernel: "batchNormLeakyRelu",
  kinds: realsOnly,
  shapes: groupedShapes,
  random: randomGrouped,
  async run(lab, dims) {
    const { rows, C, groups } = dims;
    const x = centred(lab, { ...dims, rows: groups * rows });
    const [gamma, beta, before] = [lab.numbers(C), lab.numbers(C), lab.numbers(3 * C)];
    const [y, applied] = [lab.poisoned([groups * rows, C]), lab.poisoned([groups, 4, C])];
    const running = lab.upload([3, C], before);
    kernel.batchNormLeakyRelu(
      lab.stream,
      lab.upload([groups * rows, C], x),
      lab.upload([C], gamma),
      lab.upload([C], beta),
      y,
      applied,
      { epsilon, slope, running: { averages: running, momentum } },
    );
    const statistics = groupStatistics(x, dims);
    const errors = statistics.map(({ mean, variance }) =>
      Array.from(mean, (_, c) => statisticsErrors(rows, mean[c], variance[c])),
    );
    const expectedApplied = appliedValues(statistics, gamma, beta);
    const allowedApplied = errors.flatMap((columns) => [
      ...columns.map((error) => error.mean),
      ...columns.map((error) => error.rstd),
      ...new Array(2 * C).fill(0),
    ]);
    const batch = [...statistics[0].mean, ...statistics[0].variance, ...new Float64Array(C).fill(1)];
    const inherited = [...errors[0].map(({ mean }) => mean), ...errors[0].map(({ variance }) => variance)];
    const expected = reference.batchNormLeakyRelu(x, gamma, beta, { groups, rows, C, epsilon, slope });
    const allowed = (i: number) => {
      const [c, group] = [i % C, Math.floor(i / (rows * C))];
      const error = errors[group][c];
      const { mean, variance } = statistics[group];
      const [deviation, rstd] = [abs(x[i] - mean[c]), 1 / sqrt(variance[c] + epsilon)];
      const scaled = abs(gamma[c]) * deviation * rstd;
      // Errors of the mean and of rstd, of x − mean and two products, the sum and the slope. Leaky ReLU amplifies none.
      const fromStatistics = abs(gamma[c]) * (error.mean * rstd + deviation * error.rstd);
      return fromStatistics + unit * (4 * scaled + 2 * (scaled + abs(beta[c]))) + smallest;
    };
    return [
      await lab.compare(y, expected, allowed),
      await lab.compare(applied, expectedApplied, (i) => allowedApplied[i], "applied"),
      await lab.compare(
        running,
        ema(before, batch, momentum),
        (i) => 3 * unit * (abs(before[i]) + abs(batch[i])) + (1 - momentum) * (inherited[i] ?? 0),
        "running",
      ),
    ];
  },
};

const batchNormLeakyReluGradient: Check = {
  kernel: "batchNormLeakyReluGradient",
  kinds: realsOnly,
  shapes: groupedShapes,
  random: randomGrouped,
  async run(lab, dims) {
    const { rows, C, groups, plus } = dims;
    const size = groups * rows * C;
    const x = centred(lab, { ...dims, rows: groups * rows });
    const [dy, gamma, beta] = [lab.numbers(size), lab.numbers(C), lab.numbers(C)];
    const statistics = groupStatistics(x, dims);
    const applied = appliedValues(statistics, gamma, beta);
    const dx = lab.poisoned([groups * rows, C]);
    const [dgamma, dbeta] = [lab.output([C], plus), lab.output([C], plus)];
    const accumulate = plus === 1;
    kernel.batchNormLeakyReluGradient(
      lab.stream,
      lab.upload([groups * rows, C], dy),
      lab.upload([groups * rows, C], x),
      lab.upload([groups, 4, C], applied),
      dx,
      { slope, dgamma: { tensor: dgamma.tensor, accumulate }, dbeta: { tensor: dbeta.tensor, accumulate } },
    );
    const expected = reference.batchNormLeakyReluGradient(x, dy, gamma, beta, { groups, rows, C, epsilon, slope });
    const allowed = new Float64Array(size);
    const [allowedGamma, allowedBeta] = [new Float64Array(C), new Float64Array(C)];
    for (let c = 0; c < C; c++) {
      const gradient = (i: number, xHat: number, xHatError: number) => {
        const normalised = gamma[c] * xHat + beta[c];
        const g = normalised > 0 ? dy[i] : slope * dy[i];
        // Where rounding decides the sign, either slope is allowed.
        const terms = abs(gamma[c]) * abs(xHat) + abs(beta[c]);
        const undecided = abs(normalised) <= abs(gamma[c]) * xHatError + 2 * unit * terms;
        return { g, gError: unit * abs(g) + (undecided ? (1 - slope) * abs(dy[i]) : 0) };
      };
      for (const [group, { mean, variance }] of statistics.entries()) {
        const indices = Array.from({ length: rows }, (_, row) => (group * rows + row) * C + c);
        const column = { mean: mean[c], variance: variance[c], gamma: gamma[c] };
        const errors = gradientErrors(x, indices, column, gradient);
        allowedGamma[c] += errors.dgamma + unit * (abs(dgamma.before[c]) + abs(expected.dgamma[c]));
        allowedBeta[c] += errors.dbeta + unit * (abs(dbeta.before[c]) + abs(expected.dbeta[c]));
        for (const [row, i] of indices.entries()) allowed[i] = errors.dx[row];
      }
    }
    const total = (gradient: Float64Array, before: Float32Array) => gradient.map((value, c) => value + before[c]);
    return [
      await lab.compare(dx, expected.dx, (i) => allowed[i], "dx"),
      await lab.compare(dgamma.tensor, total(expected.dgamma, dgamma.before), (i) => allowedGamma[i], "dgamma"),
      await lab.compare(dbeta.tensor, total(expected.dbeta, dbeta.before), (i) => allowedBeta[i], "dbeta"),
    ];
  },
};

export const batchNormChecks: readonly Check[] = [
  batchNormStatistics,
  batchNorm,
  batchNormRunning,
  batchNormInference,
  batchNormGradient,
  batchNormLeakyRelu,
  batchNormLeakyReluGradient,
];
