import { beforeAll, describe, expect, test } from "vitest";
import { stepsPerEpoch } from "../../src/data/batches.ts";
import { rowLength } from "../../src/page/protocol.ts";
import { StorageFullError } from "../../src/page/store/folder.ts";
import { DamagedRunError } from "../../src/page/store/record.ts";
import { RunStore } from "../../src/page/store/run_store.ts";
import { withoutChecksum } from "../train/without_checksum.ts";
import { Crash } from "./memory_folder.ts";
import { asEarlierVersion, day, newStore as filled, png, rowsUpTo, threeCheckpoints } from "./stored_run.ts";

let checkpoints: Uint8Array<ArrayBuffer>[];
beforeAll(async () => {
  checkpoints = await threeCheckpoints();
});

const newStore = (photographs: Uint8Array | null = null) => filled(checkpoints, photographs);
const flip = (bytes: Uint8Array, at: number) => {
  bytes[at] ^= 0x80;
};

const stepOf = async (store: RunStore, id: string) => {
  const { state } = await store.load(id);
  return state === null ? 0 : Number(JSON.parse(state.metadata.step));
};

describe("saving", () => {
  test("a new run starts at step 0", async () => {
    const { store, id } = await newStore();
    const run = await store.load(id);
    expect(run.state).toBeNull();
    expect(run.warnings).toEqual([]);
    expect(await run.reals!.bytes()).toEqual(png(20));
    expect((await store.list()).runs.map(({ name, step, totalSteps }) => [name, step, totalSteps])).toEqual([
      ["Cats", 0, 12],
    ]);
  });

  test("a run continues from the newest checkpoint and its rows", async () => {
    const { store, id, save } = await newStore();
    for (const step of [1, 2, 3]) {
      await save(step);
      expect(await stepOf(store, id)).toBe(step);
      expect((await store.load(id)).rows).toEqual(rowsUpTo(step));
    }
    expect(await store.checkpoint(id)).toMatchObject({ bytes: checkpoints[2], step: 3, warning: null });
  });

  test("a crash at any write leaves the previous checkpoint, or the new one", async () => {
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
      expect((await store.load(id)).warnings).toEqual([]);
      outcomes.add(step);
      await save(3);
      expect(await stepOf(store, id)).toBe(3);
    }
    expect([...outcomes].sort()).toEqual([2, 3]);
  });

  test("a full disk leaves the previous checkpoint", async () => {
    const { root, store, id, save } = await newStore();
    await save(1);
    root.faults.full = true;
    await expect(save(2)).rejects.toThrow(StorageFullError);
    root.faults.full = false;
    expect(await stepOf(store, id)).toBe(1);
  });

  test("a damaged checkpoint is detected, and the previous one is used; when both are damaged, neither is", async () => {
    const { store, id, save, folder } = await newStore();
    await save(1);
    await save(2);
    folder.contents.get("b.safetensors")![5000] ^= 1;
    const { state, warnings } = await store.load(id);
    expect(state!.metadata.step).toBe("1");
    expect(warnings).toEqual(["Cats: the save of step 2 is damaged: went back to step 1"]);
    expect(await store.checkpoint(id)).toMatchObject({ bytes: checkpoints[0], step: 1, warning: warnings[0] });
    folder.contents.get("a.safetensors")![5000] ^= 1;
    await expect(store.load(id)).rejects.toThrow("Cats: both of its saves are damaged, so it cannot be continued");
    await expect(store.checkpoint(id)).rejects.toThrow(DamagedRunError);
  });
});

