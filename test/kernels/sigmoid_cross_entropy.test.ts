import { testKernels } from "./check_table.ts";

testKernels(["sigmoidCrossEntropy", "sigmoidCrossEntropyGradient", "sigmoidCrossEntropyBoth", "recordLosses"]);
