// Trains a toy DCGAN for ten steps with TensorFlow.js (cpu backend) and writes what catgan's own trainer must reproduce:
// test/fixtures/dcgan_article.safetensors and dcgan_plain.safetensors. README.md says what they hold.
// Independent on purpose: nothing here comes from catgan, neither the network nor the file format.

import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";

const OUT = new URL("../../test/fixtures/", import.meta.url);
const STEPS = 10;
const PICTURES = 8;
const START = 4; // side of G's first feature map; two doublings make 16

// The article's rates of 5e-5 and 2e-4 would hardly move anything in ten steps: 20 and 10 times as much.
const shared = {
  size: 16,
  base: 4,
  batch: 4,
  z: 8,
  kernel: 5,
  slope: 0.2,
  bnEpsilon: 1e-5,
  beta2: 0.999,
  adamEpsilon: 1e-8,
  lrD: 1e-3,
  lrG: 2e-3,
};
// Seeds that pass `checkStability`: about half of the first sixteen do not.
const CONFIGS = {
  article: { ...shared, baseD: 4, normD: true, smoothing: 0.1, beta1: 0.5, seed: 5 },
  plain: { ...shared, baseD: 8, normD: false, smoothing: 0, beta1: 0, seed: 11 },
};

// ---- the given start: numbers from a seeded generator, so that anyone makes the same file again ----

