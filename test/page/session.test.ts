/** One open run of the page, on a real device and a store in memory: what happens to it when things change or fail. */
import { beforeAll, beforeEach, expect, test, vi } from "vitest";
import { paintCats } from "../../src/data/painted.ts";

import { rowLength } from "../../src/page/protocol.ts";
import { RunStore } from "../../src/page/store/run_store.ts";
import type { GridView } from "../../src/page/train/grid_view.ts";
import type { SessionHost } from "../../src/page/train/host.ts";
import { Session } from "../../src/page/train/session.ts";
import { checkpointInfo } from "../../src/train/checkpoint.ts";
import { Guard } from "../../src/train/guards.ts";
import { decodeSafetensors } from "../../src/train/safetensors.ts";
import { newRun as run, stubCanvas, World } from "./session_world.ts";

let world: World;
let host: SessionHost;
let store: RunStore;

beforeAll(stubCanvas);
beforeEach(() => {
  world = new World();
  ({ host, store } = world);
});

async function trained(session: Session): Promise<void> {
  session.play();
  await vi.waitFor(() => expect(session.phase).toMatch(/finished|failed/), { timeout: 100_000, interval: 50 });
}

test("a run is made, trained to its end and opened again, and its buffers are freed with it", async () => {
  const session = await Session.create(host, run);
  expect(session.phase).toBe("paused");
  await trained(session);
  expect(world.of("sample").map(({ sample }) => sample.step)).toEqual([0, 3, 6]);
  const [summary] = (await store.list()).runs;
  expect(summary).toMatchObject({ step: 6, data: "cats.zip", pictureCount: 13 });
  expect(world.of("saved").at(-1)).toMatchObject({ step: 6, bytes: summary.bytes });
  await session.close();
  // The zeros that every stream of a GPU shares.
  expect(world.device.gpu.counts.buffers).toBe(1);
  const again = await Session.open(host, session.id, null);
  expect([again.phase, again.step, world.opened]).toEqual(["finished", 6, 1]);
  await again.close();
});

test("a run that was trained elsewhere continues once its pictures are added, and only with these", async () => {
  const identity = "5a".repeat(32);
  const photographs = { ...run.photographs!, pictures: { ...run.photographs!.pictures, identity } };
  const session = await Session.create(host, { ...run, photographs, config: { ...run.config, steps: 9 } });
  await session.oneStep();
  const { file } = await session.download();
  await session.close();
  const imported = async () => {
    const { id } = await store.import(new Uint8Array(await file.arrayBuffer()), "Elsewhere", () => 3);
    return id;
  };
  const id = await imported();
  const lacking = async () => (await store.summary(id)).lacksPictures;
  expect(await lacking()).toBe(true);
  await expect(Session.open(host, id, null)).rejects.toThrow(
    "Elsewhere: its training pictures (cats.zip) are not in this browser. " +
      "To train it further, add them under “Your own pictures” at 16 × 16, then open the run again",
  );
  const others = { ...photographs, pictures: { ...paintCats(16, 13, 6), identity: "6b".repeat(32) } };
  await expect(Session.open(host, id, others)).rejects.toThrow(
    "are not those it was trained on (cats.zip: 13 of 16 × 16)",
  );
  expect(await lacking()).toBe(true);

  const again = await Session.open(host, id, photographs);
  expect(world.of("note")).toEqual([]);
  expect(await lacking()).toBe(false);
  await again.oneStep();
  expect(again.step).toBe(2);
  await again.close();
  // The pictures are kept with the run, and its identity in what it saves.
  const opened = await Session.open(host, id, null);
  const { metadata } = decodeSafetensors(new Uint8Array(await (await opened.download()).file.arrayBuffer()));
  expect(checkpointInfo(metadata).pictures).toMatchObject({ identity, count: 13 });
  await opened.close();

  // The same files as another decoder reads them.
  const pixels = photographs.pictures.pixels.map((value) => value ^ 1);
  const second = await imported();
  const decoded = await Session.open(host, second, { ...photographs, pictures: { ...photographs.pictures, pixels } });
  expect(world.of("note").map(({ text }) => text)).toEqual([
    expect.stringContaining("another program or version decoded them"),
  ]);
  await decoded.oneStep();
  await decoded.close();
  await (await Session.open(host, second, null)).close();
});

