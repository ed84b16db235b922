/**
 * Spectral normalisation of a network's weights (Miyato et al. 2018): each weight, as a matrix of all its other axes by its
 * last, is divided by its largest singular value before use. A power iteration tracks that value as the weight changes, with
 * one iteration per step.
 */
import type { Tensor } from "../gpu/tensor.ts";
import { denseRows } from "../kernels/conv2d.ts";
import { divideBy } from "../kernels/elementwise.ts";
import { dot } from "../kernels/reduce.ts";
import { normalise, spectralNormGradient, vectorChunks, vectorMatrix } from "../kernels/spectral_norm.ts";
import { type Backward, destination } from "./ops/backward.ts";
import type { Arena, NamedTensors, ParameterSpec } from "./parameters.ts";
import type { Tape } from "./tape.ts";

/** @param weight [..., K] @returns [rows, K] */
function asMatrix(weight: Tensor): Tensor {
  const columns = weight.shape[weight.shape.length - 1];
  return weight.reshape([weight.size / columns, columns]);
}

/** weight · u. @param weight [..., K] @param u [K] @returns [rows] */
function matrixVector(tape: Tape, weight: Tensor, u: Tensor): Tensor {
  const matrix = asMatrix(weight);
  const y = tape.temporary("matrix times vector", [matrix.shape[0]]);
  denseRows(tape.stream, matrix, u.reshape([u.size, 1]), null, y.reshape([y.size, 1]));
  return y;
}

/**
 * One power iteration towards the singular vectors of a weight's largest singular value: v = weight·u / ‖weight·u‖, then
 * u = vᵀ·weight / ‖vᵀ·weight‖. Not differentiated.
 * @param weight [..., K], as a matrix [rows, K] @param u [K], updated in place @returns v [rows]
 */
export function powerIteration(tape: Tape, weight: Tensor, u: Tensor): Tensor {
  const { stream } = tape;
  const product = matrixVector(tape, weight, u);
  const v = tape.temporary("left singular vector", product.shape);
  normalise(stream, product, v);
  tape.release(product);
  const partial = stream.temporary("vector times matrix", [vectorChunks(v.size).count, u.size]);
  vectorMatrix(stream, v, asMatrix(weight), partial);
  normalise(stream, partial, u);
  stream.release(partial);
  return v;
}

/**
 * weight / σ with σ = vᵀ · weight · u, where u and v are constants (Miyato et al. 2018, eq. 12): the gradient of σ is v uᵀ.
 * @param weight [..., K] @param u [K] @param v [rows] @returns like weight
 */
export function spectralNorm(tape: Tape, weight: Tensor, u: Tensor, v: Tensor): Tensor {
  const { stream } = tape;
  const product = matrixVector(tape, weight, u);
  const sigma = tape.temporary("spectral norm", [1]);
  dot(stream, product, v, sigma);
  tape.release(product);
  const y = tape.temporary("spectrally normalised", weight.shape);
  divideBy(stream, weight, sigma, y);
  const backward: Backward = (dy, sink) => {
    const { tensor, accumulate } = destination(tape, "spectral norm gradient", weight.shape, sink);
    const inner = stream.temporary("spectral norm inner product", [1]);
    dot(stream, dy, y, inner);
    spectralNormGradient(stream, dy, { inner, u, v, sigma }, tensor, accumulate);
    stream.release(inner);
    return tensor;
  };
  return tape.record("spectralNorm", [weight], y, [backward], [sigma]);
}

function isWeight({ name }: ParameterSpec): boolean {
  return name.endsWith(".weight");
}

/** The right singular vectors, part of a run's state: `<weight>.u` [K] for each weight [..., K], initially random. */
export function singularVectorSpecs(specs: readonly ParameterSpec[]): ParameterSpec[] {
  return specs.filter(isWeight).map(({ name, shape }) => ({
    name: `${name}.u`,
    shape: [shape[shape.length - 1]],
    start: { kind: "truncated normal", stddev: 1 },
  }));
}

/** One power iteration for every weight, which updates the vectors u. @returns each weight's v [rows] by its name */
export function powerIterations(
  tape: Tape,
  specs: readonly ParameterSpec[],
  values: NamedTensors,
  u: Arena,
): Map<string, Tensor> {
  return new Map(
    specs.filter(isWeight).map(({ name }) => [name, powerIteration(tape, values.get(name), u.get(`${name}.u`))]),
  );
}

/** The parameters with every weight divided by its spectral norm; gradients flow back to the weights themselves. */
export function spectrallyNormalised(
  tape: Tape,
  values: NamedTensors,
  u: Arena,
  v: ReadonlyMap<string, Tensor>,
): NamedTensors {
  const weights = new Map(
    [...v].map(([name, vector]) => [name, spectralNorm(tape, values.get(name), u.get(`${name}.u`), vector)]),
  );
  return { get: (name) => weights.get(name) ?? values.get(name) };
}
