/**
 * What a checkpoint holds: a run's whole state as named tensors and strings, in a safetensors file. The tensors:
 *
 *     g.… d.…                      parameters
 *     adam.m.<name> adam.v.<name>  Adam's moments
 *     d.….weight.u                 with spectral normalisation: a singular vector of each of D's weights
 *     <layer>.running              batch-norm's running statistics [3, C]: mean, variance, weight
 *     average.<name>               G's average, with EMA
 *
 * The strings are `CheckpointInfo`, one for each of its keys. Nothing here needs a GPU or a trainer: a file is checked
 * completely before anything is built for it. save_restore.ts takes the state from a trainer and gives it back.
 */
import { stepsPerEpoch } from "../data/batches.ts";
import { discriminator, generator } from "../nn/dcgan.ts";
import { singularVectorSpecs } from "../nn/spectral_norm.ts";
import { type Config, parseConfig } from "./config.ts";
import type { NamedTensor } from "./safetensors.ts";

/** A decoded file. */
export interface RunState {
  tensors: Map<string, NamedTensor>;
  metadata: Record<string, string>;
}

/** Where the pictures of a run come from. */
export interface PictureSource {
  /** `painted`, or the path of a folder or a zip, as given. */
  data: string;
  fit: "crop" | "stretch";
}

/** A checkpoint's metadata. In the file, each value is stored as a JSON string. */
export interface CheckpointInfo {
  config: Config;
  /** Steps done. */
  step: number;
  pictures: {
    /** Checksum of the pixels: see `fingerprint` in batches.ts. */
    fingerprint: string;
    /** As `Pictures.identity`; null for painted cats, and in files of earlier versions. */
    identity: string | null;
    count: number;
    size: number;
    source: PictureSource;
  };
  /** What the last session ran on; null in files that do not say. */
  machine: Machine | null;
}

/** What, in addition to the configuration and the pictures, decides the last digits of a run's numbers. */
export interface Machine {
  /** The adapter's name. */
  adapter: string;
  /** Convolution pass and shape → the kernel variant in use. Variants sum in different orders. */
  variants: Record<string, string>;
}

const format = "catgan 1";
/** The format of files that hold only what drawing needs: see generator_file.ts. */
export const generatorFormat = "catgan generator 1";
const metadataKeys = ["format", "config", "step", "noise", "cursor", "pictures", "machine"];

/** The strings of a checkpoint. */
export function checkpointMetadata(info: CheckpointInfo & { machine: Machine }): Record<string, string> {
  const { config, step, pictures, machine } = info;
  const strings = Object.entries({ config, step, ...counters(info), pictures, machine }).map(([key, value]) => [
    key,
    JSON.stringify(value),
  ]);
  return { format, ...Object.fromEntries(strings) };
}

/**
 * The counter of the random numbers and the position in the data set. Both follow from the step, so nothing is restored from
 * them. They are written because earlier versions of this program require them, and checked because a mismatch reveals
 * damage.
 */
function counters({ config, step, pictures }: Pick<CheckpointInfo, "config" | "step" | "pictures">) {
  const perEpoch = stepsPerEpoch(pictures.count, config.batch);
  return { noise: step, cursor: { epoch: Math.floor(step / perEpoch), batch: step % perEpoch } };
}

/**
 * Reads a checkpoint's metadata.
 * @throws a one-line Error that names what is missing, malformed or unknown
 */
export function checkpointInfo(metadata: Record<string, string>): CheckpointInfo {
  if (metadata.format === generatorFormat) {
    throw new Error(
      "checkpoint: this is a generator file, which can draw but not train further: use a run's checkpoint",
    );
  }
  if (metadata.format !== format) {
    const came = metadata.format === undefined ? "missing" : JSON.stringify(metadata.format.slice(0, 40));
    throw new Error(`checkpoint: its format is ${came}, expected "${format}": not a checkpoint of this program`);
  }
  checkKeys(metadata, metadataKeys);
  const read = (key: string): unknown => {
    if (metadata[key] === undefined) throw new Error(`checkpoint: its ${key} is missing: the file is damaged`);
    try {
      return JSON.parse(metadata[key]);
    } catch {
      throw malformed(key);
    }
  };
  const config = parseConfig(read("config"));
  const step = wholeNumber(read("step"), "step");
  const pictures = parsePictures(read("pictures"), config);
  const expected = counters({ config, step, pictures });
  for (const key of ["noise", "cursor"] as const) {
    if (JSON.stringify(read(key)) !== JSON.stringify(expected[key])) {
      throw new Error(`checkpoint: its ${key} does not match its step ${step}: the file is damaged`);
    }
  }
  return { config, step, pictures, machine: metadata.machine === undefined ? null : parseMachine(read("machine")) };
}

