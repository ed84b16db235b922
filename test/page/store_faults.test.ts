/**
 * Every call of the storage is made to fail once, over a short life of a run, and every write to break off: what was
 * announced as saved stays saved, exactly.
 */
import { beforeAll, expect, test } from "vitest";
import { stepsPerEpoch } from "../../src/data/batches.ts";
import { StorageFullError } from "../../src/page/store/folder.ts";
import { RunStore } from "../../src/page/store/run_store.ts";
import { Crash, MemoryFolder } from "./memory_folder.ts";
import { png, rowsUpTo, run, threeCheckpoints } from "./stored_run.ts";

let checkpoints: Uint8Array<ArrayBuffer>[];
beforeAll(async () => {
  checkpoints = await threeCheckpoints();
});

/** What was announced, as far as a person knows. */
interface Announced {
  id: string | null;
  name: string;
  step: number;
  samples: number[];
  others: string[];
  errors: unknown[];
}

/** The life of a run. Each act is tried once; those that need the run are left out when it could not be created. */
async function live(store: RunStore): Promise<Announced> {
  const told: Announced = { id: null, name: "Cats", step: 0, samples: [], others: [], errors: [] };
  const act = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      told.errors.push(error);
    }
  };
  const save = async (step: number) => {
    const beside = await store.saveCheckpoint(told.id!, step, checkpoints[step - 1], rowsUpTo(step));
    told.step = step;
    if (beside) told.errors.push(beside);
  };
  await act(async () => {
    told.id = await store.create(run, { reals: png(20), photographs: null });
  });
  if (told.id === null) return told;
  const { id } = told;
  await act(() => save(1));
  await act(async () => {
    await store.addSample(id, 1, png(1));
    told.samples.push(1);
  });
  await act(() => save(2));
  await act(async () => {
    await store.update(id, { name: "Dogs" });
    told.name = "Dogs";
  });
  await act(async () => {
    expect((await store.load(id)).step).toBe(told.step);
  });
  await act(async () => {
    await store.addSample(id, 9, png(9));
    await store.rewind(id, 2);
  });
  await act(() => save(3));
  await act(async () => {
    told.others.push(await store.duplicate(id));
  });
  await act(async () => {
    told.others.push((await store.import(checkpoints[0], "From elsewhere", stepsPerEpoch)).id);
  });
  await act(async () => {
    await store.list();
  });
  await act(async () => {
    await store.checkpoint(id);
  });
  return told;
}

/** `toEqual` takes a tenth of a second for a checkpoint. */
function expectSame(bytes: Uint8Array, expected: Uint8Array): void {
  expect(Buffer.compare(bytes, expected)).toBe(0);
}

async function check(root: MemoryFolder, told: Announced): Promise<void> {
  const store = new RunStore(async () => root);
  const { runs, damaged } = await store.list();
  expect(damaged).toEqual([]);
  expect(runs.map(({ id }) => id).sort()).toEqual([told.id, ...told.others].filter((id) => id !== null).sort());
  if (told.id === null) return;
  const { record, state, step, rows, samples, warnings } = await store.load(told.id);
  expect([record.name, step]).toEqual([told.name, told.step]);
  if (state) expectSame((await store.checkpoint(told.id)).bytes, checkpoints[step - 1]);
  expect(samples.map((sample) => sample.step)).toEqual(expect.arrayContaining(told.samples));
  if (warnings.length === 0) expect(rows).toEqual(rowsUpTo(step));
  else expect(warnings).toEqual(["the file with the curves is damaged: some or all of them are missing"]);
}

test.each([
  ["a full disk", new StorageFullError("the browser's storage is full: delete runs")],
  ["any other failure", new DOMException("an I/O error", "UnknownError")],
])("every call fails once: %s", async (_, failure) => {
  const untouched = new MemoryFolder();
  const undisturbed = await live(new RunStore(async () => untouched));
  expect(undisturbed).toMatchObject({ name: "Dogs", step: 3, samples: [1], errors: [] });
  const { calls } = untouched.faults;
  expect(calls).toBeGreaterThan(60);
  for (let failing = 1; failing <= calls; failing++) {
    const root = new MemoryFolder();
    root.faults.onCall = (call) => {
      if (call === failing) throw failure;
    };
    const told = await live(new RunStore(async () => root));
    root.faults.onCall = undefined;
    // One failure, one message. Sizes and grids of the list are only looked at: it comes without them.
    expect(told.errors.length, `call ${failing}`).toBeLessThanOrEqual(1);
    for (const error of told.errors) expect(error).toBe(failure);
    await check(root, told);
  }
});

test("every write breaks off, at many places: the previous save is intact, or the new one", async () => {
  const outcomes = new Set<number>();
  // A checkpoint, its curves, and the record.
  for (const write of [1, 2, 3]) {
    for (let place = 0; place <= 50; place++) {
      const root = new MemoryFolder();
      const store = new RunStore(async () => root);
      const id = await store.create(run, { reals: png(20), photographs: null });
      for (const step of [1, 2]) await store.saveCheckpoint(id, step, checkpoints[step - 1], rowsUpTo(step));
      const length = [checkpoints[2].length, rowsUpTo(3).byteLength, 2500][write - 1];
      Object.assign(root.faults, { writesUntilCrash: write, bytesUntilCrash: Math.floor((place / 50) * length) });
      await store.saveCheckpoint(id, 3, checkpoints[2], rowsUpTo(3)).catch((error) => {
        expect(error).toBeInstanceOf(Crash);
      });
      Object.assign(root.faults, { writesUntilCrash: -1, bytesUntilCrash: undefined });
      const again = new RunStore(async () => root);
      const { step, rows, warnings } = await again.load(id);
      expect(warnings).toEqual([]);
      expect(rows).toEqual(rowsUpTo(step));
      expectSame((await again.checkpoint(id)).bytes, checkpoints[step - 1]);
      outcomes.add(step);
    }
  }
  expect([...outcomes].sort()).toEqual([2, 3]);
});
