/** Minibatch standard deviation: a channel in which D sees how much the pictures of a group differ. */
import type { Bindings } from "../gpu/interface.ts";
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";

/**
 * @param narrow tensors like x [N,H,W,C] @param wide tensors like y [N,H,W,C+1]
 * @param group number of pictures in a group; divides N
 */
function append(stream: Stream, shader: string, group: number, narrow: Bindings, wide: Bindings, costEach: number) {
  const [narrowOnes, wideOnes] = [Object.values(narrow), Object.values(wide)];
  const { shape, size } = narrowOnes[0];
  const [N, H, W, C] = shape;
  const expected = [N, H, W, C + 1];
  const wrong =
    shape.length !== 4 ||
    N % group !== 0 ||
    narrowOnes.some((tensor) => tensor.shape.join() !== shape.join()) ||
    wideOnes.some((tensor) => tensor.shape.join() !== expected.join());
  if (wrong) {
    throw new Error(
      `${shader}: needs tensors [N,H,W,C] and [N,H,W,C+1], N a multiple of the group's ${group}; ` +
        `got ${[...narrowOnes, ...wideOnes].join(", ")}`,
    );
  }
  stream.append({
    program: program(stream.gpu, [shader, "minibatch_group"]),
    sizes: { G: group, M: size / N, C },
    bindings: { ...narrow, ...wide },
    workgroups: N / group,
    cost: costEach * size,
  });
}

/** y = x with one more channel: the mean standard deviation within the group. @param x [N,H,W,C] @param y [N,H,W,C+1] */
export function minibatchStddev(stream: Stream, x: Tensor, y: Tensor, group: number) {
  append(stream, "minibatch_stddev", group, { x }, { y }, 20);
}

/** dx = the gradient of minibatchStddev's x. @param dy [N,H,W,C+1] @param x, dx [N,H,W,C] */
export function minibatchStddevGradient(stream: Stream, dy: Tensor, x: Tensor, dx: Tensor, group: number) {
  append(stream, "minibatch_stddev_gradient", group, { x, dx }, { dy }, 30);
}

/**
 * The gradients of Σ u · dx with respect to dy and x, where dx is from `minibatchStddevGradient`.
 * @param u, x, ddx [N,H,W,C] @param dy, ddy [N,H,W,C+1]
 */
export function minibatchStddevCurvature(
  stream: Stream,
  u: Tensor,
  dy: Tensor,
  x: Tensor,
  ddy: Tensor,
  ddx: Tensor,
  group: number,
) {
  append(stream, "minibatch_stddev_curvature", group, { x, u, ddx }, { dy, ddy }, 50);
}
