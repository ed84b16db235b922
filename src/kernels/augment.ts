/**
 * Differentiable augmentation: pictures are changed at random (colour, translation, cutout) before D sees them, real and
 * generated ones alike. The changes are affine in the picture, so one kernel computes the forward pass and, transposed, its
 * gradient.
 */
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { NoiseKey } from "../random/noise_key.ts";
import { batchPieces } from "./geometry.ts";
import { zeros } from "./zeros.ts";

/** Which kinds of change are made. */
export interface Changes {
  readonly color: boolean;
  readonly translation: boolean;
  readonly cutout: boolean;
}

/** The random changes drawn for a batch: those for the pictures of `x` start at `row`. */
export interface Drawn {
  readonly changes: Changes;
  /** [rows, 8] words, from `augmentParameters`. */
  readonly parameters: Tensor;
  readonly row: number;
}

/** Words that describe one picture's random changes. */
export const augmentationWords = 8;
/** Pixels that a workgroup sums: 16 per thread. */
const chunk = 1024;

/**
 * Draws the random changes of each picture. @param step word 0 is the counter
 * @param parameters [rows, 8] words @param size height and width of the pictures
 */
export function augmentParameters(
  stream: Stream,
  step: Tensor,
  parameters: Tensor,
  { seed, purpose }: NoiseKey,
  size: number,
  { color, translation, cutout }: Changes,
) {
  const [rows] = parameters.shape;
  if (parameters.size !== rows * augmentationWords) {
    throw new Error(`augmentParameters: parameters needs [rows,${augmentationWords}], got ${parameters}`);
  }
  const maxShift = translation ? Math.floor(size / 8 + 0.5) : 0;
  const cutSize = cutout ? Math.floor(size / 2 + 0.5) : 0;
  // The centre of a square with even sides lies between pixels, which gives it one more position: both edges count.
  const places = cutout ? size + 1 - (cutSize % 2) : 1;
  stream.append({
    program: program(stream.gpu, ["augment_parameters", "augmentation", "philox"]),
    sizes: { rows, seed, purpose, color: Number(color), max_shift: maxShift, cut_size: cutSize, places },
    bindings: { step, parameters },
    workgroups: Math.ceil(rows / 64),
    cost: 500 * rows,
  });
}

/**
 * y = x as D sees it. @param x, y [N,size,size,3]
 * @param offset factor of brightness: 0 leaves only the linear part
 */
export function augment(stream: Stream, x: Tensor, y: Tensor, drawn: Drawn, offset = 1) {
  append("augment", stream, x, y, drawn, { transposed: 0, offset });
}

/** dx = the transpose of augment's linear part, applied to dy. @param dy, dx [N,size,size,3] */
export function augmentGradient(stream: Stream, dy: Tensor, dx: Tensor, drawn: Drawn) {
  append("augmentGradient", stream, dy, dx, drawn, { transposed: 1, offset: 0 });
}

function append(
  operation: string,
  stream: Stream,
  x: Tensor,
  y: Tensor,
  { changes, parameters, row }: Drawn,
  { transposed, offset }: { transposed: number; offset: number },
) {
  const [count, size, width, channels] = x.shape;
  const isPicture = x.shape.length === 4 && width === size && channels === 3 && y.shape.join() === x.shape.join();
  if (!isPicture || !(row >= 0 && row + count <= parameters.shape[0])) {
    throw new Error(
      `${operation}: needs two [N,size,size,3] and N parameters from row ${row} on; got ${x}, ${y}, ${parameters}`,
    );
  }
  const chunks = changes.color ? Math.ceil(size ** 2 / chunk) : 0;
  for (const [first, end] of batchPieces(stream.gpu.limits, [x, y])) {
    const [xPiece, yPiece] = [x.slice(first, end), y.slice(first, end)];
    const N = end - first;
    const partial = changes.color ? stream.temporary("augment sums", [N, chunks]) : zeros(stream, 4);
    if (changes.color) {
      stream.append({
        program: program(stream.gpu, ["augment_sums", "augmentation"]),
        sizes: { size, row: row + first, transposed, chunk, chunks },
        bindings: { x: xPiece, parameters, partial },
        workgroups: partial.size,
        cost: 4 * xPiece.size,
      });
    }
    stream.append({
      program: program(stream.gpu, ["augment", "augmentation"]),
      sizes: { N, size, row: row + first, transposed, chunks, offset },
      bindings: { x: xPiece, parameters, partial, y: yPiece },
      workgroups: Math.ceil((N * size ** 2) / 64),
      cost: 20 * xPiece.size,
    });
    if (changes.color) stream.release(partial);
  }
}
