/** Checks of sums over long axes, and of the smooth filter. */
import * as kernel from "../kernels/reduce.ts";
import * as smooth from "../kernels/smooth_filter.ts";
import * as reference from "../reference/reduce.ts";
import * as referenceSmooth from "../reference/smooth_filter.ts";
import { both, type Check, type Dims, smallest, unit } from "./check.ts";
import { square, sumBound } from "./lab.ts";

const plusBefore = (values: Float64Array, before: ArrayLike<number>) => values.map((value, i) => value + before[i]);

const columnSum: Check = {
  kernel: "columnSum",
  kinds: both,
  shapes: [
    { rows: 1, columns: 1, plus: 0 },
    { rows: 1, columns: 5, plus: 1 },
    { rows: 33, columns: 3, plus: 0 },
    { rows: 64, columns: 65, plus: 1 },
    { rows: 128, columns: 3, plus: 0 }, // the maximum for one dispatch
    { rows: 129, columns: 3, plus: 1 },
    { rows: 9000, columns: 2, plus: 1 }, // chunks above the minimum length
  ],
  random: (int) => ({ rows: int(1, 500), columns: int(1, 80), plus: int(0, 1) }),
  async run(lab, dims) {
    const { rows, columns } = dims;
    const x = lab.numbers(rows * columns);
    const { before, tensor } = lab.output([columns], dims.plus);
    kernel.columnSum(lab.stream, lab.upload([rows, columns], x), tensor, dims.plus === 1);
    const expected = plusBefore(reference.columnSum(x, rows, columns), before);
    const squares = plusBefore(reference.columnSum(square(x), rows, columns), square(before));
    return [await lab.compare(tensor, expected, (i) => sumBound(rows + 1, squares[i]))];
  },
};

const reduceSplits: Check = {
  kernel: "reduceSplits",
  kinds: both,
  shapes: [
    { splits: 1, size: 1, plus: 0 },
    { splits: 3, size: 5, plus: 1 },
    { splits: 57, size: 135, plus: 0 },
    { splits: 2, size: 64, plus: 1 },
  ],
  random: (int) => ({ splits: int(1, 60), size: int(1, 300), plus: int(0, 1) }),
  async run(lab, dims) {
    const { splits, size } = dims;
    const partial = lab.numbers(splits * size);
    const { before, tensor } = lab.output([size], dims.plus);
    kernel.reduceSplits(lab.stream, lab.upload([splits, size], partial), tensor, dims.plus === 1);
    const expected = plusBefore(reference.columnSum(partial, splits, size), before);
    const squares = plusBefore(reference.columnSum(square(partial), splits, size), square(before));
    return [await lab.compare(tensor, expected, (i) => sumBound(splits + 1, squares[i]))];
  },
};

const addRow: Check = {
  kernel: "addRow",
  kinds: both,
  shapes: [
    { rows: 1, row: 0, size: 1, plus: 0 },
    { rows: 2, row: 1, size: 5, plus: 1 },
    { rows: 3, row: 1, size: 130, plus: 0 },
  ],
  random: (int) => {
    const rows = int(1, 4);
    return { rows, row: int(0, rows - 1), size: int(1, 200), plus: int(0, 1) };
  },
  async run(lab, dims) {
    const { rows, row, size } = dims;
    const matrix = lab.numbers(rows * size);
    const { before, tensor } = lab.output([size], dims.plus);
    kernel.addRow(lab.stream, lab.upload([rows, size], matrix), row, tensor, dims.plus === 1);
    const expected = plusBefore(Float64Array.from(matrix.subarray(row * size, (row + 1) * size)), before);
    return [await lab.compare(tensor, expected, (i) => unit * Math.abs(expected[i]) + smallest)];
  },
};

const sumOfSquares: Check = {
  kernel: "sumOfSquares",
  kinds: both,
  shapes: [{ size: 1 }, { size: 63 }, { size: 1024 }, { size: 1025 }, { size: 6144 }],
  random: (int) => ({ size: int(1, 5000) }),
  async run(lab, { size }) {
    const factor = lab.exact ? 0.5 : Math.fround(1 / 48);
    const x = lab.numbers(size);
    const y = lab.poisoned([1]);
    kernel.sumOfSquares(lab.stream, lab.upload([size], x), y, factor);
    const expected = [factor * reference.sumOfSquares(x)];
    // All terms are positive, so errors do not cancel as in a random walk: one unit for every addition in the chain.
    const chunk = Math.max(1024, Math.ceil(size / 256));
    const steps = Math.ceil(Math.min(size, chunk) / 64) + 6 + Math.ceil(size / chunk);
    return [await lab.compare(y, expected, () => unit * (steps + 2) * expected[0])];
  },
};

const dot: Check = {
  kernel: "dot",
  kinds: both,
  shapes: [{ size: 1 }, { size: 63 }, { size: 1024 }, { size: 1025 }, { size: 6144 }],
  random: (int) => ({ size: int(1, 5000) }),
  async run(lab, { size }) {
    const [a, b] = [lab.numbers(size), lab.numbers(size)];
    const y = lab.poisoned([1]);
    kernel.dot(lab.stream, lab.upload([size], a), lab.upload([size], b), y);
    return [await lab.compare(y, [reference.dot(a, b)], () => sumBound(size, reference.dot(square(a), square(b))))];
  },
};

const filters: Dims[] = [
  { R: 1, S: 1, C: 1, K: 1, plus: 0 },
  { R: 4, S: 4, C: 3, K: 8, plus: 1 },
  { R: 2, S: 5, C: 5, K: 3, plus: 0 },
];
const randomFilter: Check["random"] = (int) => ({
  R: int(1, 6),
  S: int(1, 6),
  C: int(1, 8),
  K: int(1, 8),
  plus: int(0, 1),
});

const smoothFilter: Check = {
  kernel: "smoothFilter",
  kinds: both,
  shapes: filters,
  random: randomFilter,
  async run(lab, { R, S, C, K }) {
    const x = lab.numbers(R * S * C * K);
    const y = lab.poisoned([R + 1, S + 1, C, K]);
    smooth.smoothFilter(lab.stream, lab.upload([R, S, C, K], x), y);
    const squares = referenceSmooth.smoothFilter(square(x), R, S, C, K);
    // These are squares times ¼, but the bound needs squares times ¼², hence the division.
    return [await lab.compare(y, referenceSmooth.smoothFilter(x, R, S, C, K), (i) => sumBound(4, squares[i] / 4))];
  },
};

const smoothFilterGradient: Check = {
  kernel: "smoothFilterGradient",
  kinds: both,
  shapes: filters,
  random: randomFilter,
  async run(lab, dims) {
    const { R, S, C, K } = dims;
    const dy = lab.numbers((R + 1) * (S + 1) * C * K);
    const { before, tensor } = lab.output([R, S, C, K], dims.plus);
    smooth.smoothFilterGradient(lab.stream, lab.upload([R + 1, S + 1, C, K], dy), tensor, dims.plus === 1);
    const expected = plusBefore(referenceSmooth.smoothFilterGradient(dy, R, S, C, K), before);
    const squares = referenceSmooth.smoothFilterGradient(square(dy), R, S, C, K);
    return [await lab.compare(tensor, expected, (i) => sumBound(5, squares[i] / 4 + before[i] ** 2))];
  },
};

export const reductionChecks: readonly Check[] = [
  columnSum,
  reduceSplits,
  addRow,
  sumOfSquares,
  dot,
  smoothFilter,
  smoothFilterGradient,
];
