/**
 * Which gradients can be differentiated again, op by op and input by input. The R1 and R2 penalties require it of every op
 * between D's logits and its pictures. `true` means that the gradient is computed by recorded ops, whose own derivatives
 * are known; `false`, that it is computed by a kernel. An op that is not listed counts as `false`.
 */
export const secondDerivatives: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  add: { a: true, b: true },
  reshape: { x: true },
  conv2d: { x: true, weight: true, bias: false },
  conv2dInputGradient: { dy: true, weight: true, bias: false },
  conv2dFilterGradient: { x: true, dy: true },
  dense: { x: true, weight: true, bias: false },
  denseInputGradient: { dy: true, weight: true },
  denseWeightGradient: { x: true, dy: true },
  smoothFilter: { weight: true },
  smoothFilterGradient: { dy: true },
  leakyRelu: { x: true },
  leakyReluGradient: { dy: true },
  minibatchStddev: { x: true },
  minibatchStddevGradient: { dy: false, x: false },
  augment: { x: true },
  augmentGradient: { dy: true },
  tanh: { x: false },
  sigmoid: { x: false },
  batchNorm: { x: false, gamma: false, beta: false },
  batchNormLeakyRelu: { x: false, gamma: false, beta: false },
  spectralNorm: { weight: false },
  sigmoidCrossEntropy: { x: false },
  sumOfSquares: { x: false },
};

/** @throws Error when the gradient of an op's input cannot be differentiated again */
export function requireSecondDerivative(op: string, input: number): void {
  const [name, has] = Object.entries(secondDerivatives[op] ?? {})[input] ?? [`input ${input}`, false];
  if (has) return;
  throw new Error(
    `gradients: ${op} has no second derivative for ${name}, so this gradient cannot be differentiated again: ` +
      "for first derivatives use gradientsInto; a gradient penalty needs a network without this op",
  );
}
