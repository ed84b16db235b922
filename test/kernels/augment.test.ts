import { testKernels } from "./check_table.ts";

testKernels(["augmentParameters", "augment", "augmentGradient"]);