/** mulberry32: uniform in [0, 1) from a 32-bit state. */
function uniformFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Box–Muller: standard normal from two uniforms; 1 − u keeps the logarithm finite. */
function normalFrom(uniform) {
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/**
 * Every trainable parameter: name → shape. Filters of convolutions are [R,S,C,K], those of transposed convolutions
 * [R,S,Cout,Cin], both TensorFlow's layouts; dense weights are [in, out], over NHWC flattened.
 */
function parameterShapes({ base, baseD, z, kernel: k, normD }) {
  const c0 = base * 4;
  const dNorm = normD ? { "d.conv2.gamma": [2 * baseD], "d.conv2.beta": [2 * baseD] } : {};
  return {
    "g.dense.weight": [z, START * START * c0],
    "g.dense.bias": [START * START * c0],
    "g.up1.weight": [k, k, c0 / 2, c0],
    "g.up1.bias": [c0 / 2],
    "g.up1.gamma": [c0 / 2],
    "g.up1.beta": [c0 / 2],
    "g.up2.weight": [k, k, base, c0 / 2],
    "g.up2.bias": [base],
    "g.up2.gamma": [base],
    "g.up2.beta": [base],
    "g.rgb.weight": [k, k, 3, base],
    "g.rgb.bias": [3],
    "d.conv1.weight": [k, k, 3, baseD],
    "d.conv1.bias": [baseD],
    "d.conv2.weight": [k, k, baseD, 2 * baseD],
    "d.conv2.bias": [2 * baseD],
    ...dNorm,
    "d.logit.weight": [START * START * 2 * baseD, 1],
    "d.logit.bias": [1],
  };
}

/**
 * Nothing starts at 0 or exactly 1, so that a forgotten bias, gamma or beta shows; weights have stddev 0.1, not the
 * article's 0.02, so that gradients of so narrow a network are far above rounding.
 */
function startingParameters(config, normal) {
  const params = {};
  for (const [name, shape] of Object.entries(parameterShapes(config))) {
    const centre = name.endsWith(".gamma") ? 1 : 0;
    const values = Float32Array.from({ length: count(shape) }, () => centre + 0.1 * normal());
    params[name] = { shape, values };
  }
  return params;
}

/** Eight pictures of coloured waves, [8,16,16,3] in [−1, 1]; each value is a byte v as v/127.5 − 1. */
function makePictures({ size }, uniform) {
  const values = new Float32Array(PICTURES * size * size * 3);
  for (let n = 0; n < PICTURES; n++) {
    for (let c = 0; c < 3; c++) {
      const [fx, fy, phase, offset] = [uniform() * 0.6, uniform() * 0.6, uniform() * 2 * Math.PI, uniform() - 0.5];
      for (let h = 0; h < size; h++) {
        for (let w = 0; w < size; w++) {
          const wave = 0.6 * Math.sin(fx * w + fy * h + phase) + offset + 0.1 * (uniform() - 0.5);
          const byte = Math.round((Math.min(1, Math.max(-1, wave)) + 1) * 127.5);
          values[((n * size + h) * size + w) * 3 + c] = byte / 127.5 - 1;
        }
      }
    }
  }
  return { shape: [PICTURES, size, size, 3], values };
}

/** 0 … n − 1 in random order (Fisher–Yates). */
function shuffled(n, uniform) {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

// ---- the network: p is name → tf.Tensor ----

function convTransposed(p, layer, x, stride, side) {
  const outChannels = p[`${layer}.weight`].shape[2];
  const y = tf.conv2dTranspose(x, p[`${layer}.weight`], [x.shape[0], side, side, outChannels], stride, "same");
  return tf.add(y, p[`${layer}.bias`]);
}

function conv(p, layer, x, stride) {
  return tf.add(tf.conv2d(x, p[`${layer}.weight`], stride, "same"), p[`${layer}.bias`]);
}

/** Training's form: the batch's own mean and biased variance over N, H and W. */
function batchNorm(p, layer, x, epsilon) {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  return tf.batchNorm(x, mean, variance, p[`${layer}.beta`], p[`${layer}.gamma`], epsilon);
}

function generator(p, z, { base, slope, bnEpsilon }) {
  let x = tf.add(tf.matMul(z, p["g.dense.weight"]), p["g.dense.bias"]);
  x = tf.leakyRelu(tf.reshape(x, [-1, START, START, base * 4]), slope);
  x = tf.leakyRelu(batchNorm(p, "g.up1", convTransposed(p, "g.up1", x, 2, 2 * START), bnEpsilon), slope);
  x = tf.leakyRelu(batchNorm(p, "g.up2", convTransposed(p, "g.up2", x, 2, 4 * START), bnEpsilon), slope);
  return tf.tanh(convTransposed(p, "g.rgb", x, 1, 4 * START));
}

/** Pictures → logits [N, 1]. */
function discriminator(p, pictures, { normD, slope, bnEpsilon }) {
  let x = tf.leakyRelu(conv(p, "d.conv1", pictures, 2), slope);
  x = conv(p, "d.conv2", x, 2);
  if (normD) x = batchNorm(p, "d.conv2", x, bnEpsilon);
  x = tf.reshape(tf.leakyRelu(x, slope), [pictures.shape[0], -1]);
  return tf.add(tf.matMul(x, p["d.logit.weight"]), p["d.logit.bias"]);
}

/** Mean over the batch of BCE(sigmoid(logits), target), computed from the logits. */
function bce(logits, target) {
  return tf.losses.sigmoidCrossEntropy(tf.fill(logits.shape, target), logits);
}

/** D sees real and fake pictures in two calls: batch-norm has statistics of its own for each. */
function lossOfD(p, real, fake, config) {
  const onReal = bce(discriminator(p, real, config), 1 - config.smoothing);
  return tf.add(onReal, bce(discriminator(p, fake, config), 0));
}

function lossOfG(p, z, config) {
  return bce(discriminator(p, generator(p, z, config), config), 1);
}

// ---- one step ----

function toTensor({ shape, values }) {
  return tf.tensor(Array.from(values), shape);
}

function toTensors(params) {
  return Object.fromEntries(Object.entries(params).map(([name, parameter]) => [name, toTensor(parameter)]));
}

/** `loss(p)` and its gradients with respect to the parameters whose name starts with `prefix`. */
function lossAndGradients(params, prefix, loss) {
  return tf.tidy(() => {
    const p = toTensors(params);
    const names = Object.keys(p).filter((name) => name.startsWith(prefix));
    const run = tf.valueAndGrads((...wanted) => {
      return loss({ ...p, ...Object.fromEntries(names.map((name, i) => [name, wanted[i]])) });
    });
    const { value, grads } = run(names.map((name) => p[name]));
    const entries = names.map((name, i) => [name, { shape: params[name].shape, values: grads[i].dataSync().slice() }]);
    return { loss: value.dataSync()[0], grads: Object.fromEntries(entries) };
  });
}

/** TensorFlow 1's Adam: the bias corrections are folded into the rate, epsilon is added to the uncorrected sqrt(v). */
function adam(params, grads, moments, t, lr, { beta1, beta2, adamEpsilon }) {
  const rate = (lr * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
  for (const [name, { values: g }] of Object.entries(grads)) {
    moments[name] ??= { m: new Float32Array(g.length), v: new Float32Array(g.length) };
    const { m, v } = moments[name];
    const theta = params[name].values;
    for (let i = 0; i < g.length; i++) {
      m[i] = beta1 * m[i] + (1 - beta1) * g[i];
      v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
      theta[i] -= (rate * m[i]) / (Math.sqrt(v[i]) + adamEpsilon);
    }
  }
}

/** The inputs of every step: z [10,4,8], pictures [8,16,16,3], and each step's four pictures: five epochs, shuffled. */
function makeInputs(config, uniform) {
  const shape = [STEPS, config.batch, config.z];
  const z = { shape, values: Float32Array.from({ length: count(shape) }, () => 2 * uniform() - 1) };
  const reals = makePictures(config, uniform);
  const indices = [];
  while (indices.length < STEPS) {
    const order = shuffled(PICTURES, uniform);
    for (let at = 0; at < PICTURES; at += config.batch) indices.push(order.slice(at, at + config.batch));
  }
  return { z, reals, indices };
}

function stepTensors({ z, reals, indices }, step) {
  return {
    z: tf.squeeze(tf.slice(toTensor(z), [step, 0, 0], [1, -1, -1]), [0]),
    real: tf.gather(toTensor(reals), tf.tensor1d(indices[step], "int32")),
  };
}

/** Trains from `start`; per step D first, then G on the same z against the new D. */
function train(config, start, inputs) {
  const params = structuredClone(start);
  const moments = {};
  const dLoss = [];
  const gLoss = [];
  let firstGrads;
  for (let step = 0; step < STEPS; step++) {
    tf.tidy(() => {
      const { z, real } = stepTensors(inputs, step);
      const fake = generator(toTensors(params), z, config);
      const d = lossAndGradients(params, "d.", (p) => lossOfD(p, real, fake, config));
      adam(params, d.grads, moments, step + 1, config.lrD, config);
      // G has not changed since `fake`: its forward pass, which tf.grads must record, gives the same pictures again.
      const g = lossAndGradients(params, "g.", (p) => lossOfG(p, z, config));
      adam(params, g.grads, moments, step + 1, config.lrG, config);
      dLoss.push(d.loss);
      gLoss.push(g.loss);
      firstGrads ??= { ...d.grads, ...g.grads };
    });
  }
  return { dLoss, gLoss, firstGrads, final: params };
}

// ---- checks ----

/**
 * Runs `f` with every array that the cpu backend makes in double precision. The backend computes in plain JavaScript and
 * asks for `new Float32Array` by its global name, so naming another class is enough; tensors must be made of plain arrays.
 */
function inDoublePrecision(f) {
  const single = globalThis.Float32Array;
  globalThis.Float32Array = Float64Array;
  try {
    return f();
  } finally {
    globalThis.Float32Array = single;
  }
}

/**
 * Compares gradients at the start with central differences in f64: of each parameter tensor the entry of largest
 * gradient and one other. Throws on a miss.
 */
function checkGradients(config, start, inputs, uniform) {
  const H = 1e-6;
  const wide = widened(start);
  let worst = 0;
  const check = (prefix, loss) => {
    const { grads } = lossAndGradients(wide, prefix, loss);
    for (const [name, { values: g }] of Object.entries(grads)) {
      const largest = g.reduce((best, value, i) => (Math.abs(value) > Math.abs(g[best]) ? i : best), 0);
      for (const i of [largest, Math.floor(uniform() * g.length)]) {
        const at = (delta) => {
          const moved = structuredClone(wide);
          moved[name].values[i] += delta;
          return tf.tidy(() => loss(toTensors(moved)).dataSync()[0]);
        };
        const numeric = (at(H) - at(-H)) / (2 * H);
        const error = Math.abs(numeric - g[i]) / (1e-8 + 1e-5 * Math.abs(g[i]));
        const row = `${name}[${i}]`.padEnd(22);
        console.log(`  ${row} gradient ${fixed(g[i])}  numeric ${fixed(numeric)}  error/allowed ${error.toFixed(3)}`);
        if (!(error <= 1)) throw new Error(`${name}[${i}]: gradient ${g[i]}, finite difference ${numeric}`);
        worst = Math.max(worst, error);
      }
    }
  };
  tf.tidy(() => {
    const { z, real } = stepTensors(inputs, 0);
    const fake = generator(toTensors(wide), z, config);
    check("d.", (p) => lossOfD(p, real, fake, config));
    check("g.", (p) => lossOfG(p, z, config));
  });
  return worst;
}

/** Prints how far the f32 run is from the same run in f64: what rounding alone does, and so the least tolerance. */
function reportRounding(run, exact) {
  const apart = (a, b) => distance(a, b).toExponential(1);
  const rms = (a) => Math.sqrt(a.reduce((sum, value) => sum + value * value, 0) / a.length).toExponential(1);
  console.log(`  f32 from f64: dLoss ${apart(run.dLoss, exact.dLoss)}, gLoss ${apart(run.gLoss, exact.gLoss)}`);
  for (const [name, { values }] of Object.entries(run.final)) {
    const gradient = run.firstGrads[name].values;
    const gradientApart = apart(gradient, exact.firstGrads[name].values);
    const finalApart = apart(values, exact.final[name].values);
    console.log(`  ${name.padEnd(15)} gradient rms ${rms(gradient)}, off ${gradientApart}; final off ${finalApart}`);
  }
}

/**
 * Throws where a change far below any bug's size grows into a visible one: from some starts a value so near a leaky
 * ReLU's bend, or a gradient so near 0 that Adam's first steps follow its sign, that one rounding decides which way
 * it goes. Such a start would fail a correct trainer. Four runs in f64, parameters moved by up to one part in 100,000.
 */
function checkStability(config, start, inputs, exact, uniform) {
  for (let trial = 0; trial < 4; trial++) {
    const moved = widened(start);
    for (const { values } of Object.values(moved)) {
      for (let i = 0; i < values.length; i++) values[i] *= 1 + 1e-5 * (2 * uniform() - 1);
    }
    const run = train(config, moved, inputs);
    const apart = Math.max(distance(run.dLoss, exact.dLoss), distance(run.gLoss, exact.gLoss));
    console.log(`  parameters moved by 1e-5: losses move by ${apart.toExponential(1)}`);
    if (!(apart <= 1e-4)) throw new Error(`seed ${config.seed}: losses move by ${apart}: choose another seed`);
  }
}

function distance(a, b) {
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i])));
}

