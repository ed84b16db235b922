/** Pictures in and out: u8 pixels to a batch, a batch to an image for people. */
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { gridExtent, gridGap } from "./grid_extent.ts";

export { gridExtent, gridGap };

/**
 * y = the pictures that `step` names, in [−1, 1].
 * @param pixels [words]: u8 RGB pictures of y's size, four bytes a word
 * @param step word indexAt + n is picture n's index, its highest bit set to mirror it @param y [N,size,size,3]
 */
export function gatherPictures(stream: Stream, pixels: Tensor, step: Tensor, indexAt: number, y: Tensor) {
  const [N, size, width, channels] = y.shape;
  if (y.shape.length !== 4 || width !== size || channels !== 3 || size % 2 !== 0) {
    throw new Error(`gatherPictures: y needs [N,size,size,3] with an even size, came ${y}`);
  }
  stream.append({
    program: program(stream.gpu, ["gather_pictures"]),
    sizes: { N, size, index_at: indexAt },
    bindings: { pixels, step, y },
    tiles: Math.ceil(y.size / 64),
    cost: 20 * y.size,
  });
}

/** rgba = x's pictures side by side. @param x [N,size,size,3] in [−1, 1] @param rgba [height,width] words (gridExtent) */
export function sampleGrid(stream: Stream, x: Tensor, columns: number, rgba: Tensor) {
  const [N, size] = x.shape;
  const { width, height } = gridExtent(N, size, columns);
  if (rgba.shape[0] !== height || rgba.shape[1] !== width) {
    throw new Error(`sampleGrid: rgba needs [${height},${width}] for x ${x} in ${columns} columns, came ${rgba}`);
  }
  stream.append({
    program: program(stream.gpu, ["sample_grid"]),
    sizes: { N, size, columns, gap: gridGap, width, height },
    bindings: { x, rgba },
    tiles: Math.ceil(rgba.size / 64),
    cost: 20 * rgba.size,
  });
}
