// Shapes that do not fit: the error names the operation, what it got and what it expected.
import { expect, test } from "vitest";
import type { Stream } from "../../src/gpu/stream.ts";
import { Tensor } from "../../src/gpu/tensor.ts";
import { adam } from "../../src/kernels/adam.ts";
import { augment, augmentParameters } from "../../src/kernels/augment.ts";
import {
  batchNorm,
  batchNormGradient,
  batchNormLeakyRelu,
  batchNormLeakyReluGradient,
  batchNormStatistics,
} from "../../src/kernels/batch_norm.ts";
import { conv2d, conv2dFilterGradient, conv2dInputGradient, dense, denseRows } from "../../src/kernels/conv2d.ts";
import { add } from "../../src/kernels/elementwise.ts";
import * as loss from "../../src/kernels/loss.ts";
import { minibatchStddev } from "../../src/kernels/minibatch_stddev.ts";
import { gatherPictures, packPictures } from "../../src/kernels/pictures.ts";
import { addRow, columnSum, dot, reduceSplits, sumOfSquares } from "../../src/kernels/reduce.ts";
import { smoothFilter } from "../../src/kernels/smooth_filter.ts";
import * as spectral from "../../src/kernels/spectral_norm.ts";
import { testStream } from "./gpu.ts";

const stream = await testStream();
const t = (label: string, ...shape: number[]) => new Tensor(label, shape, null as unknown as GPUBuffer);

const changes = { color: true, translation: true, cutout: true };

