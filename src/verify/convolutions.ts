/** Checks of all sums of products: convolutions, transposed convolutions, dense layers. */
import type { Stream } from "../gpu/stream.ts";
import { elements, type Tensor } from "../gpu/tensor.ts";
import { choiceKey, choiceText } from "../kernels/choices.ts";
import * as fast from "../kernels/conv2d.ts";
import { variantsFor } from "../kernels/default_choice.ts";
import { type ConvGeometry, samePadding } from "../kernels/geometry.ts";
import * as naive from "../kernels/naive.ts";
import type { Pass } from "../kernels/variants.ts";
import * as conv from "../reference/conv2d.ts";
import * as referenceDense from "../reference/dense.ts";
import * as transposed from "../reference/transposed_conv2d.ts";
import { both, type Check, type Dims, type RandomInt } from "./check.ts";
import { type Comparison, square, sumBound } from "./lab.ts";

type Numbers = ArrayLike<number>;

/** y = a ⊗ b + bias. It is bilinear in a and b, so the reference on squares gives Σ (aᵢ·bᵢ)² for the rounding bound. */
interface Product {
  readonly kernel: string;
  /** The pass whose variants can compute it. */
  readonly pass?: Pass;
  /** Whether it can add to its output; it does so if dims.plus is 1. */
  readonly accumulates?: true;
  /** Shapes, and the number of products per sum. There is a bias if dims.plus is 1. */
  layout(dims: Dims): { a: number[]; b: number[]; bias?: number[]; y: number[]; depth: number };
  host(stream: Stream, a: Tensor, b: Tensor, bias: Tensor | null, y: Tensor, dims: Dims): void;
  reference(a: Numbers, b: Numbers, bias: Numbers | null, dims: Dims): Float64Array;
}

/** Splits of a filter gradient by every variant: several, of unequal size. */
const splits = 3;

function productCheck(product: Product, shapes: readonly Dims[], random: (int: RandomInt) => Dims): Check {
  const { pass } = product;
  return {
    kernel: product.kernel,
    kinds: both,
    shapes,
    random,
    async run(lab, dims) {
      const { a, b, bias: biasShape, y, depth } = product.layout(dims);
      const numbersA = lab.numbers(elements(a));
      const numbersB = lab.numbers(elements(b));
      const bias = dims.plus && biasShape ? lab.numbers(elements(biasShape)) : null;
      const before = dims.plus && product.accumulates ? lab.numbers(elements(y)) : null;
      const tensorA = lab.upload(a, numbersA);
      const tensorB = lab.upload(b, numbersB);
      const biasTensor = bias && lab.upload([bias.length], bias);
      const compute = () => {
        const output = before ? lab.upload(y, before) : lab.poisoned(y);
        product.host(lab.stream, tensorA, tensorB, biasTensor, output, dims);
        return output;
      };
      const outputs = [{ name: "y", output: compute() }];
      if (pass && lab.everyVariant) {
        const g = geometry(dims);
        for (const variant of variantsFor(lab.stream.gpu, pass, g)) {
          const text = choiceText(pass, { variant, splits });
          lab.stream.choices.chosen = new Map([[choiceKey(pass, g), text]]);
          outputs.push({ name: `y by ${text}`, output: compute() });
        }
        lab.stream.choices.chosen = new Map();
      }
      const sums = (a: Numbers, b: Numbers, bias: Numbers | null, before: Numbers | null) => {
        const values = product.reference(a, b, bias, dims);
        return before ? values.map((value, i) => value + before[i]) : values;
      };
      const expected = sums(numbersA, numbersB, bias, before);
      const squares = lab.exact
        ? expected
        : sums(square(numbersA), square(numbersB), bias && square(bias), before && square(before));
      const comparisons: Comparison[] = [];
      for (const { name, output } of outputs) {
        comparisons.push(await lab.compare(output, expected, (i) => sumBound(depth + 1, squares[i]), name));
      }
      return comparisons;
    },
  };
}

/** The sizes that a dense layer does not have. */
const onePixel = { H: 1, W: 1, R: 1, S: 1, stride: 1 };

