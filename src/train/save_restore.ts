/** Saves a trainer's state as a checkpoint, and restores it. */
import type { Stream } from "../gpu/stream.ts";
import type { Arena } from "../nn/parameters.ts";
import { checkCheckpoint, checkpointMetadata, type Machine, type PictureSource, type RunState } from "./checkpoint.ts";
import { DivergedError } from "./diverged.ts";
import type { Model } from "./model.ts";
import { encodeSafetensors, type NamedTensor } from "./safetensors.ts";
import { checkSameRun, comparePictures } from "./same_run.ts";
import type { Trainer } from "./trainer.ts";

/**
 * Reads the whole state back. No step may be trained meanwhile.
 * @throws DivergedError when a number is not finite: such a state is not worth keeping
 */
export async function saveState(trainer: Trainer, source: PictureSource): Promise<RunState> {
  const { step, config, pictures, stream, model, dataFingerprint } = trainer;
  const tensors = new Map<string, NamedTensor>();
  for (const [prefix, arena] of arenas(model)) {
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
  const { count, size, identity = null } = pictures;
  const metadata = checkpointMetadata({
    config,
    step,
    pictures: { fingerprint: dataFingerprint, identity, count, size, source },
    machine: machineOf(stream),
  });
  return { tensors, metadata };
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
 * Restores a checkpoint into a new trainer, not prepared yet, and sets its stream to the kernel variants that the run
 * started with. Everything is checked before the first number is uploaded.
 * @throws a one-line Error that names the first difference: as `checkCheckpoint`, `checkSameRun` or `comparePictures`
 */
export function restore(trainer: Trainer, state: RunState): void {
  const info = checkCheckpoint(state, "run");
  checkSameRun(info, trainer.config);
  comparePictures(info, trainer.pictures, trainer.dataFingerprint);
  for (const [prefix, arena] of arenas(trainer.model)) upload(trainer.stream, state.tensors, prefix, arena);
  if (info.machine) trainer.stream.choices.chosen = new Map(Object.entries(info.machine.variants));
  trainer.restored(info.step);
}

/** Every arena of a run's state, with what its tensors' names begin with in the file. */
function arenas({ g, d, singular, running, average }: Model): [prefix: string, arena: Arena][] {
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