describe("damage", () => {
  test("a bit that flips anywhere in either slot is never trained on, also in files without a checksum", async () => {
    const bare = checkpoints.map(withoutChecksum);
    const { store, id, folder } = await newStore();
    for (const step of [1, 2]) await store.saveCheckpoint(id, step, bare[step - 1], rowsUpTo(step));
    const [a, b] = ["a", "b"].map((slot) => folder.contents.get(`${slot}.safetensors`)!);
    // The newer one is gone, so the other has to do.
    flip(b, b.length - 9);
    expect((await store.load(id)).step).toBe(1);
    for (const at of [9000, a.length >> 1, a.length - 1]) {
      flip(a, at);
      await expect(store.load(id)).rejects.toThrow(DamagedRunError);
      flip(a, at);
    }
    // Two flipped sign bits, which the checksum of earlier versions cannot tell from none.
    for (const at of [a.length - 1, a.length - 5]) flip(a, at);
    await expect(store.load(id)).rejects.toThrow(DamagedRunError);
  });

  test("after going back to the other slot, the next save goes to the damaged one", async () => {
    const { root, store, open, id, save, folder } = await newStore();
    await save(1);
    await save(2);
    flip(folder.contents.get("b.safetensors")!, 5000);
    const again = open();
    expect((await again.load(id)).step).toBe(1);
    root.faults.writesUntilCrash = 1;
    await expect(again.saveCheckpoint(id, 3, checkpoints[2], rowsUpTo(3))).rejects.toThrow(Crash);
    root.faults.writesUntilCrash = -1;
    expect(await stepOf(store, id)).toBe(1);
    await again.saveCheckpoint(id, 3, checkpoints[2], rowsUpTo(3));
    flip(folder.contents.get("b.safetensors")!, 5000);
    expect(await stepOf(store, id)).toBe(1);
  });

  test("a failing read does not count as damage: it is passed on, and nothing is changed", async () => {
    const { root, store, id, save } = await newStore();
    await save(1);
    await save(2);
    root.faults.onCall = (_, name) => {
      if (name === "read") throw new Error("the disk is busy");
    };
    for (const call of [store.load(id), store.checkpoint(id), save(3), store.update(id, { name: "Dogs" })]) {
      await expect(call).rejects.toThrow("the disk is busy");
    }
    expect(await store.list()).toMatchObject({
      runs: [],
      damaged: [{ id, reason: "the disk is busy", damaged: false }],
    });
    root.faults.onCall = undefined;
    expect((await store.load(id)).step).toBe(2);
    expect((await store.list()).runs).toMatchObject([{ id, name: "Cats", step: 2 }]);
  });

  test("the training pictures are verified", async () => {
    const pixels = Uint8Array.from({ length: 13 * 16 * 16 * 3 }, (_, i) => (i * i) % 251);
    const { store, id, folder } = await newStore(pixels);
    const { record } = await store.load(id);
    expect((await store.photographs(id, record, null))!.pixels).toEqual(pixels);
    const kept = folder.contents.get("pictures.u8")!;
    for (const at of [0, 1, kept.length - 1]) {
      flip(kept, at);
      await expect(store.photographs(id, record, null)).rejects.toThrow(
        /^Cats: its copy of the training pictures is damaged, so it cannot be trained further/,
      );
      flip(kept, at);
    }
    folder.contents.set("pictures.u8", kept.slice(1));
    await expect(store.photographs(id, record, null)).rejects.toThrow(DamagedRunError);
  });

  test("a damaged file of curves or grids does no harm", async () => {
    const { store, id, save, folder } = await newStore();
    await save(1);
    await save(2);
    flip(folder.contents.get("b.curves.f32")!, 6);
    const { step, rows, warnings } = await store.load(id);
    // Those beside the other slot are intact and end earlier.
    expect([step, rows]).toEqual([2, rowsUpTo(1)]);
    expect(warnings).toEqual(["the file with the curves is damaged: some or all of them are missing"]);
    folder.contents.get("a.curves.f32")!.fill(255);
    expect((await store.load(id)).rows.length).toBe(0);
    folder.contents.set("reals.png", png(30).slice(0, 20));
    expect((await store.load(id)).reals).toBeNull();
  });

  test("curves of an earlier version, which have no checksum, end where their numbers make no sense", async () => {
    const { store, id, save, folder } = await newStore();
    await save(3);
    await asEarlierVersion(folder);
    expect((await store.load(id)).rows).toEqual(rowsUpTo(3));
    const kept = new Float32Array(folder.contents.get("curves.f32")!.buffer);
    for (const [index, value] of [
      [rowLength, Number.NaN],
      [rowLength, 1],
      [rowLength + 2, Number.POSITIVE_INFINITY],
    ] as const) {
      const before = kept[index];
      kept[index] = value;
      expect((await store.load(id)).rows).toEqual(rowsUpTo(1));
      kept[index] = before;
    }
  });

  test("a run of an earlier version continues; what its record has no checksum for is used with a warning", async () => {
    const bare = checkpoints.map(withoutChecksum);
    const { store, id, folder } = await newStore();
    for (const step of [1, 2]) await store.saveCheckpoint(id, step, bare[step - 1], rowsUpTo(step));
    await asEarlierVersion(folder);
    expect(await store.load(id)).toMatchObject({ step: 2, warnings: [] });
    flip(folder.contents.get("b.safetensors")!, 5000);
    const { step, warnings } = await store.load(id);
    expect(step).toBe(1);
    expect(warnings[0]).toMatch(/went back to step 1; an earlier version saved that one without a checksum/);
    await store.saveCheckpoint(id, 3, checkpoints[2], rowsUpTo(3));
    expect(await store.load(id)).toMatchObject({ step: 3, warnings: [] });
  });
});