test("quality is measured if requested, reported, and stored with the run", async () => {
  const session = await Session.create(host, { ...run, config: { ...run.config, metricsEvery: 4 } });
  await trained(session);
  const told = world.of("quality").map(({ swd, floor }) => [swd, floor]);
  expect(told.length).toBe(2);
  for (const [swd, floor] of told) expect(swd > floor && floor > 0).toBe(true);
  await session.close();
  const { rows } = await store.load(session.id);
  const kept = Array.from({ length: 6 }, (_, i) => [
    ...rows.subarray(i * rowLength + rowLength - 2, (i + 1) * rowLength),
  ]);
  const none = [Number.NaN, Number.NaN];
  expect(kept).toEqual([none, none, none, told[0].map(Math.fround), none, told[1].map(Math.fround)]);
  expect(world.device.gpu.counts.buffers).toBe(1);
});

test("a run that is continued keeps the kernels that it began with", async () => {
  const session = await Session.create(host, run);
  await session.oneStep();
  await session.save();
  await session.close();
  const { state } = await store.load(session.id);
  const { machine } = checkpointInfo(state!.metadata);
  const key = Object.keys(machine!.variants).find((key) => key.startsWith("forward"))!;
  const other = machine!.variants[key] === "8x8" ? "16x8" : "8x8";
  const variants = { ...machine!.variants, [key]: other };
  vi.spyOn(store, "load").mockImplementation(async (id) => {
    const loaded = await RunStore.prototype.load.call(store, id);
    const metadata = { ...state!.metadata, machine: JSON.stringify({ ...machine, variants }) };
    return { ...loaded, state: { ...loaded.state!, metadata } };
  });
  const again = await Session.open(host, session.id, null);
  const [stream] = vi.mocked(world.view.use).mock.calls.at(-1) as unknown as [Parameters<GridView["use"]>[0]];
  expect(stream.choices.used.get(key)).toBe(other);
  await again.close();
});

test("changes that were not followed by a save are still there when the run is opened again", async () => {
  const session = await Session.create(host, run);
  await session.oneStep();
  await session.save();
  await session.change({ lrG: 0.001 });
  // A tab that crashes saves nothing.
  await session.discard();
  const again = await Session.open(host, session.id, null);
  expect(again.step).toBe(1);
  await again.change({ smoothing: 0.2 });
  await again.oneStep();
  expect(again.step).toBe(2);
  await again.close();
  const { state } = await store.load(session.id);
  expect(checkpointInfo(state!.metadata)).toMatchObject({ step: 2, config: { lrG: 0.001, smoothing: 0.2 } });
});

test("a step that was not saved is saved when the run is closed, also after it was rebuilt", async () => {
  const session = await Session.create(host, run);
  await session.oneStep();
  await session.change({ smoothing: 0.2 });
  await session.close();
  expect((await store.load(session.id)).record.checkpoint).toMatchObject({ step: 1 });
});

test("a device that is lost while it trains: goes back, reads grids back, and trains on to the end", async () => {
  const session = await Session.create(host, run);
  await session.oneStep();
  await session.save();
  world.device.gpu.device.destroy();
  await trained(session);
  expect(session.phase).toBe("finished");
  expect(world.of("trouble").map(({ trouble }) => trouble)).toMatchObject([
    { kind: "device lost", attempt: 1, backTo: 1 },
  ]);
  expect(world.of("rewound")).toEqual([{ type: "rewound", step: 1 }]);
  expect(world.view.readBack).toHaveBeenCalledTimes(1);
  expect(world.device.submitBudget).toBe(50);
  await session.close();
});

