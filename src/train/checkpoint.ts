/**
 * A run's whole state as named tensors and strings, to and from a safetensors file:
 *
 *     g.… d.…                      parameters
 *     adam.m.<name> adam.v.<name>  Adam's moments
 *     d.….weight.u                 with spectral normalisation: a singular vector of each of D's weights
 *     <layer>.running              batch-norm's running statistics [3, C]: mean, variance, weight
 *     average.<name>               G's average, with EMA
 *
 * and the strings of `CheckpointInfo`. A run that goes on from them computes the numbers of one that never stopped.
 */
import type { Pictures } from "../data/pictures.ts";
import type { Stream } from "../gpu/stream.ts";

import { discriminator, generator } from "../nn/dcgan.ts";
import type { Arena } from "../nn/parameters.ts";
import { singularVectorSpecs } from "../nn/spectral_norm.ts";
import { type Config, configKeys, parseConfig } from "./config.ts";
import { sameRatesUntil } from "./learning_rates.ts";
import { encodeSafetensors, type NamedTensor } from "./safetensors.ts";
import type { Trainer } from "./trainer.ts";

export interface RunState {
  tensors: Map<string, NamedTensor>;
  metadata: Record<string, string>;
}

/** Where the pictures of a run come from. */
export interface PictureSource {
  /** `painted`, or the path of a folder or a zip, as it was given. */
  data: string;
  fit: "crop" | "stretch";
}

