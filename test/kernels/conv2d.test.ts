import { testKernels } from "./check_table.ts";

const passes = ["conv2d", "conv2dInputGradient", "conv2dFilterGradient"];
const dense = ["dense", "denseInputGradient", "denseWeightGradient"];
const transposed = ["transposedConv2d", "transposedConv2dInputGradient", "transposedConv2dFilterGradient"];

// Each adapter uses one set of micro-kernels; both have to be right.
testKernels([...passes, ...dense, ...transposed], "software");
testKernels([...passes, ...dense], "hardware");
testKernels(["conv2dObvious", "conv2dInputGradientObvious", "conv2dFilterGradientObvious"]);