const cases: [message: string, call: (stream: Stream) => void][] = [
  [
    "conv2d: x has C=1, weight [R,S,C,K] has C=3 (x x [16,64,64,1], weight w [5,5,3,64], y y [16,32,32,64], stride 2)",
    (s) => conv2d(s, t("x", 16, 64, 64, 1), t("w", 5, 5, 3, 64), null, t("y", 16, 32, 32, 64), 2),
  ],
  ["conv2d: y needs [1,4,3,5]", (s) => conv2d(s, t("x", 1, 7, 6, 3), t("w", 5, 5, 3, 5), null, t("y", 1, 3, 3, 5), 2)],
  [
    "conv2dInputGradient: the stride needs to be a whole number of at least 1",
    (s) => conv2dInputGradient(s, t("dy", 1, 4, 4, 5), t("w", 5, 5, 3, 5), null, t("dx", 1, 8, 8, 3), 0),
  ],
  [
    "conv2dFilterGradient: x needs four axes [N,H,W,C]",
    (s) => conv2dFilterGradient(s, t("x", 8, 8, 3), t("dy", 1, 4, 4, 5), t("dw", 5, 5, 3, 5), 2),
  ],
  [
    "dense: needs x [N,C], weight [C,K], y [N,K]; got x x [2,3], weight w [4,5], y y [2,5]",
    (s) => dense(s, t("x", 2, 3), t("w", 4, 5), null, t("y", 2, 5)),
  ],
  ["denseRows: needs", (s) => denseRows(s, t("x", 2, 3), t("w", 3, 5), null, t("y", 2, 4))],
  ["add: b [5] and y [4] need the same number of elements", (s) => add(s, t("a", 4), t("b", 5), t("y", 4))],
  [
    "adam: needs four arenas of one size; got g [4], p [5], m [5], v [5]",
    (s) =>
      adam(
        s,
        t("step", 4),
        0,
        { gradient: t("g", 4), parameter: t("p", 5), m: t("m", 5), v: t("v", 5) },
        { beta1: 0, beta2: 0.9, epsilon: 1e-8 },
        t("flag", 1),
      ),
  ],
  [
    "augmentParameters: parameters needs [rows,8], got parameters [4,7]",
    (s) => augmentParameters(s, t("step", 4), t("parameters", 4, 7), { seed: 1, purpose: 7 }, 16, changes),
  ],
  [
    "augment: needs two [N,size,size,3] and N parameters from row 3 on; got x [2,8,8,3], y [2,8,8,3], parameters [4,8]",
    (s) => augment(s, t("x", 2, 8, 8, 3), t("y", 2, 8, 8, 3), { changes, parameters: t("parameters", 4, 8), row: 3 }),
  ],
  [
    "batchNormStatistics: moments [2,5] needs 3 × C=5 elements",
    (s) => batchNormStatistics(s, t("x", 9, 5), t("moments", 2, 5), 1e-5),
  ],
  [
    "batchNorm: y [9,4] and x [9,5] need one shape",
    (s) => batchNorm(s, t("x", 9, 5), t("moments", 3, 5), t("gamma", 5), t("beta", 5), t("y", 9, 4)),
  ],
  [
    "batchNormGradient: sums [5] needs 2 × C=5 elements",
    (s) => batchNormGradient(s, t("dy", 9, 5), t("x", 9, 5), t("m", 3, 5), t("gamma", 5), t("sums", 5), t("dx", 9, 5)),
  ],
  [
    "batchNormLeakyRelu: applied [3,5] needs 12 × C=5 elements",
    (s) =>
      batchNormLeakyRelu(s, t("x", 9, 5), t("gamma", 5), t("beta", 5), t("y", 9, 5), t("applied", 3, 5), {
        epsilon: 1e-5,
        slope: 0.2,
      }),
  ],
  [
    "batchNormLeakyReluGradient: dy [9,5] does not have 2 groups of rows",
    (s) =>
      batchNormLeakyReluGradient(s, t("dy", 9, 5), t("x", 9, 5), t("applied", 2, 4, 5), t("dx", 9, 5), {
        slope: 0.2,
        dgamma: null,
        dbeta: null,
      }),
  ],
  [
    "sigmoidCrossEntropyBoth: needs one or two targets, x in that many equal groups, losses [groups,2], dx like x; " +
      "got 2 targets, x [5], losses [2,2], dx [5]",
    (s) => loss.sigmoidCrossEntropyBoth(s, t("x", 5), [1, 0], t("losses", 2, 2), t("dx", 5)),
  ],
  [
    "hingeLoss: needs one or two signs, x in that many equal groups, losses [groups,2], dx like x; " +
      "got 1 signs, x [4], losses [2,2], dx [4]",
    (s) => loss.hingeLoss(s, t("x", 4), [1], true, t("losses", 2, 2), t("dx", 4)),
  ],
  [
    "relativisticLoss: opposite needs the size of x x [4], got opposite [2]",
    (s) => loss.relativisticLoss(s, t("x", 4), t("opposite", 2), [1, -1], 0.5, t("losses", 2, 2), t("dx", 4)),
  ],
  ["sigmoidCrossEntropy: loss needs [2], got loss [1]", (s) => loss.sigmoidCrossEntropy(s, t("x", 4), 1, t("loss", 1))],
  [
    "sigmoidCrossEntropyGradient: needs dloss [2] and dx like x x [4]; got dloss [2], dx [3]",
    (s) => loss.sigmoidCrossEntropyGradient(s, t("x", 4), 1, t("dloss", 2), t("dx", 3)),
  ],
  [
    "gatherPictures: y needs [N,size,size,3] with an even size, got y [2,7,7,3]",
    (s) => gatherPictures(s, t("pixels", 99), t("step", 9), 0, t("y", 2, 7, 7, 3)),
  ],
  [
    "packPictures: pixels needs [192] words for x x [4,8,8,3], got pixels [256]",
    (s) => packPictures(s, t("x", 4, 8, 8, 3), t("pixels", 256)),
  ],
  ["columnSum: y needs [5] for x x [9,5], got y [4]", (s) => columnSum(s, t("x", 9, 5), t("y", 4))],
  [
    "reduceSplits: partial needs [splits, 5] for y y [5], got partial [3,4]",
    (s) => reduceSplits(s, t("partial", 3, 4), t("y", 5)),
  ],
  ["addRow: matrix [2,5] has no row 2 of the size of y y [5]", (s) => addRow(s, t("matrix", 2, 5), 2, t("y", 5))],
  ["sumOfSquares: y needs [1], got y [2]", (s) => sumOfSquares(s, t("x", 9), t("y", 2), 1)],
  ["dot: needs a and b of one size, y [1]; got a [4], b [5], y [1]", (s) => dot(s, t("a", 4), t("b", 5), t("y", 1))],
  [
    "minibatch_stddev: needs tensors [N,H,W,C] and [N,H,W,C+1], N a multiple of the group's 4; got x [6,2,2,3], y [6,2,2,4]",
    (s) => minibatchStddev(s, t("x", 6, 2, 2, 3), t("y", 6, 2, 2, 4), 4),
  ],
  [
    "vectorMatrix: needs x [rows], matrix [rows,K], partial [2,K]; got x [40], matrix [40,3], partial [1,3]",
    (s) => spectral.vectorMatrix(s, t("x", 40), t("matrix", 40, 3), t("partial", 1, 3)),
  ],
  [
    "normalise: partial needs [splits, 4] for y y [4], got partial [2,3]",
    (s) => spectral.normalise(s, t("partial", 2, 3), t("y", 4)),
  ],
  [
    "spectralNormGradient: needs dy and dx [rows·K], inner [1], v [rows], u [K], sigma [1]; " +
      "got dy [6], dx [6], inner [1], v [4], u [2], sigma [1]",
    (s) => {
      const [inner, v, u, sigma] = [t("inner", 1), t("v", 4), t("u", 2), t("sigma", 1)];
      spectral.spectralNormGradient(s, t("dy", 6), { inner, v, u, sigma }, t("dx", 6));
    },
  ],
  [
    "smoothFilter: needs [R,S,C,K] and [R+1,S+1,C,K]; got x [4,4,3,8] and y [4,4,3,8]",
    (s) => smoothFilter(s, t("x", 4, 4, 3, 8), t("y", 4, 4, 3, 8)),
  ],
];

test.each(cases)("%s", (message, call) => {
  let caught = "no error";
  try {
    call(stream);
  } catch (error) {
    caught = (error as Error).message;
  }
  expect(caught.slice(0, message.length)).toBe(message);
});
