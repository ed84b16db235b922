/** Converts pictures from bytes to a batch of numbers in [−1, 1], and back. */
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";

/**
 * y = the pictures with the indices in `step`, in [−1, 1].
 * @param pixels [words]: u8 RGB pictures of y's size, four bytes per word
 * @param step word indexAt + n is picture n's index, with the highest bit set to mirror it @param y [N,size,size,3]
 */
export function gatherPictures(stream: Stream, pixels: Tensor, step: Tensor, indexAt: number, y: Tensor) {
  const [N, size, width, channels] = y.shape;
  if (y.shape.length !== 4 || width !== size || channels !== 3 || size % 2 !== 0) {
    throw new Error(`gatherPictures: y needs [N,size,size,3] with an even size, got ${y}`);
  }
  stream.append({
    program: program(stream.gpu, ["gather_pictures"]),
    sizes: { N, size, index_at: indexAt },
    bindings: { pixels, step, y },
    workgroups: Math.ceil(y.size / 64),
    cost: 20 * y.size,
  });
}

/**
 * pixels = x as bytes, in the format that `gatherPictures` reads.
 * @param x [N,size,size,3] in [−1, 1] @param pixels [⌈x.size / 4⌉] words of four bytes
 */
export function packPictures(stream: Stream, x: Tensor, pixels: Tensor) {
  const words = Math.ceil(x.size / 4);
  if (pixels.size !== words) {
    throw new Error(`packPictures: pixels needs [${words}] words for x ${x}, got ${pixels}`);
  }
  stream.append({
    program: program(stream.gpu, ["pack_pictures"]),
    sizes: { count: x.size },
    bindings: { x, pixels },
    workgroups: Math.ceil(words / 64),
    cost: 20 * x.size,
  });
}
