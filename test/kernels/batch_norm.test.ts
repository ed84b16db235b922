import { testKernels } from "./check_table.ts";

testKernels(["batchNormStatistics", "batchNorm", "batchNormRunning", "batchNormInference", "batchNormGradient"]);