/** What a checkpoint says of its run; in the file, each of these is a string of the metadata. */
export interface CheckpointInfo {
  config: Config;
  /** Steps done. */
  step: number;
  /** What the noise of the last step was drawn with: the step. */
  noise: number;
  /** Where the next batch comes from, counted from 0: follows from the step as well. */
  cursor: { epoch: number; batch: number };
  pictures: {
    /** Of the pixels. */
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

/** What decides, besides the configuration and the pictures, the last digits of a run's numbers. */
export interface Machine {
  /** The adapter's name. */
  adapter: string;
  /** Which variants of the convolutions' passes were used for which shapes: each takes its sums in another order. */
  variants: Record<string, string>;
}

/** Training came to numbers that are not finite. */
export class DivergedError extends Error {}

const format = "catgan 1";
const infoKeys = ["format", "config", "step", "noise", "cursor", "pictures", "machine"];
/** Of files that hold what drawing needs and nothing else: see generator_file.ts. */
export const generatorFormat = "catgan generator 1";
/** What a run that goes on may change: how long and how often, not which numbers. */
const changeable: readonly (keyof Config)[] = ["steps", "epochs", "sampleEvery", "saveEvery", "metricsEvery"];
const scheduleKeys: readonly (keyof Config)[] = ["lrDecayFrom", "lrDecaySteps", "lrDecayTo"];

/**
 * Reads everything back. No step may be trained meanwhile.
 * @throws DivergedError when a number is not finite: such a state is not worth keeping
 */
export async function saveState(trainer: Trainer, source: PictureSource): Promise<RunState> {
  const { step, config, batches, pictures, stream } = trainer;
  const tensors = new Map<string, NamedTensor>();
  for (const [prefix, arena] of arenas(trainer)) {
    const numbers = await stream.read(arena.all);
    for (const [name, tensor] of arena.tensors) {
      const data = numbers.subarray(tensor.offset / 4, tensor.offset / 4 + tensor.size);
      if (!data.every(Number.isFinite)) {
        throw new DivergedError(
          `training diverged: after step ${step}, ${prefix}${name} has numbers that are not finite`,
        );
      }
      tensors.set(prefix + name, { shape: [...tensor.shape], data });
    }
  }
  const info: CheckpointInfo = {
    config,
    step,
    noise: step,
    cursor: batches.cursor(step),
    pictures: {
      fingerprint: trainer.dataFingerprint,
      identity: pictures.identity ?? null,
      count: pictures.count,
      size: pictures.size,
      source,
    },
    machine: machineOf(stream),
  };
  const metadata = Object.fromEntries(Object.entries(info).map(([key, value]) => [key, JSON.stringify(value)]));
  return { tensors, metadata: { format, ...metadata } };
}

export function machineOf(stream: Stream): Machine {
  return { adapter: stream.gpu.name, variants: Object.fromEntries(stream.choices.used) };
}

/** The state as a file. @throws DivergedError as `saveState` */
export async function encodeCheckpoint(trainer: Trainer, source: PictureSource): Promise<Uint8Array> {
  const { tensors, metadata } = await saveState(trainer, source);
  return encodeSafetensors(tensors, metadata);
}

/**
 * What a checkpoint says of itself.
 * @throws Error in one line that names what is missing, malformed or unknown
 */
export function checkpointInfo(metadata: Record<string, string>): CheckpointInfo {
  if (metadata.format === generatorFormat) {
    throw new Error("checkpoint: a generator file: it can be drawn from, not trained on");
  }
  if (metadata.format !== format) {
    const came = metadata.format === undefined ? "none" : JSON.stringify(metadata.format.slice(0, 40));
    throw new Error(`checkpoint: the format is ${came}, expected "${format}": not a checkpoint of this program`);
  }
  checkKeys(metadata, infoKeys);
  const read = (key: keyof CheckpointInfo): unknown => {
    if (metadata[key] === undefined) throw new Error(`checkpoint: its ${key} is missing`);
    try {
      return JSON.parse(metadata[key]);
    } catch {
      throw malformed(key);
    }
  };
  const config = parseConfig(read("config"));
  const step = count(read("step"), "step");
  const noise = count(read("noise"), "noise");
  const cursor = object(read("cursor"), "cursor");
  const pictures = object(read("pictures"), "pictures");
  const { data, fit } = object(pictures.source, "pictures");
  const { fingerprint, identity = null } = pictures;
  const pictureCount = count(pictures.count, "pictures");
  if (
    typeof fingerprint !== "string" ||
    !(identity === null || (typeof identity === "string" && /^[0-9a-f]{64}$/.test(identity))) ||
    typeof data !== "string" ||
    (fit !== "crop" && fit !== "stretch") ||
    pictureCount < config.batch ||
    pictures.size !== config.size
  ) {
    throw malformed("pictures");
  }
  return {
    config,
    step,
    noise,
    cursor: { epoch: count(cursor.epoch, "cursor"), batch: count(cursor.batch, "cursor") },
    pictures: { fingerprint, identity, count: pictureCount, size: config.size, source: { data, fit } },
    machine: metadata.machine === undefined ? null : machine(read("machine")),
  };
}

/**
 * Holds a checkpoint against the networks of its own configuration: whatever a file says, nothing has been built for it
 * before. A generator needs fewer tensors than the whole run, and may stand among others.
 * @throws Error in one line: as `checkpointInfo`, or names a tensor that is missing, too many, or of another shape
 */
export function checkCheckpoint({ tensors, metadata }: RunState, part: "run" | "generator"): CheckpointInfo {
  const info = checkpointInfo(metadata);
  const { config } = info;
  const [g, d] = [generator(config), discriminator(config)];
  const averaged = g.specs.map(({ name, shape }) => ({ name: `average.${name}`, shape }));
  if (part === "generator") checkTensors(tensors, config.ema > 0 ? averaged : [...g.specs, ...g.running], false);
  else {
    const parameters = [...g.specs, ...d.specs];
    const moments = ["adam.m.", "adam.v."].flatMap((prefix) =>
      parameters.map(({ name, shape }) => ({ name: prefix + name, shape })),
    );
    const averages = config.ema > 0 ? averaged : [];
    const singular = config.spectralNormD ? singularVectorSpecs(d.specs) : [];
    checkTensors(tensors, [...parameters, ...moments, ...singular, ...g.running, ...d.running, ...averages], true);
  }
  return info;
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
 * @param alone no other tensor may be there
 * @throws Error in one line that names the first tensor that is missing, of another shape, damaged, or too many
 */
export function checkTensors(
  tensors: ReadonlyMap<string, NamedTensor>,
  expected: readonly { name: string; shape: readonly number[] }[],
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
    throw new Error(`checkpoint: the tensor ${JSON.stringify(extra.slice(0, 80))} belongs nowhere`);
  }
}

/**
 * Takes a new trainer, not prepared yet, to where a checkpoint was, and its stream to the variants of the kernels that the
 * run was begun with. Everything is checked before the first number is uploaded.
 * @throws Error in one line that names the first difference: as `checkCheckpoint`, a value of the configuration that
 * decides numbers, or the pictures
 */
export function restore(trainer: Trainer, state: RunState): void {
  const info = checkCheckpoint(state, "run");
  const { pictures, dataFingerprint, batches, stream } = trainer;
  checkSameRun(info, trainer.config);
  comparePictures(info, pictures, dataFingerprint);
  const cursor = batches.cursor(info.step);
  if (info.noise !== info.step || info.cursor.epoch !== cursor.epoch || info.cursor.batch !== cursor.batch) {
    throw new Error(`checkpoint: its noise counter or data cursor is not that of its step ${info.step}`);
  }
  for (const [prefix, arena] of arenas(trainer)) upload(stream, state.tensors, prefix, arena);
  if (info.machine) stream.choices.chosen = new Map(Object.entries(info.machine.variants));
  trainer.restored(info.step);
}

/**
 * A learning-rate decay that has not begun has not affected any number yet, so it may differ.
 * @throws Error that names the first differing value that affects a run's numbers
 */
export function checkSameRun({ config: there, step }: Pick<CheckpointInfo, "config" | "step">, here: Config): void {
  const free = sameRatesUntil(step, there, here) ? [...changeable, ...scheduleKeys] : changeable;
  for (const key of configKeys) {
    if (there[key] !== here[key] && !free.includes(key)) {
      throw new Error(`checkpoint: of another configuration: ${key} is ${there[key]} in it, ${here[key]} in this run`);
    }
  }
}

/** How the pictures at hand compare with those that a run has learned from so far. */
export type PictureMatch =
  /** Pixel for pixel the same. */
  | "same pixels"
  /** The same files, decoded differently. */
  | "same files"
  /** As many, of that size. The checkpoint is of a version that compared pixels only, and decoded differently. */
  | "unknown";

/**
 * @param print the pictures' fingerprint
 * @throws Error when the run learned from other pictures
 */
export function comparePictures({ pictures: there }: CheckpointInfo, here: Pictures, print: string): PictureMatch {
  const { identity = null } = here;
  if (there.count === here.count && there.size === here.size) {
    if (there.fingerprint === print) return "same pixels";
    if (identity !== null && there.identity === identity) return "same files";
    if (identity !== null && there.identity === null && there.source.data !== "painted") return "unknown";
  }
  const described = [there, { ...here, identity, fingerprint: print }].map(
    ({ count, size, ...set }) => `${count} of ${size}×${size} (${(set.identity ?? set.fingerprint).slice(0, 16)})`,
  );
  throw new Error(`checkpoint: of other pictures: ${described[0]} in it, ${described[1]} in this run`);
}

/** What people should know of a match; null when there is nothing to say. */
export function matchWarning(match: PictureMatch): string | null {
  switch (match) {
    case "same pixels":
      return null;
    case "same files":
      return (
        "these are the files that the run was trained on, but another program or version decoded them: " +
        "the run continues, but not bit-exactly"
      );
    case "unknown":
      return (
        "an earlier version, which decoded pictures differently, began this run: the number and size of the pictures " +
        "match, but it cannot be checked whether they are the same files"
      );
  }
}

/** The state under another configuration, of which only such values differ as may change while a run goes on. */
export function withConfig({ tensors, metadata }: RunState, config: Config): RunState {
  return { tensors, metadata: { ...metadata, config: JSON.stringify(config) } };
}

/** Every arena of a run's state, with what its tensors' names begin with in the file. */
function arenas({ g, d, singular, running, average }: Trainer): [prefix: string, arena: Arena][] {
  const found: [string, Arena][] = [g, d].flatMap(({ values, m, v }): [string, Arena][] => [
    ["", values],
    ["adam.m.", m],
    ["adam.v.", v],
  ]);
  if (singular) found.push(["", singular]);
  if (running.tensors.size > 0) found.push(["", running]);
  if (average) found.push(["average.", average]);
  return found;
}

/** Fills an arena. @param prefix what its tensors' names begin with in the file */
export function upload(stream: Stream, tensors: ReadonlyMap<string, NamedTensor>, prefix: string, arena: Arena): void {
  const numbers = new Float32Array(arena.all.size);
  for (const [name, { offset }] of arena.tensors) numbers.set(tensors.get(prefix + name)!.data, offset / 4);
  stream.write(arena.all, numbers);
}

function object(value: unknown, key: keyof CheckpointInfo): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw malformed(key);
  return value as Record<string, unknown>;
}

function machine(value: unknown): Machine {
  const { adapter, variants } = object(value, "machine");
  const choices = object(variants, "machine");
  if (typeof adapter !== "string" || !Object.values(choices).every((text) => typeof text === "string")) {
    throw malformed("machine");
  }
  return { adapter, variants: choices as Record<string, string> };
}

function count(value: unknown, key: keyof CheckpointInfo): number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) >= 2 ** 32) throw malformed(key);
  return value as number;
}

export function malformed(key: string): Error {
  return new Error(`checkpoint: its ${key} is malformed: the file is damaged`);
}
