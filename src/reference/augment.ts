// Differentiable augmentation (Zhao, Liu, Lin, Zhu and Han, "Differentiable Augmentation for Data-Efficient GAN Training",
// NeurIPS 2020, and their published code): D sees real and generated pictures only after random changes of the same kind,
// and G learns through them. Every change is affine in the picture, so its gradient is a transpose.
import { philox4x32, type StepKey } from "../random/philox.ts";

/** Which kinds of change are made. */
export interface Changes {
  color: boolean;
  translation: boolean;
  cutout: boolean;
}

/** The changes made to one picture. */
export interface Augmentation {
  /** Added to every element. */
  brightness: number;
  /** Factor of a pixel's deviation from the mean of its channels. */
  saturation: number;
  /** Factor of an element's deviation from the picture's mean. */
  contrast: number;
  /** Height and width of the cut-out square; 0 for none. */
  cutSize: number;
  /** Rows down, columns to the right. */
  shift: [number, number];
  /** The square's first row and column; it may extend past the edges. */
  cut: [number, number];
}

/** Maximum shift, as a fraction of the size. */
const SHIFT = 1 / 8;
/** Side of the cut-out square, as a fraction of the size. */
const CUT = 1 / 2;

/** A fraction of the size, rounded to whole pixels. */
function pixelsOf(size: number, fraction: number): number {
  return Math.floor(size * fraction + 0.5);
}

/**
 * Random changes of pictures: picture n takes words 8n … 8n+7 of the plain sequence of words. Brightness from −½ to ½,
 * saturation from 0 to 2, contrast from ½ to 1½, a shift by whole pixels, and a square centred anywhere in the picture,
 * all uniform. Exact, so every device gives the same bits.
 *
 * @param size height and width of the pictures
 */
export function randomAugmentations(count: number, key: StepKey, size: number, changes: Changes): Augmentation[] {
  const maxShift = changes.translation ? pixelsOf(size, SHIFT) : 0;
  const cutSize = changes.cutout ? pixelsOf(size, CUT) : 0;
  // The centre of a square with even sides lies between pixels, which gives it one more position: both edges count.
  const places = cutSize > 0 ? size + 1 - (cutSize % 2) : 1;
  return Array.from({ length: count }, (_, n) => {
    const words = [2 * n, 2 * n + 1].flatMap((i) => philox4x32([i, key.step, 0, 0], [key.seed, key.purpose]));
    const unit = (i: number, bits: number) => (words[i] >>> (32 - bits)) / 2 ** bits;
    return {
      brightness: changes.color ? unit(0, 24) - 0.5 : 0,
      saturation: changes.color ? 2 * unit(1, 24) : 1,
      // 23 bits: an f32 between 1 and 2 has no more fraction bits.
      contrast: changes.color ? unit(2, 23) + 0.5 : 1,
      cutSize,
      shift: [(words[3] % (2 * maxShift + 1)) - maxShift, (words[4] % (2 * maxShift + 1)) - maxShift],
      cut: [(words[5] % places) - (cutSize >> 1), (words[6] % places) - (cutSize >> 1)],
    };
  });
}

/**
 * Pictures as D sees them. The changes are applied in the order of the paper's code: brightness, saturation, contrast,
 * translation, cutout. Pixels shifted in or cut out are 0, mid-grey.
 *
 * @param x [N, size, size, 3]
 * @param done the changes of each picture
 * @returns [N, size, size, 3]
 */
export function augment(x: ArrayLike<number>, done: readonly Augmentation[], size: number): Float64Array {
  return perPicture(x, size, (picture, n) => {
    const { brightness, saturation, contrast } = done[n];
    const brighter = picture.map((value) => value + brightness);
    return cutout(shifted(colours(brighter, saturation, contrast), done[n], size, 1), done[n], size);
  });
}

/**
 * The gradient of `augment`: its transpose, the same steps in reverse order. Saturation and contrast are their own
 * transposes; a shift's transpose is the shift back.
 *
 * @param dy [N, size, size, 3]
 * @returns dx [N, size, size, 3]
 */
export function augmentGradient(dy: ArrayLike<number>, done: readonly Augmentation[], size: number): Float64Array {
  return perPicture(dy, size, (picture, n) => {
    const { saturation, contrast } = done[n];
    return saturated(contrasted(shifted(cutout(picture, done[n], size), done[n], size, -1), contrast), saturation);
  });
}

function perPicture(
  x: ArrayLike<number>,
  size: number,
  change: (picture: Float64Array, n: number) => Float64Array,
): Float64Array {
  const all = Float64Array.from(x);
  const each = size * size * 3;
  for (let n = 0; n < all.length / each; n++) all.set(change(all.slice(n * each, (n + 1) * each), n), n * each);
  return all;
}

function colours(picture: Float64Array, saturation: number, contrast: number): Float64Array {
  return contrasted(saturated(picture, saturation), contrast);
}

/** (pixel − grey)·factor + grey, where grey is the mean of the pixel's channels. Written so that factor 1 rounds nothing. */
function saturated(picture: Float64Array, factor: number): Float64Array {
  return picture.map((value, i) => {
    const first = i - (i % 3);
    const grey = (picture[first] + picture[first + 1] + picture[first + 2]) / 3;
    return factor * value + (1 - factor) * grey;
  });
}

/** (x − mean)·factor + mean, where mean is the picture's. */
function contrasted(picture: Float64Array, factor: number): Float64Array {
  const mean = picture.reduce((sum, value) => sum + value, 0) / picture.length;
  return picture.map((value) => factor * value + (1 - factor) * mean);
}

/** The picture shifted by `sign` times the shift, filled with zeros. */
function shifted(picture: Float64Array, { shift }: Augmentation, size: number, sign: number): Float64Array {
  const moved = new Float64Array(picture.length);
  for (let h = 0; h < size; h++) {
    for (let w = 0; w < size; w++) {
      const [fromH, fromW] = [h - sign * shift[0], w - sign * shift[1]];
      if (fromH < 0 || fromH >= size || fromW < 0 || fromW >= size) continue;
      for (let c = 0; c < 3; c++) moved[(h * size + w) * 3 + c] = picture[(fromH * size + fromW) * 3 + c];
    }
  }
  return moved;
}

/** The picture with zeros in the cut-out square. */
function cutout(picture: Float64Array, { cut, cutSize }: Augmentation, size: number): Float64Array {
  return picture.map((value, i) => {
    const [h, w] = [Math.floor(i / 3 / size) - cut[0], (Math.floor(i / 3) % size) - cut[1]];
    return h >= 0 && h < cutSize && w >= 0 && w < cutSize ? 0 : value;
  });
}
