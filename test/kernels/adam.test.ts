import { testKernels } from "./check_table.ts";

testKernels(["adam"]);