function geometry(dims: Dims): ConvGeometry {
  const { N, H, W, C, R, S, K, stride } = convolution({ ...onePixel, ...dims });
  const rows = samePadding(H, R, stride);
  const columns = samePadding(W, S, stride);
  return { N, H, W, C, R, S, K, stride, P: rows.out, Q: columns.out, padTop: rows.before, padLeft: columns.before };
}

const convolution = ({ N, H, W, C, R, S, K, stride }: Dims): conv.ConvShape => ({ N, H, W, C, R, S, K, stride });

function convLayout(dims: Dims) {
  const { N, H, W, C, R, S, K, stride } = convolution(dims);
  const P = conv.samePadding(H, R, stride).out;
  const Q = conv.samePadding(W, S, stride).out;
  return { image: [N, H, W, C], weight: [R, S, C, K], map: [N, P, Q, K], R, S, C, K, pixels: N * P * Q };
}

const forwardLayout: Product["layout"] = (dims) => {
  const { image, weight, map, R, S, C, K } = convLayout(dims);
  return { a: image, b: weight, bias: [K], y: map, depth: R * S * C };
};
const inputGradientLayout: Product["layout"] = (dims) => {
  const { image, weight, map, R, S, C, K } = convLayout(dims);
  return { a: map, b: weight, bias: [C], y: image, depth: R * S * K };
};
const filterGradientLayout: Product["layout"] = (dims) => {
  const { image, weight, map, pixels } = convLayout(dims);
  return { a: image, b: map, y: weight, depth: pixels };
};

type Reference = (a: Numbers, b: Numbers, bias: Numbers | null, shape: conv.ConvShape) => Float64Array;

/** A reference implementation that has no bias, with one added. */
function plusBias(reference: (a: Numbers, b: Numbers, shape: conv.ConvShape) => Float64Array): Reference {
  return (a, b, bias, shape) => {
    const values = reference(a, b, shape);
    return bias ? values.map((value, i) => value + bias[i % bias.length]) : values;
  };
}

const product = (
  kernel: string,
  layout: Product["layout"],
  host: (stream: Stream, a: Tensor, b: Tensor, bias: Tensor | null, y: Tensor, stride: number) => void,
  reference: Reference,
  pass?: Pass,
): Product => ({
  kernel,
  pass,
  layout,
  host: (stream, a, b, bias, y, { stride }) => host(stream, a, b, bias, y, stride),
  reference: (a, b, bias, dims) => reference(a, b, bias, convolution(dims)),
});

const filterGradient = (
  kernel: string,
  host: (stream: Stream, a: Tensor, b: Tensor, dweight: Tensor, stride: number, accumulate: boolean) => void,
  reference: (a: Numbers, b: Numbers, shape: conv.ConvShape) => Float64Array,
  pass?: Pass,
): Product => ({
  kernel,
  pass,
  accumulates: true,
  layout: filterGradientLayout,
  host: (stream, a, b, _, dweight, { stride, plus }) => host(stream, a, b, dweight, stride, plus === 1),
  reference: (a, b, _, dims) => reference(a, b, convolution(dims)),
});

const inputGradient = plusBias(conv.conv2dInputGradient);
const transposedInputGradient = plusBias(transposed.transposedConv2dInputGradient);

const products: Product[] = [
  product("conv2d", forwardLayout, fast.conv2d, conv.conv2d, "forward"),
  product("conv2dInputGradient", inputGradientLayout, fast.conv2dInputGradient, inputGradient, "input gradient"),
  filterGradient("conv2dFilterGradient", fast.conv2dFilterGradient, conv.conv2dFilterGradient, "filter gradient"),
  // The same three kernels, in the roles that a transposed convolution gives them.
  product("transposedConv2d", inputGradientLayout, fast.conv2dInputGradient, transposed.transposedConv2d),
  product("transposedConv2dInputGradient", forwardLayout, fast.conv2d, transposedInputGradient),
  filterGradient("transposedConv2dFilterGradient", fast.conv2dFilterGradient, (dy, x, shape) =>
    transposed.transposedConv2dFilterGradient(x, dy, shape),
  ),
  product("conv2dNaive", forwardLayout, naive.conv2dNaive, conv.conv2d),
  product("conv2dInputGradientNaive", inputGradientLayout, naive.conv2dInputGradientNaive, inputGradient),
  {
    ...filterGradient("conv2dFilterGradientNaive", naive.conv2dFilterGradientNaive, conv.conv2dFilterGradient),
    accumulates: undefined,
  },
];