function parsePictures(value: unknown, { batch, size }: Config): CheckpointInfo["pictures"] {
  const pictures = object(value, "pictures");
  const { data, fit } = object(pictures.source, "pictures");
  const { fingerprint, identity = null } = pictures;
  const count = wholeNumber(pictures.count, "pictures");
  if (
    !isHexadecimal(fingerprint, 8) ||
    !(identity === null || isHexadecimal(identity, 64)) ||
    typeof data !== "string" ||
    (fit !== "crop" && fit !== "stretch") ||
    count < batch ||
    pictures.size !== size
  ) {
    throw malformed("pictures");
  }
  return { fingerprint, identity, count, size, source: { data, fit } };
}

function parseMachine(value: unknown): Machine {
  const { adapter, variants } = object(value, "machine");
  const choices = object(variants, "machine");
  if (typeof adapter !== "string" || !Object.values(choices).every((text) => typeof text === "string")) {
    throw malformed("machine");
  }
  return { adapter, variants: choices as Record<string, string> };
}

function object(value: unknown, key: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw malformed(key);
  return value as Record<string, unknown>;
}

function wholeNumber(value: unknown, key: string): number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) >= 2 ** 32) throw malformed(key);
  return value as number;
}

function isHexadecimal(value: unknown, digits: number): value is string {
  return typeof value === "string" && value.length === digits && /^[0-9a-f]*$/.test(value);
}

/** The error for an entry of the metadata that is not what it should be. */
export function malformed(key: string): Error {
  return new Error(`checkpoint: its ${key} is malformed: the file is damaged`);
}

/**
 * Damage can change the name of an entry, even the checksum's, so an entry that nothing reads is an error.
 * @throws Error that names the first unknown entry
 */
export function checkKeys(metadata: Record<string, string>, known: readonly string[]): void {
  const unknown = Object.keys(metadata).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const name = JSON.stringify(unknown.slice(0, 80));
  throw new Error(`checkpoint: its metadata has an unknown entry ${name}: damaged, or written by a newer version`);
}

/**
 * Checks a checkpoint against the networks that its own configuration describes.
 * @param part what the file must contain: a whole run, or only the generator, which needs fewer tensors; others are ignored
 * @throws a one-line Error: as `checkpointInfo` and `checkTensors`
 */
export function checkCheckpoint({ tensors, metadata }: RunState, part: "run" | "generator"): CheckpointInfo {
  const info = checkpointInfo(metadata);
  const { config } = info;
  const [g, d] = [generator(config), discriminator(config)];
  const averages = config.ema > 0 ? named("average.", g.specs) : [];
  if (part === "generator") {
    checkTensors(tensors, config.ema > 0 ? averages : [...g.specs, ...g.running], false);
    return info;
  }
  const parameters = [...g.specs, ...d.specs];
  const moments = [...named("adam.m.", parameters), ...named("adam.v.", parameters)];
  const singular = config.spectralNormD ? singularVectorSpecs(d.specs) : [];
  checkTensors(tensors, [...parameters, ...moments, ...singular, ...g.running, ...d.running, ...averages], true);
  return info;
}

interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
}

function named(prefix: string, specs: readonly TensorSpec[]): TensorSpec[] {
  return specs.map(({ name, shape }) => ({ name: prefix + name, shape }));
}

/**
 * @param alone whether other tensors are an error
 * @throws a one-line Error that names the first tensor that is missing, of another shape, damaged, or not expected
 */
export function checkTensors(
  tensors: ReadonlyMap<string, NamedTensor>,
  expected: readonly TensorSpec[],
  alone: boolean,
): void {
  for (const { name, shape } of expected) {
    const found = tensors.get(name);
    if (!found) throw new Error(`checkpoint: the tensor ${name} is missing`);
    if (found.shape.join() !== shape.join()) {
      const came = found.shape.join().slice(0, 80);
      throw new Error(`checkpoint: the tensor ${name} has shape [${came}], expected [${shape}]`);
    }
    // Such numbers are never saved. Training on them would look like divergence, and lower the learning rates for good.
    if (!found.data.every(Number.isFinite)) {
      throw new Error(`checkpoint: the tensor ${name} has numbers that are not finite: the file is damaged`);
    }
    if (name.startsWith("adam.v.") && found.data.some((value) => value < 0)) {
      throw new Error(`checkpoint: the tensor ${name}, a mean of squares, has negative numbers: the file is damaged`);
    }
  }
  if (alone && tensors.size > expected.length) {
    const names = new Set(expected.map(({ name }) => name));
    const extra = [...tensors.keys()].find((name) => !names.has(name))!;
    throw new Error(`checkpoint: it has a tensor ${JSON.stringify(extra.slice(0, 80))} that its networks do not use`);
  }
}

/** The same state under another configuration, which may differ only in what can change during a run. */
export function withConfig({ tensors, metadata }: RunState, config: Config): RunState {
  return { tensors, metadata: { ...metadata, config: JSON.stringify(config) } };
}
