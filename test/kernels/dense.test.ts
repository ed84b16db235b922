import { testKernels } from "./check_table.ts";

// The fast ones share conv2d's shaders, and its test.
testKernels(["denseRows", "denseNaive", "denseInputGradientNaive", "denseWeightGradientNaive"]);