const base = { N: 1, H: 9, W: 7, C: 3, R: 3, S: 3, K: 5, stride: 1, plus: 0 };
const square5 = { ...base, R: 5, S: 5 };

const convShapes: Dims[] = [
  // Every phase of every stride; filters smaller than the stride and larger than the picture; odd sizes, so phases differ.
  ...[1, 2, 3].flatMap((stride) =>
    [1, 2, 3, 4, 5, 6, 7].map((kernel) => ({ ...base, R: kernel, S: kernel, stride, plus: kernel % 2 })),
  ),
  { ...square5, N: 2, H: 8, W: 6, C: 2, K: 3, stride: 2 }, // even: padding 1 before, 2 after
  { ...base, N: 2, H: 6, W: 5, C: 2, S: 4, K: 1, stride: 2, plus: 1 }, // a filter that is not square
  { ...square5, N: 3, H: 1, W: 1, C: 2, K: 2, plus: 1 }, // one pixel
  { ...square5, H: 1, W: 1, stride: 2 },
  { ...base, H: 1, W: 1, C: 1, R: 1, S: 1, K: 1, plus: 1 },
  { ...base, H: 3, W: 4, C: 2, R: 2, S: 1, stride: 5 }, // one output, most pixels untouched
  // Channels that are multiples of 4, read as vec4, larger than a tile and not a multiple of it.
  { ...base, N: 2, H: 6, C: 12, K: 20, stride: 2, plus: 1 },
  { ...square5, N: 2, H: 7, W: 5, C: 20, K: 12, stride: 1 },
  { ...base, N: 3, H: 5, W: 5, C: 8, R: 4, S: 4, K: 36, stride: 3, plus: 1 },
  { ...base, H: 4, W: 4, C: 4, R: 2, S: 2, K: 4, stride: 2 },
  { ...base, N: 2, H: 32, W: 8, C: 12, K: 20, plus: 1 }, // several splits of several lines, the last one shorter
  // Not multiples of 4, larger than a tile; and only one of C and K a multiple of 4.
  { ...base, N: 2, H: 5, C: 13, K: 11, stride: 2, plus: 1 },
  { ...base, H: 5, C: 9, K: 8, stride: 2 },
  { ...base, H: 5, C: 8, K: 9, plus: 1 },
  // A batch of whole row tiles, whose rows are the same pixel of different images: taps on the padding are skipped.
  { ...square5, N: 16, H: 5, W: 4, C: 8, K: 12, stride: 2, plus: 1 },
  { ...square5, N: 32, H: 3, W: 5, K: 4 },
  { ...base, N: 16, H: 4, W: 3, C: 4, R: 2, S: 2, K: 8, stride: 3 }, // phases without taps
  { ...base, N: 8, H: 4, W: 6, C: 12, K: 5, stride: 2, plus: 1 },
  // Three channels at one end.
  { ...square5, H: 16, W: 16, K: 16, stride: 2, plus: 1 },
  { ...square5, N: 2, H: 8, W: 8, K: 8, plus: 1 },
  // The layers of the tiny preset: G's transposed ones, its last, then D's.
  ...[
    { H: 8, C: 32, K: 64 },
    { H: 16, C: 16, K: 32 },
    { H: 32, C: 8, K: 16 },
    { H: 32, C: 3, K: 8, stride: 1 },
    { H: 32, C: 3, K: 16 },
  ].map((layer) => ({ ...square5, N: 2, W: layer.H, stride: 2, plus: 1, ...layer })),
];

/**
 * Larger than any tile, and multiples of 4 but not of a tile, so that rows, columns and depth end in the middle of one. One
 * shape for each stride, the last stride larger than the kernel.
 */
