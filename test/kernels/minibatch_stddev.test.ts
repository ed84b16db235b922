import { testKernels } from "./check_table.ts";

testKernels(["minibatchStddev", "minibatchStddevGradient", "minibatchStddevCurvature"]);
