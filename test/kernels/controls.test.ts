// The checks are only worth what they catch. Each control here compiles a shader with one mistake in it, the kind that
// people make, in place of the real one, and the kernel's check must miss.
import { expect, test } from "vitest";
import { Stream } from "../../src/gpu/stream.ts";
import { checkOf, misses } from "./check_table.ts";
import { testStream } from "./gpu.ts";
import { withShaders } from "./mutant.ts";

interface Control {
  readonly mistake: string;
  readonly kernel: string;
  /** Text of a shader, and what stands there instead. */
  readonly right: string | RegExp;
  readonly wrong: string;
}

const controls: Control[] = [
  {
    mistake: "one tap off by one",
    kernel: "conv2d",
    right: "let w = row.w + tap.s;",
    wrong: "let w = row.w + tap.s + i32(tap.s == 2);",
  },
  {
    mistake: "the stride along one axis only",
    kernel: "conv2d",
    right: "at.y / sizes.Q * sizes.stride",
    wrong: "at.y / sizes.Q",
  },
  {
    mistake: "a tap inside of the picture left out for a batch that fills row tiles",
    kernel: "conv2d",
    right: "(sizes.images > 1u) & (offset < 0)",
    wrong: "(sizes.images > 1u) & (offset <= 0)",
  },
  {
    mistake: "images' pixels as rows, stored as whole images",
    kernel: "conv2d",
    right: "return (at.x * sizes.P * sizes.Q + at.y) * sizes.K;",
    wrong: "return row * sizes.K;",
  },
  { mistake: "no bias", kernel: "conv2d", right: "value.x + bias[column]", wrong: "value.x" },
  {
    mistake: "a missing phase",
    kernel: "conv2dInputGradient",
    right: "for (var i = 0u; i < sizes.stride * sizes.stride; i++)",
    wrong: "for (var i = 1u; i < sizes.stride * sizes.stride; i++)",
  },
  {
    mistake: "a phase's taps from the wrong parity",
    kernel: "transposedConv2d",
    right: "let s = (b + sizes.pad_left) % sizes.stride;",
    wrong: "let s = b % sizes.stride;",
  },
  {
    mistake: "a filter turned round",
    kernel: "conv2dInputGradientNaive",
    right: "let from_left = w + sizes.pad_left - s;",
    wrong: "let from_left = w + sizes.pad_left - (sizes.S - 1u - s);",
  },
  {
    mistake: "a split that forgets its last line",
    kernel: "conv2dFilterGradient",
    right: "lines_before(part, part.end_line) - before",
    wrong: "lines_before(part, part.end_line - 1u) - before",
  },
  {
    mistake: "pixels past a split's end counted",
    kernel: "conv2dFilterGradient",
    right: /, real_\d\)/g,
    wrong: ", true)",
  },
  {
    mistake: "no jump over what lies outside between two images",
    kernel: "conv2dFilterGradient",
    right: "(sizes.H - height * sizes.stride) * sizes.W * sizes.C, image_ends",
    wrong: "0u, image_ends",
  },
  {
    mistake: "padding counted as pixels",
    kernel: "conv2dFilterGradientNaive",
    right: "if (w >= sizes.W) { continue; }",
    wrong: "",
  },
  {
    mistake: "channels past a ragged end taken from the next row",
    kernel: "conv2dInputGradient",
    // Of both operands: where only one of them reads on, the other's zeros hide it.
    right: /(left|inside) > 3u/g,
    wrong: "$1 > 0u",
  },
  { mistake: "one number right of the picture", kernel: "conv2d", right: "i < line.end", wrong: "i <= line.end" },
  {
    mistake: "one number left of the picture",
    kernel: "conv2dFilterGradient",
    right: "i >= pixel.first",
    wrong: "i + 1 >= pixel.first",
  },
  { mistake: "half of the depth", kernel: "denseRows", right: "c += 64u", wrong: "c += 128u" },
  { mistake: "nothing accumulated", kernel: "denseWeightGradient", right: "sum += y[i];", wrong: "" },
  {
    mistake: "the chunks' means not merged by Chan's formula",
    kernel: "batchNormStatistics",
    right: "delta * delta * count * share",
    wrong: "0.0",
  },
  {
    mistake: "the unbiased variance",
    kernel: "batchNormStatistics",
    right: "m2 / count",
    wrong: "m2 / max(1.0, count - 1.0)",
  },
  {
    mistake: "E[x²] − E[x]²",
    kernel: "batchNormStatistics",
    right: "let deviation = x[row * sizes.C + c] - mean;\n    m2 += deviation * deviation;",
    wrong: "let value = x[row * sizes.C + c];\n    m2 += value * value - mean * mean;",
  },
  {
    mistake: "dx without the path through the variance",
    kernel: "batchNormGradient",
    right: "x_hat * (sums[c] / rows)",
    wrong: "0.0",
  },
  {
    mistake: "the leaky ReLU's mask forgotten",
    kernel: "batchNormLeakyReluGradient",
    right: "gamma * x_hat + beta > 0.0",
    wrong: "x_hat < 99.0",
  },
  {
    mistake: "dx by the sums of the other group",
    kernel: "batchNormLeakyReluGradient",
    right: "sums_of(group * sizes.chunks, (group + 1u) * sizes.chunks, c)",
    wrong: "sums_of(0u, sizes.chunks, c)",
  },
  {
    mistake: "parameter gradients of one group only",
    kernel: "batchNormLeakyReluGradient",
    right: "sizes.all_groups * sizes.chunks",
    wrong: "sizes.chunks",
  },
  {
    mistake: "normalised by the other group",
    kernel: "batchNormLeakyRelu",
    right: "merged_statistics(group, c)",
    wrong: "merged_statistics(0u, c)",
  },
  {
    mistake: "a chunk that reaches into the next group",
    kernel: "batchNormLeakyRelu",
    right: "min(first + sizes.chunk, group_row + sizes.rows)",
    wrong: "min(first + sizes.chunk, sizes.groups * sizes.rows)",
  },
  {
    mistake: "averages that follow every group",
    kernel: "batchNormLeakyRelu",
    right: "if (group == 0u)",
    wrong: "if (group < 9u)",
  },
  {
    mistake: "rstd taken for the variance",
    kernel: "batchNormRunning",
    right: "min(row * 2u, 2u)",
    wrong: "min(row, 2u)",
  },
  {
    mistake: "a mask that lets 0 through",
    kernel: "leakyReluGradient",
    right: "y[i] > vec4f()",
    wrong: "y[i] >= vec4f()",
  },
  { mistake: "the last vec4 forgotten", kernel: "add", right: "i >= sizes.quads", wrong: "i + 1u >= sizes.quads" },
  { mistake: "exp that overflows", kernel: "sigmoid", right: "exp(-abs(x[i]))", wrong: "exp(-x[i])" },
  {
    mistake: "epsilon in the root",
    kernel: "adam",
    right: "(sqrt(second) + sizes.epsilon)",
    wrong: "sqrt(second + 1e-6)",
  },
  { mistake: "no word of what is not finite", kernel: "adam", right: "atomicStore(&flag, 1u)", wrong: "" },
  {
    mistake: "an infinite v overlooked, by which the parameter stays as it is",
    kernel: "adam",
    right: "next + second",
    wrong: "next",
  },
  {
    mistake: "NaN looked for by a comparison, which a compiler may leave out",
    kernel: "adam",
    right: "(bitcast<vec4u>(next + second) & ones) == ones",
    wrong: "(next + second) != (next + second)",
  },
  { mistake: "log(1 + e) for log1p(e)", kernel: "sigmoidCrossEntropy", right: "+ log1p(e)", wrong: "+ log(1.0 + e)" },
  { mistake: "a sum for the mean", kernel: "sigmoidCrossEntropyGradient", right: " / f32(sizes.N)", wrong: "" },
  {
    mistake: "the other half's target",
    kernel: "sigmoidCrossEntropyBoth",
    right: "select(sizes.second_target, sizes.first_target, tile == 0u)",
    wrong: "sizes.first_target",
  },
  { mistake: "no margin", kernel: "hingeLoss", right: "max(0.0, 1.0 + loss)", wrong: "max(0.0, loss)" },
  {
    mistake: "a slope beyond the margin",
    kernel: "hingeLoss",
    right: "slope, loss > 0.0",
    wrong: "slope, loss >= 0.0",
  },
  {
    mistake: "paired with its own half",
    kernel: "relativisticLoss",
    right: "(sizes.groups - 1u - tile) * sizes.N",
    wrong: "tile * sizes.N",
  },
  { mistake: "log(1 + e) for log1p(e)", kernel: "relativisticLoss", right: "+ log1p(e)", wrong: "+ log(1.0 + e)" },
  { mistake: "a chunk's last row forgotten", kernel: "columnSum", right: "row < end", wrong: "row + 1u < end" },
  {
    mistake: "the deviation of all groups together",
    kernel: "minibatchStddev",
    right: "let at = group * sizes.G * sizes.M + m;",
    wrong: "let at = m;",
  },
  {
    mistake: "no way through the deviation",
    kernel: "minibatchStddevGradient",
    right: "slope * (x[at] - c.mean)",
    wrong: "0.0",
  },
  {
    mistake: "sigma held constant",
    kernel: "minibatchStddevCurvature",
    right: " - along * (x[at] - c.mean)",
    wrong: "",
  },
  { mistake: "not divided", kernel: "normalise", right: "y[i] / norm", wrong: "y[i]" },
  {
    mistake: "the vectors in each other's place",
    kernel: "spectralNormGradient",
    right: "i / sizes.columns",
    wrong: "i % sizes.columns",
  },
  {
    mistake: "a box of three taps",
    kernel: "smoothFilter",
    right: " + tap(r - 1u, s - 1u, ck)",
    wrong: "",
  },
  {
    mistake: "a shift that never goes all the way",
    kernel: "augmentParameters",
    right: "2u * sizes.max_shift + 1u",
    wrong: "max(2u * sizes.max_shift, 1u)",
  },
  { mistake: "cut out before the shift", kernel: "augment", right: "at - a.cut)", wrong: "at - a.shift - a.cut)" },
  { mistake: "contrast about 0", kernel: "augment", right: "(1.0 - k) * mean", wrong: "0.0" },
  {
    mistake: "the mean of the first chunk",
    kernel: "augment",
    right: "chunk < sizes.chunks",
    wrong: "chunk < min(1u, sizes.chunks)",
  },
  { mistake: "grey of the picture", kernel: "augment", right: "* grey +", wrong: "* mean +" },
  { mistake: "brightness in the linear part", kernel: "augment", right: "sizes.offset * a", wrong: "a" },
  { mistake: "the first picture's", kernel: "augment", right: "sizes.row + n", wrong: "sizes.row" },
  {
    mistake: "moved on, not back",
    kernel: "augmentGradient",
    right: "select(-a.shift, a.shift, transposed)",
    wrong: "-a.shift",
  },
  {
    mistake: "a mean of what was cut out too",
    kernel: "augmentGradient",
    right: "(sizes.transposed == 0u) |",
    wrong: "(sizes.transposed < 2u) |",
  },
  {
    mistake: "no share of the mean where nothing was seen",
    kernel: "augmentGradient",
    right: "seen | transposed",
    wrong: "seen",
  },
  { mistake: "nine rounds", kernel: "noiseUniform", right: "round < 10u", wrong: "round < 9u" },
  {
    mistake: "no truncation",
    kernel: "noiseTruncatedNormal",
    right: "abs(normal) <= 2.0",
    wrong: "abs(normal) <= 9.0",
  },
  {
    mistake: "a mirror off by one",
    kernel: "gatherPictures",
    right: "sizes.size - 1u - w",
    wrong: "min(sizes.size - w, sizes.size - 1u)",
  },
  { mistake: "bytes in the wrong order", kernel: "packPictures", right: "<< (k * 8u)", wrong: "<< (24u - k * 8u)" },
  { mistake: "rounding down", kernel: "packPictures", right: "255.0 + 0.5", wrong: "255.0" },
];

/** Whether any shape misses. */
async function isCaught(stream: Stream, { kernel }: Control): Promise<boolean> {
  const check = checkOf(kernel);
  for (const dims of check.shapes) {
    if ((await misses(stream, check, [dims])).length > 0) return true;
  }
  return false;
}

test.each(controls)("$kernel: $mistake is caught", async (control) => {
  const { right, wrong } = control;
  let found = false;
  const mistaken = withShaders((await testStream()).gpu, (code) => {
    const changed = code.replaceAll(right, wrong);
    found ||= changed !== code;
    return changed;
  });
  expect(await isCaught(new Stream(mistaken), control)).toBe(true);
  expect(found, `${right} stands in no shader of ${control.kernel}`).toBe(true);
});
