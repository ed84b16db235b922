/** Checks of the parts of spectral normalisation. */
import * as kernel from "../kernels/spectral_norm.ts";
import { sumOfSquares } from "../reference/reduce.ts";
import * as reference from "../reference/spectral_norm.ts";
import { both, type Check, divisionUnits, realsOnly, smallest, sqrtUnits, unit } from "./check.ts";
import { square, sumBound } from "./lab.ts";

const { abs, ceil } = Math;

const vectorMatrix: Check = {
  kernel: "vectorMatrix",
  kinds: both,
  shapes: [
    { rows: 1, columns: 1 },
    { rows: 75, columns: 16 },
    { rows: 33, columns: 65 },
    { rows: 5000, columns: 3 }, // chunks above the minimum length
  ],
  random: (int) => ({ rows: int(1, 300), columns: int(1, 70) }),
  async run(lab, { rows, columns }) {
    const [x, matrix] = [lab.numbers(rows), lab.numbers(rows * columns)];
    const chunks = kernel.vectorChunks(rows);
    const partial = lab.poisoned([chunks.count, columns]);
    kernel.vectorMatrix(lab.stream, lab.upload([rows], x), lab.upload([rows, columns], matrix), partial);
    const products = (x: ArrayLike<number>, matrix: ArrayLike<number>) =>
      Array.from({ length: chunks.count }, (_, i) => {
        const [first, end] = [i * chunks.rows, Math.min((i + 1) * chunks.rows, rows)];
        const part = Array.from(matrix).slice(first * columns, end * columns);
        return Array.from(reference.vectorMatrix(Array.from(x).slice(first, end), part, columns));
      }).flat();
    const squares = products(square(x), square(matrix));
    return [await lab.compare(partial, products(x, matrix), (i) => sumBound(chunks.rows, squares[i]))];
  },
};

const normalise: Check = {
  kernel: "normalise",
  kinds: realsOnly,
  shapes: [
    { splits: 1, size: 1, zero: 0 },
    { splits: 3, size: 255, zero: 0 },
    { splits: 64, size: 257, zero: 0 },
    { splits: 1, size: 3200, zero: 0 },
    { splits: 2, size: 5, zero: 1 }, // stays 0 instead of becoming NaN
  ],
  random: (int) => ({ splits: int(1, 20), size: int(1, 600), zero: 0 }),
  async run(lab, { splits, size, zero }) {
    const partial = lab.numbers(splits * size).map((value) => (zero ? 0 : value));
    const y = lab.poisoned([size]);
    kernel.normalise(lab.stream, lab.upload([splits, size], partial), y);
    const sums = reference.vectorMatrix(new Array(splits).fill(1), partial, size);
    const expected = reference.normalise(sums);
    const squares = reference.vectorMatrix(new Array(splits).fill(1), square(partial), size);
    // Each sum's own error, then the length's error: those errors combined, and a unit for each addition of squares.
    const each = (i: number) => sumBound(splits, squares[i]);
    const length = Math.max(Math.sqrt(sumOfSquares(sums)), 1e-12);
    const spread = Math.sqrt(sumOfSquares(Array.from(sums, (_, i) => each(i)))) / length;
    const units = (ceil(size / 256) + 9) / 2 + sqrtUnits + divisionUnits;
    return [
      await lab.compare(y, expected, (i) => each(i) / length + abs(expected[i]) * (spread + unit * units) + smallest),
    ];
  },
};

const spectralNormGradient: Check = {
  kernel: "spectralNormGradient",
  kinds: both,
  shapes: [
    { rows: 1, columns: 1, plus: 0 },
    { rows: 75, columns: 16, plus: 1 },
    { rows: 13, columns: 5, plus: 0 },
  ],
  random: (int) => ({ rows: int(1, 80), columns: int(1, 40), plus: int(0, 1) }),
  async run(lab, { rows, columns, plus }) {
    const size = rows * columns;
    const [dy, v, u, before] = [size, rows, columns, size].map((count) => lab.numbers(count));
    const inner = lab.numbers(1);
    // Integers stay exact when divided by a power of two.
    const sigma = Float32Array.of(lab.exact ? 2 : 0.7);
    const dx = plus ? lab.upload([rows, columns], before) : lab.poisoned([rows, columns]);
    const scalars = { inner: lab.upload([1], inner), sigma: lab.upload([1], sigma) };
    const vectors = { v: lab.upload([rows], v), u: lab.upload([columns], u) };
    kernel.spectralNormGradient(
      lab.stream,
      lab.upload([rows, columns], dy),
      { ...scalars, ...vectors },
      dx,
      plus === 1,
    );
    const outer = Float64Array.from(dy, (_, i) => inner[0] * v[Math.floor(i / columns)] * u[i % columns]);
    const values = outer.map((product, i) => (dy[i] - product) / sigma[0]);
    const expected = values.map((value, i) => value + (plus ? before[i] : 0));
    const allowed = (i: number) =>
      unit * ((3 * abs(outer[i]) + abs(dy[i])) / sigma[0] + divisionUnits * abs(values[i]) + abs(expected[i])) +
      smallest;
    return [await lab.compare(dx, expected, allowed)];
  },
};

export const spectralNormChecks: readonly Check[] = [vectorMatrix, normalise, spectralNormGradient];
