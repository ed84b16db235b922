/** Checks of augmentation: the random changes, bit for bit; applying them, and the gradient. */
import * as kernel from "../kernels/augment.ts";
import * as reference from "../reference/augment.ts";
import { both, type Check, type Dims, realsOnly, smallest, unit } from "./check.ts";
import { type Lab, sumBound } from "./lab.ts";

const { abs } = Math;

const changesOf = ({ color, translation, cutout }: Dims): reference.Changes => ({
  color: color === 1,
  translation: translation === 1,
  cutout: cutout === 1,
});

/** The words that the kernel writes for these changes. */
function wordsOf(done: readonly reference.Augmentation[]): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(done.length * kernel.augmentationWords);
  const [floats, integers] = [new Float32Array(words.buffer), new Int32Array(words.buffer)];
  for (const [n, { brightness, saturation, contrast, cutSize, shift, cut }] of done.entries()) {
    floats.set([brightness, saturation, contrast], n * kernel.augmentationWords);
    integers.set([cutSize, ...shift, ...cut], n * kernel.augmentationWords + 3);
  }
  return words;
}

function randomKey(lab: Lab) {
  const word = () => Math.floor(lab.next() * 2 ** 32);
  return { seed: word(), purpose: word(), step: word() };
}

const all = { color: 1, translation: 1, cutout: 1 };

const augmentParameters: Check = {
  kernel: "augmentParameters",
  kinds: realsOnly,
  shapes: [
    { rows: 1, size: 128, ...all },
    { rows: 200, size: 16, ...all },
    { rows: 65, size: 7, ...all }, // an odd square has its centre on a pixel
    { rows: 3, size: 32, color: 0, translation: 0, cutout: 0 },
    { rows: 70, size: 32, color: 0, translation: 1, cutout: 0 },
    { rows: 70, size: 1, color: 1, translation: 0, cutout: 1 },
  ],
  random: (int) => ({
    rows: int(1, 300),
    size: int(1, 200),
    color: int(0, 1),
    translation: int(0, 1),
    cutout: int(0, 1),
  }),
  async run(lab, dims) {
    const { rows, size } = dims;
    const key = randomKey(lab);
    const parameters = lab.poisoned([rows, kernel.augmentationWords]);
    const step = lab.uploadWords(Uint32Array.of(key.step, 7));
    kernel.augmentParameters(lab.stream, step, parameters, key, size, changesOf(dims));
    const expected = wordsOf(reference.randomAugmentations(rows, key, size, changesOf(dims)));
    return [await lab.compareWords(parameters, expected, "parameters")];
  },
};

const shapes: Dims[] = [
  { N: 1, size: 1, row: 0, ...all },
  { N: 3, size: 7, row: 2, ...all },
  { N: 5, size: 16, row: 5, color: 0, translation: 1, cutout: 0 },
  { N: 5, size: 16, row: 0, color: 0, translation: 0, cutout: 1 },
  { N: 4, size: 16, row: 1, color: 1, translation: 0, cutout: 0 },
  { N: 2, size: 33, row: 0, ...all }, // two chunks, the second of 65 pixels
  { N: 2, size: 64, row: 3, ...all },
];
const random: Check["random"] = (int) => ({
  N: int(1, 5),
  size: int(1, 40),
  row: int(0, 4),
  color: int(0, 1),
  translation: int(0, 1),
  cutout: int(0, 1),
});

/** Numbers for x or dy, and changes. Without colour if the numbers are integers, since colour divides. */
function prepare(lab: Lab, dims: Dims) {
  const { N, size, row } = dims;
  const changes = { ...changesOf(dims), color: dims.color === 1 && !lab.exact };
  const done = reference.randomAugmentations(row + N, randomKey(lab), size, changes);
  const words = lab.uploadWords(wordsOf(done));
  const shape = [N, size, size, 3];
  const numbers = lab.numbers(N * size * size * 3);
  const drawn = { changes, parameters: words.reshape([row + N, kernel.augmentationWords]), row };
  return { size, shape, numbers, drawn, done: done.slice(row), input: lab.upload(shape, numbers) };
}

/**
 * The allowed error of colour at element i of the kernel's output, computed from `pixels`: eight roundings of every term,
 * and contrast's share of the error of the picture's mean.
 */
function colourBound(pixels: ArrayLike<number>, done: readonly reference.Augmentation[], size: number) {
  const each = size * size * 3;
  const values = Float64Array.from(pixels);
  const terms = done.map(({ brightness, contrast }, n) => {
    const picture = values.subarray(n * each, (n + 1) * each);
    const squares = picture.reduce((sum, value) => sum + value ** 2, 0);
    const mean = abs(picture.reduce((sum, value) => sum + value, 0)) / each;
    const share = abs(1 - contrast);
    return share * (sumBound(each, squares) / each + 8 * unit * mean) + 8 * unit * abs(brightness) + smallest;
  });
  return (i: number, from: number) => {
    const { saturation, contrast } = done[Math.floor(i / each)];
    const first = from - (from % 3);
    const greyTerm = [0, 1, 2].reduce((sum, c) => sum + abs(values[first + c]), 0) / 3;
    const own = abs(contrast * saturation * values[from]) + abs(contrast * (1 - saturation)) * greyTerm;
    return terms[Math.floor(i / each)] + 8 * unit * own;
  };
}

const augment: Check = {
  kernel: "augment",
  kinds: both,
  shapes,
  random,
  async run(lab, dims) {
    const { size, shape, numbers, drawn, done, input } = prepare(lab, dims);
    const y = lab.poisoned(shape);
    kernel.augment(lab.stream, input, y, drawn);
    const linear = lab.poisoned(shape);
    kernel.augment(lab.stream, input, linear, drawn, 0);
    const bound = colourBound(numbers, done, size);
    const each = size * size * 3;
    const allowed = (i: number) => {
      const { shift } = done[Math.floor(i / each)];
      const from = i - 3 * (shift[0] * size + shift[1]);
      // Elements that D does not see are exactly 0.
      return expected[i] === 0 && expectedLinear[i] === 0 ? 0 : bound(i, from);
    };
    const expected = reference.augment(numbers, done, size);
    const expectedLinear = reference.augment(
      numbers,
      done.map((one) => ({ ...one, brightness: 0 })),
      size,
    );
    return [await lab.compare(y, expected, allowed), await lab.compare(linear, expectedLinear, allowed, "linear part")];
  },
};

const augmentGradient: Check = {
  kernel: "augmentGradient",
  kinds: both,
  shapes,
  random,
  async run(lab, dims) {
    const { size, shape, numbers, drawn, done, input } = prepare(lab, dims);
    const dx = lab.poisoned(shape);
    kernel.augmentGradient(lab.stream, input, dx, drawn);
    // The numbers before colour is applied: shifted back, and 0 where D saw nothing.
    const plain = done.map((one) => ({ ...one, brightness: 0, saturation: 1, contrast: 1 }));
    const bound = colourBound(reference.augmentGradient(numbers, plain, size), done, size);
    return [await lab.compare(dx, reference.augmentGradient(numbers, done, size), (i) => bound(i, i), "dx")];
  },
};

export const augmentChecks: readonly Check[] = [augmentParameters, augment, augmentGradient];
