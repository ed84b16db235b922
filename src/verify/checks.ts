/** Every kernel's check: the table behind `catgan verify` and behind the kernel tests. */
import { adam } from "./adam.ts";
import { adversarialLossChecks } from "./adversarial_losses.ts";
import { augmentChecks } from "./augment.ts";
import { batchNormChecks } from "./batch_norm.ts";
import type { Check } from "./check.ts";
import { convolutionChecks } from "./convolutions.ts";
import { elementwiseChecks } from "./elementwise.ts";
import { lossChecks } from "./losses.ts";
import { minibatchStddevChecks } from "./minibatch_stddev.ts";
import { pictureChecks } from "./pictures.ts";
import { reductionChecks } from "./reductions.ts";
import { spectralNormChecks } from "./spectral_norm.ts";

export const checks: readonly Check[] = [
  ...convolutionChecks,
  ...batchNormChecks,
  ...elementwiseChecks,
  adam,
  ...lossChecks,
  ...adversarialLossChecks,
  ...reductionChecks,
  ...spectralNormChecks,
  ...minibatchStddevChecks,
  ...pictureChecks,
  ...augmentChecks,
];
