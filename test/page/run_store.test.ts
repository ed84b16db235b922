import { beforeAll, describe, expect, test } from "vitest";
import { stepsPerEpoch } from "../../src/data/batches.ts";
import { Rows } from "../../src/page/rows.ts";
import { StorageFullError } from "../../src/page/store/folder.ts";
import { RunStore } from "../../src/page/store/run_store.ts";
import { encodeCheckpoint } from "../../src/train/checkpoint.ts";
import { smallConfig, smallTrainer, source } from "../train/small_run.ts";
import { Crash, MemoryFolder } from "./memory_folder.ts";

/** A real run's checkpoints after 1, 2 and 3 steps. */
const checkpoints: Uint8Array[] = [];
beforeAll(async () => {
  const trainer = await smallTrainer();
  for (let step = 1; step <= 3; step++) {
    await trainer.trainStep();
    checkpoints.push(await encodeCheckpoint(trainer, source));
  }
  trainer.destroy();
});

const png = (size: number) => {
  const bytes = new Uint8Array(size + 8);
  bytes.set([0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82], size);
  return bytes;
};

const rowsUpTo = (steps: number) =>
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

async function newStore() {
  let clock = 1000;
  const root = new MemoryFolder();
  const store = new RunStore(root, () => clock++);
  const run = { name: "Cats", config: smallConfig, source, pictures: { count: 13, stepsPerEpoch: 3 }, totalSteps: 12 };
  const id = await store.create(run, { reals: png(20), photographs: null });
  const save = (step: number) => store.saveCheckpoint(id, step, checkpoints[step - 1], rowsUpTo(step));
  return { root, store, id, save, folder: root.inside.get(id)! };
}

const stepOf = async (store: RunStore, id: string) => {
  const { state } = await store.load(id);
  return state === null ? 0 : Number(JSON.parse(state.metadata.step));
};

describe("saving", () => {
  test("a new run begins at its beginning", async () => {
    const { store, id } = await newStore();
    const run = await store.load(id);
    expect(run.state).toBeNull();
    expect(run.warning).toBeNull();
    expect(await run.reals!.bytes()).toEqual(png(20));
    expect((await store.list()).map(({ name, step, totalSteps }) => [name, step, totalSteps])).toEqual([
      ["Cats", 0, 12],
    ]);
  });

  test("the newest checkpoint is what a run goes on from, and its rows with it", async () => {
    const { store, id, save } = await newStore();
    for (const step of [1, 2, 3]) {
      await save(step);
      expect(await stepOf(store, id)).toBe(step);
      expect((await store.load(id)).rows).toEqual(rowsUpTo(step));
    }
    expect(await store.checkpoint(id)).toEqual(checkpoints[2]);
  });

  test("a crash at any write leaves the checkpoint before, or the new one", async () => {
    const outcomes = new Set<number>();
    for (let writes = 1; writes <= 4; writes++) {
      const { root, store, id, save } = await newStore();
      await save(1);
      await save(2);
      root.faults.writesUntilCrash = writes;
      await save(3).catch((error) => expect(error).toBeInstanceOf(Crash));
      root.faults.writesUntilCrash = -1;
      const step = await stepOf(store, id);
      expect([2, 3]).toContain(step);
      expect((await store.load(id)).warning).toBeNull();
      outcomes.add(step);
      await save(3);
      expect(await stepOf(store, id)).toBe(3);
    }
    expect([...outcomes].sort()).toEqual([2, 3]);
  });

  test("a full disk leaves the checkpoint before", async () => {
    const { root, store, id, save } = await newStore();
    await save(1);
    root.faults.full = true;
    await expect(save(2)).rejects.toThrow(StorageFullError);
    root.faults.full = false;
    expect(await stepOf(store, id)).toBe(1);
  });

  test("a damaged checkpoint is noticed, and the one before is taken", async () => {
    const { store, id, save, folder } = await newStore();
    await save(1);
    await save(2);
    folder.contents.get("b.safetensors")![5000] ^= 1;
    const { state, warning } = await store.load(id);
    expect(state!.metadata.step).toBe("1");
    expect(warning).toBe("the save of step 2 is damaged: went back to step 1");
    folder.contents.get("a.safetensors")!.fill(0);
    expect((await store.load(id)).state).toBeNull();
    expect((await store.load(id)).warning).toBe("both saves are damaged: the run starts anew");
  });
});

describe("samples", () => {
  test("come back in order, torn ones and those of later steps left out", async () => {
    const { store, id, save, folder } = await newStore();
    await save(2);
    for (const step of [2, 0, 1, 3]) await store.addSample(id, step, png(10 + step));
    folder.inside.get("samples")!.contents.set("00000001.png", png(30).slice(0, 20));
    expect((await store.load(id)).samples.map(({ step }) => step)).toEqual([0, 2]);
    await store.rewind(id, 2);
    expect([...folder.inside.get("samples")!.contents.keys()].sort()).toEqual([
      "00000000.png",
      "00000001.png",
      "00000002.png",
    ]);
  });

  test("are thinned out evenly when there are many", async () => {
    const { store, id, folder } = await newStore();
    const gone: number[] = [];
    for (let step = 0; step < 300; step++) gone.push(...(await store.addSample(id, step, png(1))));
    const kept = [...folder.inside.get("samples")!.contents.keys()].map((name) => Number.parseInt(name, 10));
    expect(kept.length).toBe(120);
    expect(gone.length).toBe(180);
    kept.sort((a, b) => a - b);
    expect([kept[0], kept.at(-1)]).toEqual([0, 299]);
    const gaps = kept.slice(1).map((step, i) => step - kept[i]);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5);
  });
});

describe("the list of runs", () => {
  test("a copy is a run of its own", async () => {
    const { store, id, save } = await newStore();
    await save(1);
    await store.addSample(id, 1, png(9));
    const copy = await store.duplicate(id);
    await save(2);
    expect(await stepOf(store, copy)).toBe(1);
    await store.update(copy, { name: "Another" });
    expect((await store.list()).map(({ name, step }) => [name, step])).toEqual([
      ["Cats", 2],
      ["Another", 1],
    ]);
    await store.remove(id);
    expect((await store.list()).map(({ name }) => name)).toEqual(["Another"]);
    await expect(store.load(id)).rejects.toThrow("this run is no longer there");
    expect((await store.summary(copy)).grid!.size).toBe(17);
  });

  test("what a crash left of a run that had not begun is cleared away", async () => {
    const { root, store } = await newStore();
    await (await root.folder("17")).write("reals.png", png(3));
    expect((await store.list()).length).toBe(1);
    expect(await root.folders()).not.toContain("17");
  });

  test("a checkpoint from elsewhere becomes a run; what is none does not", async () => {
    const { root, store } = await newStore();
    const id = await store.import(checkpoints[2], "From the terminal", stepsPerEpoch);
    const { name, step, totalSteps, stepsPerEpoch: perEpoch } = await store.summary(id);
    expect({ name, step, totalSteps, perEpoch }).toEqual({
      name: "From the terminal",
      step: 3,
      totalSteps: 12,
      perEpoch: 3,
    });
    expect(await store.checkpoint(id)).toEqual(checkpoints[2]);
    const before = await root.folders();
    await expect(store.import(checkpoints[2].slice(0, 9000), "Torn", stepsPerEpoch)).rejects.toThrow();
    await expect(store.import(new TextEncoder().encode("not one"), "Text", stepsPerEpoch)).rejects.toThrow();
    expect(await root.folders()).toEqual(before);
  });
});
