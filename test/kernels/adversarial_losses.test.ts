import { testKernels } from "./check_table.ts";

testKernels(["hingeLoss", "relativisticLoss"]);
