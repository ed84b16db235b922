import { expect, test } from "vitest";
import { sumOfSquares } from "../../src/reference/reduce.ts";
import {
  matrixVector,
  normalise,
  powerIteration,
  spectralNorm,
  spectralNormGradient,
  vectorMatrix,
} from "../../src/reference/spectral_norm.ts";
import { expectClose, expectGradient, random } from "./finite_difference.ts";

const [rows, K] = [7, 4];
const x = random(rows * K, 1);

test("a matrix between two vectors", () => {
  const matrix = [1, 2, 3, 4, 5, 6];
  expectClose(matrixVector(matrix, [1, -1], 3), [-1, -1, -1]);
  expectClose(vectorMatrix([1, 0, -1], matrix, 2), [-4, -4]);
});

test("a length of 1; a vector of zeros stays one", () => {
  expectClose(normalise([3, 0, -4]), [0.6, 0, -0.8]);
  expectClose(normalise([0, 0]), [0, 0]);
});

test("the power iteration finds the largest singular value: by hand, and of a random matrix by its properties", () => {
  // diag(3, 1) turned by a rotation on both sides keeps 3.
  const [c, s] = [0.6, 0.8];
  const turned = [3 * c * c + s * s, 3 * c * s - c * s, 3 * c * s - c * s, 3 * s * s + c * c];
  let pair: ReturnType<typeof powerIteration> = { u: Float64Array.of(1, 0), v: new Float64Array(2) };
  for (let i = 0; i < 40; i++) pair = powerIteration(turned, pair.u);
  expectClose([spectralNorm(turned, pair.u, pair.v).sigma], [3]);

  pair = powerIteration(x, random(K, 2));
  for (let i = 0; i < 300; i++) pair = powerIteration(x, pair.u);
  const { sigma, y } = spectralNorm(x, pair.u, pair.v);
  expectClose(
    matrixVector(x, pair.u, rows),
    pair.v.map((value) => sigma * value),
    { atol: 1e-9 },
  );
  // Nothing is stretched by more than 1.
  for (let seed = 3; seed < 20; seed++) {
    expect(sumOfSquares(matrixVector(y, normalise(random(K, seed)), rows))).toBeLessThanOrEqual(1 + 1e-12);
  }
});

test("gradient with u and v held fixed, converged or not", () => {
  const { u, v } = powerIteration(x, random(K, 2));
  const dy = random(rows * K, 3);
  expectGradient(spectralNormGradient(x, dy, u, v), (x) => spectralNorm(x, u, v).y, x, dy);
});
