import { type Pass, passes } from "../../src/kernels/variants.ts";
import { testKernels, testVariants } from "./check_table.ts";

const kernels: Record<Pass, string[]> = {
  forward: ["conv2d", "dense"],
  "input gradient": ["conv2dInputGradient", "denseInputGradient"],
  "filter gradient": ["conv2dFilterGradient", "denseWeightGradient"],
};
const transposed = ["transposedConv2d", "transposedConv2dInputGradient", "transposedConv2dFilterGradient"];

testKernels([...Object.values(kernels).flat(), ...transposed]);
testKernels(["conv2dNaive", "conv2dInputGradientNaive", "conv2dFilterGradientNaive"]);
// Each adapter uses a few of them; all have to be right.
for (const pass of passes) testVariants(kernels[pass], pass);
