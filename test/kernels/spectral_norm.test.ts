import { testKernels } from "./check_table.ts";

testKernels(["vectorMatrix", "normalise", "spectralNormGradient"]);
