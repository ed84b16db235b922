import { testKernels } from "./check_table.ts";

testKernels([
  "leakyRelu",
  "leakyReluGradient",
  "tanh",
  "tanhGradient",
  "sigmoid",
  "sigmoidGradient",
  "add",
  "accumulate",
  "scaleBy",
  "divideBy",
  "lerp",
  "fill",
]);
