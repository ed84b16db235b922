/** The smooth transposed filter: a parameter convolved with a 2×2 box, so that a stride-2 layer leaves no checkerboard. */
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";

function check(operation: string, x: Tensor, y: Tensor) {
  const [R, S, C, K] = x.shape;
  const expected = [R + 1, S + 1, C, K];
  if (x.shape.length !== 4 || expected.some((length, i) => y.shape[i] !== length)) {
    throw new Error(`${operation}: needs [R,S,C,K] and [R+1,S+1,C,K]; got ${x} and ${y}`);
  }
  return { R, S, CK: C * K };
}

/** y = x ∗ box / 4. @param x [R,S,C,K] @param y [R+1,S+1,C,K] */
export function smoothFilter(stream: Stream, x: Tensor, y: Tensor) {
  const { R, S, CK } = check("smoothFilter", x, y);
  stream.append({
    program: program(stream.gpu, ["smooth_filter"]),
    sizes: { R, S, CK },
    bindings: { x, y },
    workgroups: Math.ceil(y.size / 64),
    cost: 8 * y.size,
  });
}

/** dx (+)= the transpose of smoothFilter, applied to dy. @param dy [R+1,S+1,C,K] @param dx [R,S,C,K] */
export function smoothFilterGradient(stream: Stream, dy: Tensor, dx: Tensor, accumulate = false) {
  const { R, S, CK } = check("smoothFilterGradient", dx, dy);
  stream.append({
    program: program(stream.gpu, ["smooth_filter_gradient"]),
    sizes: { R, S, CK, accumulate: Number(accumulate) },
    bindings: { dy, dx },
    workgroups: Math.ceil(dx.size / 64),
    cost: 8 * dx.size,
  });
}
