// The step in TensorFlow.js on its WebGPU backend: core operations, its own gradients and its own Adam.

import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-webgpu";

const batchNormEpsilon = 1e-5;
const adamEpsilon = 1e-8;

export async function open() {
  if (!(await tf.setBackend("webgpu"))) throw new Error("TensorFlow.js cannot use its WebGPU backend here");
  await tf.ready();
  let config;
  let p;
  let average;
  let optimisers;
  let variables;

  const startSide = () => (config.size === 128 ? 8 : 4);
  const layersOf = (prefix) => Object.keys(p).filter((name) => name.startsWith(prefix) && name.endsWith(".weight"));

  function batchNorm(layer, x) {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    return tf.batchNorm(x, mean, variance, p[`${layer}.beta`], p[`${layer}.gamma`], batchNormEpsilon);
  }

  function generator(z) {
    const side = startSide();
    let x = tf.add(tf.matMul(z, p["g.dense.weight"]), p["g.dense.bias"]);
    x = tf.leakyRelu(tf.reshape(x, [z.shape[0], side, side, -1]), config.slope);
    for (const name of layersOf("g.up")) {
      const layer = name.slice(0, -".weight".length);
      const [N, H, W] = x.shape;
      x = tf.conv2dTranspose(x, p[name], [N, 2 * H, 2 * W, p[name].shape[2]], 2, "same");
      x = tf.leakyRelu(batchNorm(layer, tf.add(x, p[`${layer}.bias`])), config.slope);
    }
    const y = tf.conv2dTranspose(x, p["g.rgb.weight"], [...x.shape.slice(0, 3), 3], 1, "same");
    return tf.tanh(tf.add(y, p["g.rgb.bias"]));
  }

  function discriminator(x) {
    const layers = layersOf("d.conv");
    for (const [i, name] of layers.entries()) {
      const layer = name.slice(0, -".weight".length);
      // The article's network has one stride-1 convolution, the last but one.
      const stride = config.size === 128 && i === layers.length - 2 ? 1 : 2;
      x = tf.add(tf.conv2d(x, p[name], stride, "same"), p[`${layer}.bias`]);
      if (p[`${layer}.gamma`]) x = batchNorm(layer, x);
      x = tf.leakyRelu(x, config.slope);
    }
    return tf.add(tf.matMul(tf.reshape(x, [x.shape[0], -1]), p["d.logit.weight"]), p["d.logit.bias"]);
  }

  function crossEntropy(logits, target) {
    return tf.losses.sigmoidCrossEntropy(tf.fill(logits.shape, target), logits);
  }

  function update(prefix, grads, step) {
    // Its epsilon is added to √v̂; this one makes that TensorFlow 1's, added to √v.
    optimisers[prefix].epsilon = adamEpsilon / Math.sqrt(1 - config.beta2 ** step);
    optimisers[prefix].applyGradients(grads);
  }

  return {
    begin(setup) {
      config = setup.config;
      p = {};
      for (const [name, { shape, values }] of Object.entries(setup.start)) {
        p[name] = tf.variable(tf.tensor(values, shape), true, name);
      }
      const { lrD, lrG, beta1, beta2 } = config;
      optimisers = { d: tf.train.adam(lrD, beta1, beta2), g: tf.train.adam(lrG, beta1, beta2) };
      variables = (prefix) => Object.values(p).filter(({ name }) => name.startsWith(prefix));
      average = config.ema > 0 ? variables("g.").map((parameter) => tf.variable(parameter, false)) : [];
    },

    async step({ step, z, real }) {
      const { batch, size, smoothing, ema } = config;
      const losses = tf.tidy(() => {
        const latents = tf.tensor(z, [batch, config.z]);
        const pictures = tf.tensor(real, [batch, size, size, 3]);
        let dLoss;
        // D's update is inside the function that is differentiated for G, so that G's forward pass is not repeated.
        const fooled = () => {
          const fake = generator(latents);
          const ofD = () =>
            tf.add(crossEntropy(discriminator(pictures), 1 - smoothing), crossEntropy(discriminator(fake), 0));
          const d = tf.variableGrads(ofD, variables("d."));
          update("d", d.grads, step);
          dLoss = tf.keep(d.value);
          return crossEntropy(discriminator(fake), 1);
        };
        const g = tf.variableGrads(fooled, variables("g."));
        update("g", g.grads, step);
        for (const [i, parameter] of variables("g.").entries()) {
          if (ema > 0) average[i].assign(tf.add(tf.mul(average[i], ema), tf.mul(parameter, 1 - ema)));
        }
        const both = tf.stack([dLoss, g.value]);
        dLoss.dispose();
        return both;
      });
      const [dLoss, gLoss] = await losses.data();
      losses.dispose();
      return { dLoss, gLoss };
    },

    ownBytes: () => tf.memory().numBytesInGPU,

    endTraining() {
      tf.dispose([p, average]);
      for (const optimiser of Object.values(optimisers)) optimiser.dispose();
    },

    operations({ x, weight, dy, stride }) {
      const [tx, tweight, tdy] = [x, weight, dy].map(({ shape, values }) => tf.tensor(values, shape));
      const attributes = { strides: stride, pad: "same", dataFormat: "NHWC", dimRoundingMode: null };
      const operation = (compute) => {
        let result = null;
        return {
          async run(repeats) {
            for (let i = 0; i < repeats; i++) {
              result?.dispose();
              result = compute();
            }
            // It gathers dispatches and submits them later, or for a read: one number of the last result.
            await tf.tidy(() => tf.slice(tf.reshape(result, [-1]), 0, 1)).data();
          },
          result: () => result.data(),
        };
      };
      const gradient = (kernel, inputs, shapes) => () =>
        tf.engine().runKernel(kernel, inputs, { ...attributes, ...shapes });
      return {
        forward: operation(() => tf.conv2d(tx, tweight, stride, "same")),
        inputGradient: operation(
          gradient("Conv2DBackpropInput", { dy: tdy, filter: tweight }, { inputShape: x.shape }),
        ),
        filterGradient: operation(gradient("Conv2DBackpropFilter", { x: tx, dy: tdy }, { filterShape: weight.shape })),
      };
    },
  };
}
