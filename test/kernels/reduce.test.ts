import { testKernels } from "./check_table.ts";

testKernels(["columnSum", "reduceSplits", "addRow", "sumOfSquares", "dot"]);