describe("records", () => {
  const breakRecords = (contents: Map<string, Uint8Array>) => {
    for (const [name, bytes] of contents) if (/^run/.test(name)) flip(bytes, 40);
  };

  test("when both copies are damaged, the record is rebuilt from the newest checkpoint", async () => {
    const { store, id, save, folder } = await newStore();
    await save(1);
    await save(2);
    await store.addSample(id, 2, png(9));
    breakRecords(folder.contents);
    expect(await store.list()).toMatchObject({
      runs: [{ id, name: "Recovered run", step: 2, totalSteps: 12, recovered: true, grid: { size: 17 } }],
      damaged: [],
    });
    expect((await store.checkpoint(id)).bytes).toEqual(checkpoints[1]);
    await store.update(id, { name: "Cats" });
    expect(await store.summary(id)).toMatchObject({ name: "Cats", recovered: false });
  });

  test("when no checkpoint is intact either, the run is listed as damaged and keeps its files", async () => {
    const { root, clock, store, id, save, folder } = await newStore();
    await save(1);
    breakRecords(folder.contents);
    flip(folder.contents.get("a.safetensors")!, 5000);
    clock.now += 2 * day;
    expect(await store.list()).toEqual({
      runs: [],
      damaged: [
        {
          id,
          created: expect.any(Number),
          reason: "both copies of its record are damaged, and so is every checkpoint",
          damaged: true,
        },
      ],
    });
    expect(await root.folders()).toEqual([id]);
    expect((await store.remains(id)).length).toBe(checkpoints[0].length);
    await store.remove(id);
    expect(await store.list()).toEqual({ runs: [], damaged: [] });
  });

  test("only folders in which no run ever began are removed, and not while another tab may be filling them", async () => {
    const { root, clock, store } = await newStore();
    const old = String(clock.now);
    await (await root.folder(old)).write("reals.png", png(3));
    await (await root.folder("somebody else's")).write("reals.png", png(3));
    expect((await store.list()).runs.length).toBe(1);
    expect(await root.folders()).toContain(old);
    clock.now += 2 * day;
    const copied = `${clock.now}-00000000`;
    await (await root.folder(copied)).write("a.safetensors", checkpoints[0]);
    const { runs, damaged } = await store.list();
    expect(runs.length).toBe(1);
    expect(damaged).toMatchObject([{ id: copied, reason: "another tab is still writing it, or was interrupted" }]);
    expect(await root.folders()).not.toContain(old);
    expect(await root.folders()).toContain("somebody else's");
    // Nobody writes for a day.
    clock.now += 2 * day;
    expect((await store.list()).runs).toMatchObject([{ name: "Recovered run" }, { name: "Cats" }]);
  });

  test("two tabs never begin the same run", async () => {
    const { root } = await newStore();
    const store = new RunStore(
      async () => root,
      () => 5,
    );
    const run = async () => (await store.import(checkpoints[0], "Twin", stepsPerEpoch)).id;
    expect(new Set(await Promise.all([run(), run(), run()])).size).toBe(3);
  });
});

