// The step in jax-js on WebGPU, compiled as one function by its jit. Arrays are NCHW and filters [out,in,R,S], the only
// layout its convolutions know; inputs and outputs are transposed outside the timed part.
//
// An array is consumed by what uses it; `.ref` keeps it for another use.

import {
  blockUntilReady,
  defaultDevice,
  grad,
  init,
  jit,
  lax,
  nn,
  numpy as np,
  tree,
  valueAndGrad,
  vjp,
} from "@jax-js/jax";

const batchNormEpsilon = 1e-5;
const adamEpsilon = 1e-8;
/** [R,S,in,out], or [R,S,out,in] of a transposed convolution, to [out,in,R,S] of the plain one. */
const filterAxes = [3, 2, 0, 1];

export async function open() {
  if (!(await init("webgpu")).includes("webgpu")) throw new Error("jax-js finds no WebGPU here");
  defaultDevice("webgpu");
  let config;
  let state;
  let compiled;

  /** Training's form: the batch's own mean and biased variance over N, H and W. @param x [N,C,H,W] */
  function batchNorm(x, gamma, beta) {
    const axes = [0, 2, 3];
    const column = (values) => np.reshape(values, [1, -1, 1, 1]);
    const centred = x.ref.sub(np.mean(x, axes, { keepdims: true }));
    const variance = np.mean(np.square(centred.ref), axes, { keepdims: true });
    const scale = column(gamma).div(np.sqrt(variance.add(batchNormEpsilon)));
    return centred.mul(scale).add(column(beta));
  }

  const plusBias = (y, bias) => y.add(np.reshape(bias, [1, -1, 1, 1]));

  function generator(p, z) {
    const side = config.size === 128 ? 8 : 4;
    let x = np.matmul(z, p["g.dense.weight"].ref).add(p["g.dense.bias"].ref);
    // The dense layer's numbers are NHWC.
    x = np.transpose(np.reshape(x, [config.batch, side, side, -1]), [0, 3, 1, 2]);
    x = nn.leakyRelu(x, config.slope);
    for (const layer of layersOf(p, "g.up")) {
      x = lax.convTranspose(x, p[`${layer}.weight`].ref, [2, 2], "SAME", { transposeKernel: true });
      x = plusBias(x, p[`${layer}.bias`].ref);
      x = nn.leakyRelu(batchNorm(x, p[`${layer}.gamma`].ref, p[`${layer}.beta`].ref), config.slope);
    }
    x = lax.convTranspose(x, p["g.rgb.weight"].ref, [1, 1], "SAME", { transposeKernel: true });
    x = np.tanh(plusBias(x, p["g.rgb.bias"].ref));
    tree.dispose(p);
    return x;
  }

  function discriminator(p, x) {
    const layers = layersOf(p, "d.conv");
    for (const [i, layer] of layers.entries()) {
      // The article's network has one stride-1 convolution, the last but one.
      const stride = config.size === 128 && i === layers.length - 2 ? 1 : 2;
      x = lax.convGeneralDilated(x, p[`${layer}.weight`].ref, [stride, stride], "SAME");
      x = plusBias(x, p[`${layer}.bias`].ref);
      if (p[`${layer}.gamma`]) x = batchNorm(x, p[`${layer}.gamma`].ref, p[`${layer}.beta`].ref);
      x = nn.leakyRelu(x, config.slope);
    }
    x = np.reshape(np.transpose(x, [0, 2, 3, 1]), [config.batch, -1]);
    return np.matmul(x, p["d.logit.weight"].ref).add(p["d.logit.bias"].ref);
  }

  /** log(1 + exp(x)) − target · x: the cross-entropy of σ(x). */
  function crossEntropy(logits, target) {
    return np.mean(nn.softplus(logits.ref).sub(logits.mul(target)));
  }

  /** TensorFlow 1's Adam. @param rate lr · √(1 − beta2^t) / (1 − beta1^t) */
  function adam(parameters, gradients, { m, v }, rate) {
    const { beta1, beta2 } = config;
    const next = { parameters: {}, m: {}, v: {} };
    for (const [name, gradient] of Object.entries(gradients)) {
      next.m[name] = m[name].mul(beta1).add(gradient.ref.mul(1 - beta1));
      next.v[name] = v[name].mul(beta2).add(np.square(gradient).mul(1 - beta2));
      const change = next.m[name].ref.div(np.sqrt(next.v[name].ref).add(adamEpsilon)).mul(rate.ref);
      next.parameters[name] = parameters[name].sub(change);
    }
    rate.dispose();
    return next;
  }

  function trainStep({ g, d, average }, z, real, rateD, rateG) {
    const { smoothing, ema } = config;
    const [fake, backToG] = vjp((p) => generator(p, z), [tree.ref(g.parameters)]);
    const dLossOf = (p, real, fake) =>
      crossEntropy(discriminator(tree.ref(p), real), 1 - smoothing).add(crossEntropy(discriminator(p, fake), 0));
    const [dLoss, dGradients] = valueAndGrad(dLossOf)(tree.ref(d.parameters), real, fake.ref);
    const nextD = adam(d.parameters, dGradients, d, rateD);
    const gLossOf = (fake, p) => crossEntropy(discriminator(p, fake), 1);
    const [gLoss, dFake] = valueAndGrad(gLossOf)(fake, tree.ref(nextD.parameters));
    const [gGradients] = backToG(dFake);
    const nextG = adam(g.parameters, gGradients, g, rateG);
    const nextAverage = {};
    for (const [name, value] of Object.entries(average)) {
      nextAverage[name] = value.mul(ema).add(nextG.parameters[name].ref.mul(1 - ema));
    }
    return [{ g: nextG, d: nextD, average: nextAverage }, np.stack([dLoss, gLoss])];
  }

  function toArray({ shape, values }, axes) {
    const array = np.array(values).reshape(shape);
    return axes ? np.transpose(array, axes) : array;
  }

  return {
    async begin(setup) {
      config = setup.config;
      const parameters = { g: {}, d: {} };
      for (const [name, parameter] of Object.entries(setup.start)) {
        parameters[name[0]][name] = toArray(parameter, parameter.shape.length === 4 ? filterAxes : null);
      }
      const zeros = (p) => tree.map((array) => np.zeros(array.shape), p);
      const network = (p) => ({ parameters: p, m: zeros(p), v: zeros(p) });
      const average = config.ema > 0 ? tree.ref(parameters.g) : {};
      state = await blockUntilReady({ g: network(parameters.g), d: network(parameters.d), average });
      compiled = jit(trainStep);
    },

    async step({ step, z, real }) {
      const { batch, size, beta1, beta2, lrD, lrG } = config;
      const rate = (lr) => np.array((lr * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step));
      const latents = toArray({ shape: [batch, config.z], values: z });
      const pictures = toArray({ shape: [batch, size, size, 3], values: real }, [0, 3, 1, 2]);
      const [next, losses] = compiled(state, latents, pictures, rate(lrD), rate(lrG));
      state = next;
      const [dLoss, gLoss] = await losses.data();
      await blockUntilReady(state);
      return { dLoss, gLoss };
    },

    ownBytes: () => null,

    endTraining() {
      tree.dispose(state);
      compiled.dispose();
    },

    async operations({ x, weight, dy, stride }) {
      const inputs = await blockUntilReady({
        x: toArray(x, [0, 3, 1, 2]),
        weight: toArray(weight, filterAxes),
        dy: toArray(dy, [0, 3, 1, 2]),
      });
      const conv = (x, weight) => lax.convGeneralDilated(x, weight, [stride, stride], "SAME");
      const product = (x, weight, dy) => np.sum(conv(x, weight).mul(dy));
      const operation = (compute, axes) => {
        let result = null;
        return {
          async run(repeats) {
            for (let i = 0; i < repeats; i++) {
              result?.dispose();
              result = compute();
            }
            await result.blockUntilReady();
          },
          // Rows of NCHW or [out,in,R,S] back to NHWC or [R,S,in,out].
          result: () => np.transpose(result.ref, axes).data(),
        };
      };
      const forward = jit(conv);
      const gradients = ["x", "weight"].map((_, argnums) => jit(grad(product, { argnums })));
      const { x: tx, weight: tweight, dy: tdy } = inputs;
      return {
        forward: operation(() => forward(tx.ref, tweight.ref), [0, 2, 3, 1]),
        inputGradient: operation(() => gradients[0](tx.ref, tweight.ref, tdy.ref), [0, 2, 3, 1]),
        filterGradient: operation(() => gradients[1](tx.ref, tweight.ref, tdy.ref), [2, 3, 1, 0]),
      };
    },
  };
}

/** The names of the layers whose weights have this prefix, in order. */
function layersOf(p, prefix) {
  const weights = Object.keys(p).filter((name) => name.startsWith(prefix) && name.endsWith(".weight"));
  return weights.map((name) => name.slice(0, -".weight".length));
}
