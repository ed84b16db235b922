/**
 * A generator on its own: the part of a run that drawing needs, from a checkpoint or from a file that holds nothing else.
 *
 *     g.…              parameters: of the average, in runs that have one. Filters as F16, or all as F32
 *     g.….running      batch-norm's statistics, measured where the run has an average
 *     format generator seed step credit config    strings: `generator` is the architecture; `config` is for the record
 *
 * Without the discriminator and Adam's moments, such a file is much smaller than a checkpoint; training cannot resume
 * from it.
 */
import type { Stream } from "../gpu/stream.ts";
import { generator, type Network } from "../nn/dcgan.ts";
import type { GeneratorArchitecture } from "../nn/layers.ts";
import { Arena } from "../nn/parameters.ts";
import { checkCheckpoint, checkKeys, checkTensors, generatorFormat, malformed, type RunState } from "./checkpoint.ts";
import { fromHalf, toHalf } from "./float16.ts";
import { type EncodableTensor, encodeSafetensors, type NamedTensor } from "./safetensors.ts";
import { measureMoments } from "./sampler.ts";
import { upload } from "./save_restore.ts";
import { settings } from "./settings.ts";

/** The generator that a checkpoint or a generator file contains. */
export interface Drawable {
  readonly architecture: GeneratorArchitecture;
  /** Steps it was trained for. */
  readonly step: number;
  /** The run's seed, from which the previews during training were drawn. */
  readonly seed: number;
  /** Whose pictures it learned from, and under which licence; null if the file does not say. */
  readonly credit: string | null;
  /** What the parameters' names begin with. */
  readonly prefix: "" | "average.";
}

/** A generator on the GPU. */
export interface LoadedGenerator extends Drawable {
  readonly network: Network;
  readonly parameters: Arena;
  /** Null for an averaged generator of a run: its statistics are measured when it draws. */
  readonly running: Arena | null;
}

const metadataKeys = ["format", "generator", "seed", "step", "credit", "config"];
const architectureKeys = ["size", "base", "z", "kernel", "slope", "smoothFilter"] as const;
/** A credit is printed, so it must be one line without characters that control a terminal. */
const printable = /^[^\p{C}\p{Zl}\p{Zp}]{1,300}$/u;

/** Checks a file against the generator of its own architecture. @throws a one-line Error, as `checkCheckpoint` */
export function checkDrawable(state: RunState): Drawable {
  const { tensors, metadata } = state;
  if (metadata.format !== generatorFormat) {
    const { config, step } = checkCheckpoint(state, "generator");
    const prefix = config.ema > 0 ? "average." : "";
    return { architecture: config, step, seed: config.seed, credit: null, prefix };
  }
  checkKeys(metadata, metadataKeys);
  const architecture = parseArchitecture(metadata.generator);
  const { specs, running } = generator(architecture);
  checkTensors(tensors, [...specs, ...running], true);
  const [step, seed] = ["step", "seed"].map((key) => {
    const value = Number(metadata[key] || "none");
    if (!settings.seed.type.holds(value)) throw malformed(key);
    return value;
  });
  const credit = metadata.credit ?? null;
  if (credit !== null && !printable.test(credit)) throw malformed("credit");
  return { architecture, step, seed, credit, prefix: "" };
}

/** @throws Error unless it is one line of at most 300 printable characters */
export function checkCredit(credit: string): void {
  if (!printable.test(credit)) throw new Error("--credit: expected one line of at most 300 printable characters");
}

/** The generator of a checkpoint or of a generator file. @throws a one-line Error, as `checkCheckpoint` */
export function generatorFrom(stream: Stream, state: RunState): LoadedGenerator {
  const drawable = checkDrawable(state);
  const network = generator(drawable.architecture);
  const parameters = new Arena(stream, "G parameters", network.specs);
  upload(stream, state.tensors, drawable.prefix, parameters);
  const running = drawable.prefix ? null : new Arena(stream, "batch-norm running", network.running);
  if (running) upload(stream, state.tensors, "", running);
  return { ...drawable, network, parameters, running };
}

export interface GeneratorFileOptions {
  /** Filters as F16: half the size, with a relative error of at most 2⁻¹¹. */
  readonly half: boolean;
  readonly credit: string | null;
}

/**
 * Encodes the part of a checkpoint that drawing needs. Batch-norm statistics are measured on the numbers as stored, so
 * drawing from the file needs no measuring, and gives the run's own preview up to f16 rounding.
 * @param state of a checkpoint, or of another generator file
 * @throws a one-line Error: as `checkDrawable` and `checkCredit`, or if a number is beyond f16's range
 */
export async function encodeGenerator(
  stream: Stream,
  state: RunState,
  { half, credit }: GeneratorFileOptions,
): Promise<Uint8Array> {
  const { architecture, step, seed, prefix, credit: earlier } = checkDrawable(state);
  const line = credit ?? earlier;
  if (line !== null) checkCredit(line);
  const { specs } = generator(architecture);
  const filters = new Map<string, EncodableTensor>();
  const others = new Map<string, EncodableTensor>();
  const rounded = new Map<string, NamedTensor>(state.tensors);
  for (const { name } of specs) {
    const { shape, data } = state.tensors.get(prefix + name)!;
    // Biases, gamma and beta are small: they stay in f32.
    if (!half || shape.length === 1) others.set(name, { shape, data });
    else {
      const bits = Uint16Array.from(data, toHalf);
      const numbers = Float32Array.from(bits, fromHalf);
      if (!numbers.every(Number.isFinite)) throw new Error(`${name} has numbers beyond f16's range: keep it in f32`);
      filters.set(name, { shape, data: bits });
      rounded.set(prefix + name, { shape, data: numbers });
    }
  }
  const { network, parameters, running } = generatorFrom(stream, { ...state, tensors: rounded });
  const statistics = running ?? (await measureMoments(stream, network, parameters, seed));
  const numbers = await stream.read(statistics.all);
  for (const [name, { offset, size, shape }] of statistics.tensors) {
    others.set(name, { shape: [...shape], data: numbers.slice(offset / 4, offset / 4 + size) });
  }
  parameters.destroy(stream);
  statistics.destroy(stream);
  const shown = Object.fromEntries(architectureKeys.map((key) => [key, architecture[key]]));
  const { config } = state.metadata;
  const metadata: Record<string, string> = {
    format: generatorFormat,
    generator: JSON.stringify(shown),
    seed: String(seed),
    step: String(step),
    ...(line !== null && { credit: line }),
    ...(config !== undefined && { config }),
  };
  // The wider numbers first, so that every tensor is aligned to its own width.
  return encodeSafetensors(new Map([...others, ...filters]), metadata);
}

function parseArchitecture(text: string | undefined): GeneratorArchitecture {
  let architecture: GeneratorArchitecture | null = null;
  try {
    architecture = JSON.parse(text!);
  } catch {}
  const holds = architectureKeys.every((key) => settings[key].type.holds(architecture?.[key]));
  if (!architecture || !holds || (architecture.smoothFilter && architecture.kernel < 2)) throw malformed("generator");
  return architecture;
}
