/** Checks of batch normalisation: statistics, normalisation, running averages, gradients. */
import * as kernel from "../kernels/batch_norm.ts";
import * as reference from "../reference/batch_norm.ts";
import { ema } from "../reference/ema.ts";
import { both, type Check, type Dims, divisionUnits, realsOnly, smallest, sqrtUnits, unit } from "./check.ts";
import { type Lab, sumBound } from "./lab.ts";

const { abs, fround, sqrt } = Math;

const epsilon = fround(1e-5);
/** Rounding units of 1 / sqrt(variance + epsilon). */
const rstdUnits = 1 + sqrtUnits + divisionUnits;

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

const column = (rows: number, C: number, f: (row: number, i: number) => number, c: number): number => {
  let total = 0;
  for (let row = 0; row < rows; row++) total += f(row, row * C + c);
  return total;
};

/** The reference's statistics as the GPU stores them: [3, C] f32. */
function moments(mean: ArrayLike<number>, variance: ArrayLike<number>): Float32Array {
  const C = mean.length;
  const values = new Float32Array(3 * C);
  values.set(mean);
  for (let c = 0; c < C; c++) values[C + c] = 1 / sqrt(variance[c] + epsilon);
  values.set(variance, 2 * C);
  return values;
}

/** The allowed errors of the statistics of one column. */
function statisticsErrors(rows: number, mean: number, variance: number) {
  const chunks = kernel.statisticsChunks(rows);
  const steps = Math.min(rows, chunks.rows) + chunks.count;
  // A mean is as exact as a sum of `steps` numbers of x's magnitude, divided by `steps`.
  const meanError = sumBound(steps, (mean ** 2 + variance) * steps) / steps + unit * abs(mean);
  // Chan's formula squares differences of the chunks' means, which have that error.
  const varianceError =
    sumBound(steps, 3 * variance ** 2 * steps) + 2 * meanError * sqrt(variance) + meanError ** 2 + smallest;
  const rstd = 1 / sqrt(variance + epsilon);
  return {
    mean: meanError,
    variance: varianceError,
    rstd: 0.5 * rstd ** 3 * varianceError + unit * rstdUnits * rstd,
  };
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
    const rstd = variance.map((value) => 1 / sqrt(value + epsilon));
    const errors = Array.from({ length: C }, (_, c) => statisticsErrors(rows, mean[c], variance[c]));
    const allowed = (["mean", "rstd", "variance"] as const).flatMap((value) => errors.map((error) => error[value]));
    return [await lab.compare(output, [...mean, ...rstd, ...variance], (i) => allowed[i], "moments")];
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
    const rstd = variance.map((value) => 1 / sqrt(value + epsilon));
    const expected = [...mean, ...rstd, ...variance];
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
      const rstd = 1 / sqrt(variance[c] + epsilon);
      const xHat = (i: number) => (x[i] - mean[c]) * rstd;
      // The mean was rounded to f32, which shifts every x̂; then come x̂'s own three roundings.
      const shift = 0.5 * unit * abs(mean[c]) * rstd;
      const xHatError = (i: number) => shift + 3 * unit * abs(xHat(i));
      const dgammaError =
        column(rows, C, (_, i) => abs(dy[i]) * xHatError(i), c) +
        sumBound(
          rows,
          column(rows, C, (_, i) => (dy[i] * xHat(i)) ** 2, c),
        );
      const dbetaError = sumBound(
        rows,
        column(rows, C, (_, i) => dy[i] ** 2, c),
      );
      allowedSums[c] = dgammaError;
      allowedSums[C + c] = dbetaError;
      for (let row = 0; row < rows; row++) {
        const i = row * C + c;
        const [shareB, shareG] = [abs(dbeta[c]) / rows, abs(dgamma[c]) / rows];
        const terms = abs(dy[i]) + shareB + abs(xHat(i)) * shareG;
        // Each term goes through a division or a product, two differences, and the two factors in front.
        const rounding = unit * (divisionUnits + 6) * terms;
        const inherited = (dbetaError + abs(xHat(i)) * dgammaError) / rows + shareG * xHatError(i);
        allowed[i] = abs(gamma[c]) * rstd * (rounding + inherited) + smallest;
      }
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
    const rstd = (group: number, c: number) => 1 / sqrt(statistics[group].variance[c] + epsilon);
    const errors = statistics.map(({ mean, variance }) =>
      Array.from(mean, (_, c) => statisticsErrors(rows, mean[c], variance[c])),
    );
    const expectedApplied = statistics.flatMap(({ mean }, group) => [
      ...mean,
      ...mean.map((_, c) => rstd(group, c)),
      ...gamma,
      ...beta,
    ]);
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
      const deviation = abs(x[i] - statistics[group].mean[c]);
      const scaled = abs(gamma[c]) * deviation * rstd(group, c);
      // Errors of the mean and of rstd, of x − mean and two products, the sum and the slope. Leaky ReLU amplifies none.
      const fromStatistics = abs(gamma[c]) * (error.mean * rstd(group, c) + deviation * error.rstd);
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
    const [dy, gamma, beta, before] = [lab.numbers(size), lab.numbers(C), lab.numbers(C), lab.numbers(2 * C)];
    if (!plus) before.fill(0);
    const statistics = groupStatistics(x, dims);
    const applied = statistics.flatMap(({ mean, variance }) => [
      ...moments(mean, variance).subarray(0, 2 * C),
      ...gamma,
      ...beta,
    ]);
    const dx = lab.poisoned([groups * rows, C]);
    const [dgamma, dbeta] = [0, C].map((at) =>
      plus ? lab.upload([C], before.subarray(at, at + C)) : lab.poisoned([C]),
    );
    kernel.batchNormLeakyReluGradient(
      lab.stream,
      lab.upload([groups * rows, C], dy),
      lab.upload([groups * rows, C], x),
      lab.upload([groups, 4, C], applied),
      dx,
      {
        slope,
        dgamma: { tensor: dgamma, accumulate: plus === 1 },
        dbeta: { tensor: dbeta, accumulate: plus === 1 },
      },
    );
    const expected = reference.batchNormLeakyReluGradient(x, dy, gamma, beta, { groups, rows, C, epsilon, slope });
    const allowed = new Float64Array(size);
    const [allowedGamma, allowedBeta] = [new Float64Array(C), new Float64Array(C)];
    for (let c = 0; c < C; c++) {
      for (let group = 0; group < groups; group++) {
        const mean = statistics[group].mean[c];
        const rstd = 1 / sqrt(statistics[group].variance[c] + epsilon);
        const at = (row: number) => (group * rows + row) * C + c;
        const xHat = (i: number) => (x[i] - mean) * rstd;
        // The mean was rounded to f32, which shifts every x̂; then come x̂'s own three roundings.
        const shift = 0.5 * unit * abs(mean) * rstd;
        const xHatError = (i: number) => shift + 3 * unit * abs(xHat(i));
        const g = (i: number) => (gamma[c] * xHat(i) + beta[c] > 0 ? dy[i] : slope * dy[i]);
        // Where rounding decides the sign, either slope is allowed.
        const gError = (i: number) => {
          const normalised = abs(gamma[c] * xHat(i) + beta[c]);
          const terms = abs(gamma[c]) * abs(xHat(i)) + abs(beta[c]);
          const undecided = normalised <= abs(gamma[c]) * xHatError(i) + 2 * unit * terms;
          return unit * abs(g(i)) + (undecided ? (1 - slope) * abs(dy[i]) : 0);
        };
        let [sumG, sumB, errorG, errorB, squaresG, squaresB] = [0, 0, 0, 0, 0, 0];
        for (let row = 0; row < rows; row++) {
          const i = at(row);
          sumG += g(i) * xHat(i);
          sumB += g(i);
          errorG += abs(g(i)) * xHatError(i) + gError(i) * abs(xHat(i));
          errorB += gError(i);
          squaresG += (g(i) * xHat(i)) ** 2;
          squaresB += g(i) ** 2;
        }
        errorG += sumBound(rows, squaresG);
        errorB += sumBound(rows, squaresB);
        allowedGamma[c] += errorG + unit * (abs(before[c]) + abs(expected.dgamma[c]));
        allowedBeta[c] += errorB + unit * (abs(before[C + c]) + abs(expected.dbeta[c]));
        for (let row = 0; row < rows; row++) {
          const i = at(row);
          const [shareB, shareG] = [abs(sumB) / rows, abs(sumG) / rows];
          const terms = abs(g(i)) + shareB + abs(xHat(i)) * shareG;
          // Each term goes through a division or a product, two differences, and the two factors in front.
          const rounding = unit * (divisionUnits + 6) * terms;
          const inherited = (errorB + abs(xHat(i)) * errorG) / rows + shareG * xHatError(i) + gError(i);
          allowed[i] = abs(gamma[c]) * rstd * (rounding + inherited) + smallest;
        }
      }
    }
    const total = (gradient: Float64Array, at: number) => gradient.map((value, c) => value + before[at + c]);
    return [
      await lab.compare(dx, expected.dx, (i) => allowed[i], "dx"),
      await lab.compare(dgamma, total(expected.dgamma, 0), (i) => allowedGamma[i], "dgamma"),
      await lab.compare(dbeta, total(expected.dbeta, C), (i) => allowedBeta[i], "dbeta"),
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
