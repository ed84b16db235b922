/** The parts of spectral normalisation, except matrix times column vector, which is `denseRows`. */
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Chunks } from "./reduce.ts";

/** Divides rows into few enough chunks for `normalise` to add up in one workgroup. */
export function vectorChunks(rows: number): Chunks {
  const each = Math.max(32, Math.ceil(rows / 64));
  return { rows: each, count: Math.ceil(rows / each) };
}

/** partial = x · matrix for each chunk of rows. @param x [rows] @param matrix [rows, K] @param partial [chunks, K] */
export function vectorMatrix(stream: Stream, x: Tensor, matrix: Tensor, partial: Tensor) {
  const [rows, columns] = matrix.shape;
  const chunks = vectorChunks(rows);
  if (x.size !== rows || partial.size !== chunks.count * columns) {
    throw new Error(
      `vectorMatrix: needs x [rows], matrix [rows,K], partial [${chunks.count},K]; got ${x}, ${matrix}, ${partial}`,
    );
  }
  stream.append({
    program: program(stream.gpu, ["vector_matrix"]),
    sizes: { rows, columns, chunk: chunks.rows, chunks: chunks.count },
    bindings: { x, matrix, partial },
    workgroups: Math.ceil(partial.size / 64),
    cost: 8 * matrix.size,
  });
}

/** y = x / max(‖x‖, 1e-12) with x = Σ_s partial[s]. @param partial [splits, …y's shape] @param y any shape */
export function normalise(stream: Stream, partial: Tensor, y: Tensor) {
  const splits = partial.size / y.size;
  if (!Number.isInteger(splits))
    throw new Error(`normalise: partial needs [splits, ${y.shape}] for y ${y}, got ${partial}`);
  stream.append({
    program: program(stream.gpu, ["normalise"]),
    sizes: { splits, size: y.size },
    bindings: { partial, y },
    workgroups: 1,
    cost: 8 * partial.size,
  });
}

/**
 * dx (+)= (dy − inner · v uᵀ) / sigma.
 * @param dy, dx [rows · K] @param inner [1]: Σ dy·y @param u [K] @param v [rows] @param sigma [1]
 */
export function spectralNormGradient(
  stream: Stream,
  dy: Tensor,
  { inner, u, v, sigma }: { inner: Tensor; u: Tensor; v: Tensor; sigma: Tensor },
  dx: Tensor,
  accumulate = false,
) {
  if (dy.size !== dx.size || dx.size !== u.size * v.size || inner.size !== 1 || sigma.size !== 1) {
    throw new Error(
      `spectralNormGradient: needs dy and dx [rows·K], inner [1], v [rows], u [K], sigma [1]; ` +
        `got ${dy}, ${dx}, ${inner}, ${v}, ${u}, ${sigma}`,
    );
  }
  stream.append({
    program: program(stream.gpu, ["spectral_norm_gradient"]),
    sizes: { size: dx.size, columns: u.size, accumulate: Number(accumulate) },
    bindings: { dy, inner, v, u, sigma, dx },
    workgroups: Math.ceil(dx.size / 64),
    cost: 16 * dx.size,
  });
}