const tiledShapes: Dims[] = [
  { ...base, N: 2, H: 9, W: 8, C: 68, R: 2, S: 3, K: 136, plus: 1 },
  { ...base, N: 4, H: 13, W: 11, C: 132, R: 3, S: 2, K: 36, stride: 2, plus: 1 },
  { ...base, N: 3, H: 8, W: 10, C: 136, R: 2, S: 2, K: 140, stride: 3 },
];

function randomConv(int: RandomInt): Dims {
  const channels = () => (int(0, 1) === 0 ? int(1, 14) : 4 * int(1, 5));
  return {
    N: int(0, 4) === 0 ? 8 * int(1, 2) : int(1, 3),
    H: int(1, 12),
    W: int(1, 12),
    C: channels(),
    R: int(1, 7),
    S: int(1, 7),
    K: channels(),
    stride: int(1, 3),
    plus: int(0, 1),
  };
}

const denseShape = ({ N, C, K }: Dims): referenceDense.DenseShape => ({ N, C, K });

const denseForward = (
  kernel: string,
  host: (stream: Stream, x: Tensor, weight: Tensor, bias: Tensor | null, y: Tensor) => void,
): Product => ({
  kernel,
  layout: ({ N, C, K }) => ({ a: [N, C], b: [C, K], bias: [K], y: [N, K], depth: C }),
  host,
  reference: (x, weight, bias, dims) => referenceDense.dense(x, weight, bias, denseShape(dims)),
});
const denseInputGradient = (
  kernel: string,
  host: (stream: Stream, dy: Tensor, weight: Tensor, dx: Tensor) => void,
): Product => ({
  kernel,
  layout: ({ N, C, K }) => ({ a: [N, K], b: [C, K], y: [N, C], depth: K }),
  host: (stream, dy, weight, _, dx) => host(stream, dy, weight, dx),
  reference: (dy, weight, _, dims) => referenceDense.denseInputGradient(dy, weight, denseShape(dims)),
});
const denseWeightGradient = (
  kernel: string,
  host: (stream: Stream, x: Tensor, dy: Tensor, dweight: Tensor, accumulate: boolean) => void,
): Product => ({
  kernel,
  accumulates: true,
  layout: ({ N, C, K }) => ({ a: [N, C], b: [N, K], y: [C, K], depth: N }),
  host: (stream, x, dy, _, dweight, { plus }) => host(stream, x, dy, dweight, plus === 1),
  reference: (x, dy, _, dims) => referenceDense.denseWeightGradient(x, dy, denseShape(dims)),
});

const denseProducts: Product[] = [
  { ...denseForward("dense", fast.dense), pass: "forward" },
  { ...denseInputGradient("denseInputGradient", fast.denseInputGradient), pass: "input gradient" },
  { ...denseWeightGradient("denseWeightGradient", fast.denseWeightGradient), pass: "filter gradient" },
  denseForward("denseNaive", naive.denseNaive),
  denseInputGradient("denseInputGradientNaive", naive.denseInputGradientNaive),
  denseWeightGradient("denseWeightGradientNaive", naive.denseWeightGradientNaive),
  denseForward("denseRows", fast.denseRows),
];

const denseShapes: Dims[] = [
  { N: 1, C: 1, K: 1, plus: 1 },
  { N: 3, C: 5, K: 2, plus: 0 },
  { N: 17, C: 13, K: 11, plus: 1 },
  { N: 9, C: 12, K: 20, plus: 0 },
  { N: 65, C: 8, K: 8, plus: 1 },
  { N: 133, C: 132, K: 148, plus: 1 }, // larger than any tile
  { N: 2, C: 100, K: 1024, plus: 1 }, // tiny's z to G's first map
  { N: 2, C: 1024, K: 1, plus: 1 }, // tiny's logit
];

function randomDense(int: RandomInt): Dims {
  return { N: int(1, 20), C: int(1, 150), K: int(1, 40), plus: int(0, 1) };
}

export const convolutionChecks: readonly Check[] = [
  ...products.map((product) =>
    productCheck(product, product.pass ? [...convShapes, ...tiledShapes] : convShapes, randomConv),
  ),
  ...denseProducts.map((product) => productCheck(product, denseShapes, randomDense)),
];
