/** A run in a store in memory, with a real run's checkpoints. */
import { Rows } from "../../src/page/rows.ts";
import { checksum } from "../../src/page/store/checksum.ts";
import { readReplicated, writeReplicated } from "../../src/page/store/replicated_file.ts";
import { RunStore } from "../../src/page/store/run_store.ts";
import { encodeCheckpoint } from "../../src/train/save_restore.ts";
import { smallConfig, smallTrainer, source } from "../train/small_run.ts";
import { MemoryFolder } from "./memory_folder.ts";

export const day = 24 * 3_600_000;

/** Checkpoints after 1, 2 and 3 steps. */
export async function threeCheckpoints(): Promise<Uint8Array<ArrayBuffer>[]> {
  const trainer = await smallTrainer();
  const checkpoints: Uint8Array<ArrayBuffer>[] = [];
  for (let step = 1; step <= 3; step++) {
    await trainer.trainStep();
    checkpoints.push(new Uint8Array(await encodeCheckpoint(trainer, source)));
  }
  trainer.destroy();
  return checkpoints;
}

export const png = (size: number) => {
  const bytes = new Uint8Array(size + 8);
  bytes.set([0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82], size);
  return bytes;
};

export const rowsUpTo = (steps: number) =>
  Rows.from(
    Array.from({ length: steps }, (_, i) => ({
      step: i + 1,
      dLoss: 1,
      gLoss: 2,
      dReal: 0.5,
      dFake: 0.25,
      penalty: 0,
      ms: 10,
    })),
  );

export const run = {
  name: "Cats",
  config: smallConfig,
  source,
  pictures: { count: 13, stepsPerEpoch: 3 },
  totalSteps: 12,
};

export async function newStore(checkpoints: readonly Uint8Array[], photographs: Uint8Array | null = null) {
  const clock = { now: 1_700_000_000_000 };
  const root = new MemoryFolder();
  const open = () =>
    new RunStore(
      async () => root,
      () => clock.now++,
    );
  const store = open();
  const pictures = photographs && { size: 16, count: 13, pixels: photographs };
  const source = photographs ? ({ data: "cats.zip", fit: "crop" } as const) : run.source;
  const id = await store.create({ ...run, source }, { reals: png(20), photographs: pictures });
  const save = (step: number) => store.saveCheckpoint(id, step, checkpoints[step - 1], rowsUpTo(step));
  return { root, clock, store, open, id, save, folder: root.inside.get(id)! };
}

/** Makes a run's record one that an earlier version wrote, with one checksum, and its curves too. */
export async function asEarlierVersion(folder: MemoryFolder): Promise<void> {
  // biome-ignore lint/suspicious/noExplicitAny: other than the record is now
  const { checkpoint, ...record } = (await readReplicated<any>(folder, "run"))!;
  const { slot, step } = checkpoint;
  delete record.pictures.crc32;
  const sum = checksum(folder.contents.get(`${slot}.safetensors`)!);
  for (const file of ["a.curves.f32", "b.curves.f32"]) folder.contents.delete(file);
  folder.contents.set("curves.f32", new Uint8Array(rowsUpTo(step).buffer));
  for (let i = 0; i < 2; i++)
    await writeReplicated(folder, "run", { ...record, checkpoint: { slot, step, checksum: sum } });
}
