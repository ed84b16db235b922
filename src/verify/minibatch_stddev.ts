/** Checks of the minibatch standard deviation. */
import * as kernel from "../kernels/minibatch_stddev.ts";
import * as reference from "../reference/minibatch_stddev.ts";
import { type Check, type Dims, divisionUnits, realsOnly, smallest, sqrtUnits, unit } from "./check.ts";
import type { Lab } from "./lab.ts";

const { abs, ceil, sqrt } = Math;

const shapes: Dims[] = [
  { groups: 1, G: 2, H: 1, W: 1, C: 1, equal: 0 },
  { groups: 3, G: 4, H: 3, W: 2, C: 5, equal: 0 },
  { groups: 2, G: 3, H: 4, W: 4, C: 33, equal: 0 }, // more columns than threads
  { groups: 2, G: 4, H: 2, W: 2, C: 3, equal: 1 }, // identical pictures: sigma is sqrt(1e-8)
];
const random: Check["random"] = (int) => ({
  groups: int(1, 4),
  G: int(2, 4),
  H: int(1, 5),
  W: int(1, 5),
  C: int(1, 40),
  equal: 0,
});

/** Pictures, and the deviations of their columns with the allowed errors. */
function pictures(lab: Lab, { groups, G, H, W, C, equal }: Dims) {
  const M = H * W * C;
  const x = lab.numbers(groups * G * M);
  if (equal) for (let i = 0; i < x.length; i++) x[i] = x[Math.floor(i / (G * M)) * G * M + (i % M)];
  const shape = { x: [groups * G, H, W, C], y: [groups * G, H, W, C + 1] };
  /** The column of element i: deviations z, sigma, and their errors. |x| < 1, so a mean is off by less than G units. */
  const columnOf = (i: number) => {
    const first = Math.floor(i / (G * M)) * G * M + (i % M);
    const at = Array.from({ length: G }, (_, n) => first + n * M);
    const middle = at.reduce((sum, j) => sum + x[j], 0) / G;
    const z = at.map((j) => x[j] - middle);
    const sigma = sqrt(z.reduce((sum, value) => sum + value * value, 0) / G + 1e-8);
    const zError = unit * (G + divisionUnits + 1);
    return { at, z, sigma, zError, relative: zError / sigma + unit * (G / 2 + sqrtUnits + divisionUnits) };
  };
  return { x, M, shape, dims: { G, pixels: H * W, C }, columnOf };
}

/** The index in x of an element of y; null for the last channel. */
const placeInX = (i: number, C: number) => (i % (C + 1) === C ? null : i - Math.floor(i / (C + 1)));

/** Error units of a sum over `count` numbers by 256 threads and a tree. */
const sumUnits = (count: number) => ceil(count / 256) + 9;

const minibatchStddev: Check = {
  kernel: "minibatchStddev",
  kinds: realsOnly,
  shapes,
  random,
  async run(lab, dims) {
    const p = pictures(lab, dims);
    const y = lab.poisoned(p.shape.y);
    kernel.minibatchStddev(lab.stream, lab.upload(p.shape.x, p.x), y, dims.G);
    const expected = reference.minibatchStddev(p.x, p.dims);
    const errors = Array.from({ length: dims.groups }, (_, group) => {
      let sum = 0;
      for (let m = 0; m < p.M; m++) {
        const { sigma, relative } = p.columnOf(group * dims.G * p.M + m);
        sum += sigma * (relative + unit * (sumUnits(p.M) + divisionUnits));
      }
      return sum / p.M;
    });
    const perGroup = expected.length / dims.groups;
    const allowed = (i: number) => (placeInX(i, dims.C) === null ? errors[Math.floor(i / perGroup)] : 0);
    return [await lab.compare(y, expected, (i) => allowed(i) + smallest)];
  },
};

/** dy, and for each group the sum of its last channel with its allowed error. */
function upstream(lab: Lab, { groups, G, H, W, C }: Dims) {
  const dy = lab.numbers(groups * G * H * W * (C + 1));
  const pixels = G * H * W;
  const sums = Array.from({ length: groups }, (_, group) => {
    let [sum, amount] = [0, 0];
    for (let i = 0; i < pixels; i++) {
      const value = dy[(group * pixels + i) * (C + 1) + C];
      sum += value;
      amount += abs(value);
    }
    return { sum, error: unit * sumUnits(pixels) * amount };
  });
  return { dy, sumOf: (i: number) => sums[Math.floor(i / (pixels * C))] };
}