function widened(params) {
  const entries = Object.entries(params);
  return Object.fromEntries(entries.map(([name, p]) => [name, { ...p, values: Float64Array.from(p.values) }]));
}

function fixed(value) {
  return value.toExponential(6).padStart(14);
}

// ---- the file ----

function count(shape) {
  return shape.reduce((product, n) => product * n, 1);
}

/** safetensors: u64 length of the header, the header as JSON padded with spaces to 8 bytes, the tensors without gaps. */
function encodeSafetensors(tensors, metadata) {
  const header = { __metadata__: metadata };
  const chunks = [];
  let offset = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    if (values.length !== count(shape)) throw new Error(`${name}: ${values.length} values for shape [${shape}]`);
    if (!values.every(Number.isFinite)) throw new Error(`${name}: not finite`);
    const bytes = Buffer.alloc(4 * values.length);
    for (let i = 0; i < values.length; i++) bytes.writeFloatLE(values[i], 4 * i);
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
    chunks.push(bytes);
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([json, Buffer.alloc(-json.length & 7, " ")]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, ...chunks]);
}

function prefixed(prefix, params) {
  return Object.fromEntries(Object.entries(params).map(([name, tensor]) => [`${prefix}.${name}`, tensor]));
}

await tf.setBackend("cpu");
mkdirSync(OUT, { recursive: true });
for (const [name, config] of Object.entries(CONFIGS)) {
  console.log(`${name}: finite differences`);
  const uniform = uniformFrom(config.seed);
  const start = startingParameters(config, normalFrom(uniform));
  const inputs = makeInputs(config, uniform);
  const worst = inDoublePrecision(() => checkGradients(config, start, inputs, uniform));
  console.log(`  worst error/allowed ${worst.toFixed(3)}`);

  const run = train(config, start, inputs);
  const exact = inDoublePrecision(() => train(config, widened(start), inputs));
  reportRounding(run, exact);
  inDoublePrecision(() => checkStability(config, start, inputs, exact, uniform));

  const metadata = {
    config: JSON.stringify(config),
    dLoss: JSON.stringify(run.dLoss),
    gLoss: JSON.stringify(run.gLoss),
    indices: JSON.stringify(inputs.indices),
  };
  const tensors = {
    ...prefixed("start", start),
    z: inputs.z,
    reals: inputs.reals,
    ...prefixed("grad", run.firstGrads),
    ...prefixed("final", run.final),
  };
  const file = encodeSafetensors(tensors, metadata);
  const path = fileURLToPath(new URL(`dcgan_${name}.safetensors`, OUT));
  writeFileSync(path, file);
  console.log(`  dLoss ${run.dLoss.map((loss) => loss.toFixed(5)).join(" ")}`);
  console.log(`  gLoss ${run.gLoss.map((loss) => loss.toFixed(5)).join(" ")}`);
  console.log(`wrote test/fixtures/dcgan_${name}.safetensors, ${file.length} bytes`);
}