test("losses that explode: goes back with half the rates; other signs are reported, and training continues", async () => {
  const wild = { ...run.config, steps: 14, sampleEvery: 0, lrD: 0.5, lrG: 0.5 };
  const session = await Session.create(host, { ...run, config: wild });
  await trained(session);
  const [first] = world.of("trouble").map(({ trouble }) => trouble);
  expect(first).toMatchObject({ kind: "diverged", attempt: 1, backTo: 0 });
  expect(first.message).toMatch(/^at step 1\d, the losses explode: /);
  expect(world.of("config")[0].config).toMatchObject({ lrD: 0.25, lrG: 0.25 });
  expect(world.of("rewound")[0]).toEqual({ type: "rewound", step: 0 });
  await session.close();

  world.events.length = 0;
  const remedies = [{ key: "r1", change: "smaller" }] as const;
  const seen = { kind: "mute D", step: 2, what: "D says nothing", remedies, broken: false } as const;
  const record = vi.spyOn(Guard.prototype, "record").mockReturnValueOnce(seen);
  const calm = await Session.create(host, run);
  await trained(calm);
  record.mockRestore();
  expect(calm.phase).toBe("finished");
  expect(world.of("trouble").map(({ trouble }) => trouble)).toEqual([
    { kind: "sign", message: "D says nothing", remedies, attempt: null, backTo: 0 },
  ]);
  await calm.close();
});

test("a run that diverges again: goes back one save further, on the same device, until a save gets past it", async () => {
  const seen = { kind: "explosion", what: "the losses explode", remedies: [], broken: true } as const;
  let findings = 0;
  const record = vi.spyOn(Guard.prototype, "record").mockImplementation(({ step }) => {
    return step === 8 && ++findings <= 2 ? { ...seen, step } : null;
  });
  // 3 steps an epoch: saves at 3, 6 and so on.
  const config = { ...run.config, steps: 15, sampleEvery: 3, saveEvery: 1 };
  const session = await Session.create(host, { ...run, config });
  const { opened } = world;
  await trained(session);
  record.mockRestore();
  expect([session.phase, session.step, world.opened]).toEqual(["finished", 15, opened]);
  expect(world.of("trouble").map(({ trouble }) => trouble)).toEqual([
    { kind: "diverged", message: "at step 8, the losses explode", attempt: 1, backTo: 6 },
    { kind: "diverged", message: "at step 8, the losses explode", attempt: 2, backTo: 3 },
  ]);
  expect(world.of("rewound").map(({ step }) => step)).toEqual([6, 3]);
  expect(world.of("saved").map(({ step }) => step)).toEqual([3, 6, 6, 3, 6, 9, 12, 15]);
  expect(world.of("config").at(-1)!.config).toMatchObject({ lrD: config.lrD / 4, lrG: config.lrG / 4 });
  await session.close();
  const { state, rows, samples } = await store.load(session.id);
  expect(checkpointInfo(state!.metadata)).toMatchObject({ step: 15, config: { lrD: config.lrD / 4 } });
  expect([rows.length / rowLength, samples.map(({ step }) => step)]).toEqual([15, [0, 3, 6, 9, 12, 15]]);
});

test("a device that is lost by drawing the first grid: the run begins anyway", async () => {
  vi.mocked(world.view.draw).mockImplementationOnce(async () => {
    world.device.gpu.device.destroy();
    await world.device.gpu.lost;
    world.device.gpu.checkAlive();
  });
  const session = await Session.create(host, run);
  expect([session.phase, session.step, world.opened]).toEqual(["paused", 0, 1]);
  expect(world.of("trouble").map(({ trouble }) => trouble)).toMatchObject([
    { kind: "device lost", attempt: 1, backTo: 0 },
  ]);
  expect(world.view.readBack).toHaveBeenCalledTimes(1);
  await session.oneStep();
  expect(session.step).toBe(1);
  await session.close();
});

test("a run that is taken away while it trains saves and reports nothing more", async () => {
  const session = await Session.create(host, { ...run, config: { ...run.config, steps: 1000, saveEvery: 1 } });
  session.play();
  await vi.waitFor(() => expect(session.step).toBeGreaterThan(1), { timeout: 60_000 });
  const gone = session.discard();
  const [said, { record }] = [world.events.length, await store.load(session.id)];
  await gone;
  expect(world.events).toHaveLength(said);
  expect((await store.load(session.id)).record).toEqual(record);
});

test("a run that does not fit is refused with advice, and leaves nothing behind", async () => {
  const { limits } = (await host.device()).gpu;
  const { bufferBytes } = limits;
  limits.bufferBytes = 1000;
  try {
    await expect(Session.create(host, run)).rejects.toThrow(
      /this GPU allows .*: choose fewer channels or smaller pictures$/,
    );
  } finally {
    limits.bufferBytes = bufferBytes;
  }
  expect(await store.list()).toEqual({ runs: [], damaged: [] });
});