const minibatchStddevGradient: Check = {
  kernel: "minibatchStddevGradient",
  kinds: realsOnly,
  shapes,
  random,
  async run(lab, dims) {
    const p = pictures(lab, dims);
    const { dy, sumOf } = upstream(lab, dims);
    const dx = lab.poisoned(p.shape.x);
    const tensors = [lab.upload(p.shape.y, dy), lab.upload(p.shape.x, p.x)];
    kernel.minibatchStddevGradient(lab.stream, tensors[0], tensors[1], dx, dims.G);
    const expected = reference.minibatchStddevGradient(dy, p.x, p.dims);
    return [
      await lab.compare(dx, expected, (i) => {
        const { at, z, sigma, zError, relative } = p.columnOf(i);
        const { sum, error } = sumOf(i);
        const deviation = abs(z[at.indexOf(i)]);
        const scale = 1 / (dims.G * p.M * sigma);
        const units = unit * (5 + divisionUnits) + relative;
        return (
          scale * (error * deviation + abs(sum) * (deviation * units + zError)) + unit * abs(expected[i]) + smallest
        );
      }),
    ];
  },
};

const minibatchStddevCurvature: Check = {
  kernel: "minibatchStddevCurvature",
  kinds: realsOnly,
  // With identical pictures, deviations consist of rounding errors only, and dividing by sigma² = 1e-8 amplifies them.
  shapes: shapes.filter(({ equal }) => equal === 0),
  random,
  async run(lab, dims) {
    const p = pictures(lab, dims);
    const { dy, sumOf } = upstream(lab, dims);
    const u = lab.numbers(p.x.length);
    const [ddy, ddx] = [lab.poisoned(p.shape.y), lab.poisoned(p.shape.x)];
    const [us, dys, xs] = [lab.upload(p.shape.x, u), lab.upload(p.shape.y, dy), lab.upload(p.shape.x, p.x)];
    kernel.minibatchStddevCurvature(lab.stream, us, dys, xs, ddy, ddx, dims.G);
    const expected = reference.minibatchStddevCurvature(u, dy, p.x, p.dims);
    /** Σ|u·z| of a column, and the allowed error of Σ u·z. */
    const innerOf = (i: number) => {
      const column = p.columnOf(i);
      const amount = column.at.reduce((sum, j, n) => sum + abs(u[j] * column.z[n]), 0);
      const error = column.at.reduce((sum, j) => sum + abs(u[j]), 0) * column.zError + unit * (dims.G + 1) * amount;
      return { ...column, amount, error };
    };
    const slopeErrors = Array.from({ length: dims.groups }, (_, group) => {
      let sum = 0;
      for (let m = 0; m < p.M; m++) {
        const { sigma, relative, amount, error } = innerOf(group * dims.G * p.M + m);
        sum += (error + amount * (relative + unit * (sumUnits(p.M) + 2 * divisionUnits + 1))) / sigma;
      }
      return sum / (dims.G * p.M);
    });
    const perGroup = expected.ddy.length / dims.groups;
    const ddyAllowed = (i: number) => (placeInX(i, dims.C) === null ? slopeErrors[Math.floor(i / perGroup)] : 0);
    const ddxAllowed = (i: number) => {
      const { at, z, sigma, zError, relative, amount, error } = innerOf(i);
      const { sum, error: sumError } = sumOf(i);
      const { G } = dims;
      const deviation = abs(z[at.indexOf(i)]);
      const middle = at.reduce((total, j) => total + abs(u[j]), 0) / G;
      const along = amount / (G * sigma ** 2);
      const alongError = error / (G * sigma ** 2) + along * (2 * relative + unit * (3 + divisionUnits));
      const terms = abs(u[i]) + middle + along * deviation;
      const inside = alongError * deviation + along * zError + unit * (3 * terms + middle * (G + divisionUnits));
      const scale = 1 / (G * p.M * sigma);
      return (
        scale * (sumError * terms + abs(sum) * (inside + terms * (relative + unit * (4 + divisionUnits)))) + smallest
      );
    };
    return [
      await lab.compare(ddy, expected.ddy, (i) => ddyAllowed(i) + smallest, "ddy"),
      await lab.compare(ddx, expected.ddx, ddxAllowed, "ddx"),
    ];
  },
};

export const minibatchStddevChecks: readonly Check[] = [
  minibatchStddev,
  minibatchStddevGradient,
  minibatchStddevCurvature,
];
