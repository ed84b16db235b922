/**
 * The layers of both networks as tables, and the parameters that they need.
 *
 * Generator: z → dense → leaky ReLU → (stride-2 transposed conv → batch-norm → leaky ReLU) × d → transposed conv → tanh.
 * Discriminator: (stride-2 conv → batch-norm → leaky ReLU) × d → dense → one logit. At size 128 with base 64 these are
 * the article's networks; only at that size the discriminator has an additional stride-1 convolution before its last one.
 */
import type { Initialiser, ParameterSpec } from "./parameters.ts";

/** What determines the shape of the generator. */
export interface GeneratorArchitecture {
  /** Height and width of the pictures, in pixels: 16, 32, 64 or 128. */
  readonly size: number;
  /** Channels of the generator's last hidden layer; each earlier layer has twice as many as the next. */
  readonly base: number;
  /** Length of the latent vector. */
  readonly z: number;
  /** Filters are kernel × kernel. */
  readonly kernel: number;
  /** Slope of the leaky ReLUs below zero. */
  readonly slope: number;
  /** Each stride-2 transposed filter is a (kernel − 1)² parameter convolved with a 2×2 box, against checkerboards. */
  readonly smoothFilter: boolean;
}

/** What determines the shape of both networks. */
export interface Architecture extends GeneratorArchitecture {
  /** Channels of the discriminator's first layer; each later layer has twice as many as the one before. */
  readonly baseD: number;
  /** Normalisation in the discriminator. The generator always has batch-norm. */
  readonly normD: "batch" | "none";
  /** Batch-norm also on the discriminator's first layer, as in the article's notebook. */
  readonly normDFirst: boolean;
  /** D's last layer gets an additional channel that says how much the pictures of a batch differ. */
  readonly minibatchStddev: boolean;
}

/** One layer. Shapes are [height, width, channels], without the batch axis. */
export interface Layer {
  readonly name: string;
  readonly kind: "dense" | "conv" | "transposed conv";
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly kernel: number;
  readonly stride: number;
  /** Whether a batch-norm precedes the activation, which is then leaky ReLU. */
  readonly norm: boolean;
  readonly activation: "leaky ReLU" | "tanh" | "logit";
}

const one: Initialiser = { kind: "constant", value: 1 };
const zero: Initialiser = { kind: "constant", value: 0 };
const filterStddev = 0.02;

/** Height and width of the smallest feature map: 8 for 128-pixel pictures, as in the article; otherwise 4. */
function startSize(size: number): number {
  return size === 128 ? 8 : 4;
}

function denseLayer(name: string, input: number[], output: number[], activation: Layer["activation"]): Layer {
  return { name, kind: "dense", input, output, kernel: 1, stride: 1, norm: false, activation };
}

/** The generator's layers, from latents [1, 1, z] to a picture [size, size, 3]. */
export function generatorLayers({ size, base, z, kernel }: GeneratorArchitecture): Layer[] {
  const start = startSize(size);
  const doublings = Math.log2(size / start);
  let channels = base * 2 ** doublings;
  let side = start;
  const layers: Layer[] = [denseLayer("g.dense", [1, 1, z], [side, side, channels], "leaky ReLU")];
  for (let i = 1; i <= doublings; i++) {
    layers.push({
      name: `g.up${i}`,
      kind: "transposed conv",
      input: [side, side, channels],
      output: [2 * side, 2 * side, channels / 2],
      kernel,
      stride: 2,
      norm: true,
      activation: "leaky ReLU",
    });
    side *= 2;
    channels /= 2;
  }
  layers.push({
    name: "g.rgb",
    kind: "transposed conv",
    input: [side, side, channels],
    output: [side, side, 3],
    kernel,
    stride: 1,
    norm: false,
    activation: "tanh",
  });
  return layers;
}

/** The discriminator's layers, from a picture [size, size, 3] to a logit [1, 1, 1]. */
export function discriminatorLayers({
  size,
  baseD,
  kernel,
  normD,
  normDFirst,
  minibatchStddev,
}: Architecture): Layer[] {
  const strides = Array.from({ length: Math.log2(size / startSize(size)) }, () => 2);
  if (size === 128) strides.splice(-1, 0, 1);
  const layers: Layer[] = [];
  let side = size;
  let channels = 3;
  for (const [i, stride] of strides.entries()) {
    const output = [side / stride, side / stride, baseD * 2 ** i];
    layers.push({
      name: `d.conv${i + 1}`,
      kind: "conv",
      input: [side, side, channels],
      output,
      kernel,
      stride,
      norm: normD === "batch" && (i > 0 || normDFirst),
      activation: "leaky ReLU",
    });
    [side, , channels] = output;
  }
  layers.push(denseLayer("d.logit", [side, side, minibatchStddev ? channels + 1 : channels], [1, 1, 1], "logit"));
  return layers;
}

/**
 * The parameters of a network's layers, in order: `<layer>.weight` and `.bias`, with batch-norm also `.gamma` and `.beta`.
 * Weights are [in, out] in dense layers, [R,S,in,out] in convolutions, [R,S,out,in] in transposed convolutions.
 */
export function parameterSpecs(layers: readonly Layer[], architecture: GeneratorArchitecture): ParameterSpec[] {
  return layers.flatMap(({ name, kind, input, output, kernel, stride, norm }) => {
    const channels = output[2];
    const specs: ParameterSpec[] = [];
    if (kind === "dense") {
      const fanIn = input[0] * input[1] * input[2];
      const fanOut = output[0] * output[1] * output[2];
      specs.push({ name: `${name}.weight`, shape: [fanIn, fanOut], start: { kind: "glorot uniform", fanIn, fanOut } });
      specs.push({ name: `${name}.bias`, shape: [fanOut], start: zero });
    } else {
      const smooth = architecture.smoothFilter && kind === "transposed conv" && stride === 2;
      const side = smooth ? kernel - 1 : kernel;
      const shape = kind === "conv" ? [side, side, input[2], channels] : [side, side, channels, input[2]];
      // The box filter averages four taps, so the parameter starts with four times the standard deviation.
      const stddev = filterStddev * (smooth ? 4 : 1);
      specs.push({ name: `${name}.weight`, shape, start: { kind: "truncated normal", stddev } });
      specs.push({ name: `${name}.bias`, shape: [channels], start: zero, ...(norm && { fixed: true }) });
    }
    if (norm) {
      specs.push({ name: `${name}.gamma`, shape: [channels], start: one });
      specs.push({ name: `${name}.beta`, shape: [channels], start: zero });
    }
    return specs;
  });
}

/** The running statistics of a network's batch-norms: `<layer>.running` [3, C], with rows mean, variance and weight. */
export function runningSpecs(layers: readonly Layer[]): { name: string; shape: readonly number[] }[] {
  return layers
    .filter(({ norm }) => norm)
    .map(({ name, output }) => ({ name: `${name}.running`, shape: [3, output[2]] }));
}