describe("going back", () => {
  test("one checkpoint further: it is then the newest, and the one that was left is overwritten next", async () => {
    const { store, open, id, save, folder } = await newStore();
    expect(await store.earlier(id, 1)).toEqual({ state: null, step: 0, warning: null });
    await save(1);
    // There is no earlier one.
    expect(await store.earlier(id, 1)).toMatchObject({ step: 1, warning: null });
    await save(2);
    await save(3);
    const slotOf = async () => (await store.load(id)).record.checkpoint!.slot;
    const newest = await slotOf();
    expect(await store.earlier(id, 0)).toMatchObject({ step: 3, warning: null });
    await store.rewind(id, 3);
    expect(await stepOf(store, id)).toBe(3);
    const { state, step } = await store.earlier(id, 1);
    expect([step, state!.metadata.step]).toEqual([2, "2"]);
    await store.rewind(id, 2);
    expect(await stepOf(open(), id)).toBe(2);
    expect((await store.load(id)).rows).toEqual(rowsUpTo(2));
    expect(await slotOf()).not.toBe(newest);
    await save(3);
    expect([await stepOf(open(), id), await slotOf()]).toEqual([3, newest]);
    flip(folder.contents.get(`${newest}.safetensors`)!, 9000);
    expect(await stepOf(open(), id)).toBe(2);
  });

  test("a run never goes back to a damaged checkpoint", async () => {
    const { store, id, save, folder } = await newStore();
    await save(1);
    await save(2);
    const { slot } = (await store.load(id)).record.checkpoint!;
    flip(folder.contents.get(`${slot === "a" ? "b" : "a"}.safetensors`)!, 9000);
    expect(await store.earlier(id, 1)).toMatchObject({ step: 2, warning: null });
    await store.rewind(id, 2);
    expect(await stepOf(store, id)).toBe(2);
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
  test("a copy is an independent run", async () => {
    const { store, id, save } = await newStore();
    await save(1);
    await store.addSample(id, 1, png(9));
    const copy = await store.duplicate(id);
    await save(2);
    expect(await stepOf(store, copy)).toBe(1);
    await store.update(copy, { name: "Another" });
    expect((await store.list()).runs.map(({ name, step }) => [name, step])).toEqual([
      ["Cats", 2],
      ["Another", 1],
    ]);
    await store.remove(id);
    expect((await store.list()).runs.map(({ name }) => name)).toEqual(["Another"]);
    await expect(store.load(id)).rejects.toThrow("this run is no longer there");
    expect((await store.summary(copy)).grid!.size).toBe(17);
  });

  test("a checkpoint from elsewhere becomes a run; any other file does not", async () => {
    const { root, store } = await newStore();
    const { id, verified } = await store.import(checkpoints[2], "From the terminal", stepsPerEpoch);
    expect(verified).toBe(true);
    const older = withoutChecksum(checkpoints[2]);
    expect((await store.import(older, "From an earlier version", stepsPerEpoch)).verified).toBe(false);
    const { name, step, totalSteps, stepsPerEpoch: perEpoch } = await store.summary(id);
    expect({ name, step, totalSteps, perEpoch }).toEqual({
      name: "From the terminal",
      step: 3,
      totalSteps: 12,
      perEpoch: 3,
    });
    expect((await store.checkpoint(id)).bytes).toEqual(checkpoints[2]);
    const before = await root.folders();
    await expect(store.import(checkpoints[2].slice(0, 9000), "Torn", stepsPerEpoch)).rejects.toThrow();
    await expect(store.import(new TextEncoder().encode("not one"), "Text", stepsPerEpoch)).rejects.toThrow();
    expect(await root.folders()).toEqual(before);
  });
});
