/** An open run whose storage fails: training goes on, and what is saved in the end is what an undisturbed run saves. */
import { beforeAll, expect, test, vi } from "vitest";
import { paintCats } from "../../src/data/painted.ts";
import type { NewRun } from "../../src/page/protocol.ts";
import { StorageFullError } from "../../src/page/store/folder.ts";
import { NoGpuError } from "../../src/page/train/device.ts";
import { Session } from "../../src/page/train/session.ts";
import { checkpointInfo } from "../../src/train/checkpoint.ts";
import { decodeSafetensors } from "../../src/train/safetensors.ts";
import { sampled } from "../fuzz/fuzz.ts";
import { MemoryFolder } from "./memory_folder.ts";
import { newRun, stubCanvas, World } from "./session_world.ts";

const run: NewRun = { ...newRun, config: { ...newRun.config, steps: 3, sampleEvery: 3 } };

beforeAll(stubCanvas);

async function trained(session: Session): Promise<void> {
  session.play();
  await vi.waitFor(() => expect(session.phase).toMatch(/finished|failed/), { timeout: 100_000, interval: 10 });
}

/** A short life, in which a call may fail. @returns the session, closed or open; null when it could not be created */
async function live({ host }: World, errors: unknown[]): Promise<Session | null> {
  try {
    const session = await Session.create(host, run);
    await session.change({ lrG: 0.0004 });
    await session.oneStep();
    await session.save();
    await trained(session);
    await session.close();
    return session;
  } catch (error) {
    errors.push(error);
    return null;
  }
}

const bytesOf = async (world: World, id: string) => (await world.store.checkpoint(id)).bytes;
const tensorsOf = (bytes: Uint8Array) =>
  Buffer.concat([...decodeSafetensors(bytes).tensors.values()].map(({ data }) => Buffer.from(data.buffer)));

test("every storage call fails once: the run is trained to its end and stored exactly", async () => {
  const undisturbed = new World();
  const { id } = (await live(undisturbed, []))!;
  const expected = tensorsOf(await bytesOf(undisturbed, id));
  const { calls } = undisturbed.folder.faults;
  // All of them in `npm run fuzz`.
  for (const failing of sampled(calls, 10).map((i) => i + 1)) {
    const world = new World();
    const failure =
      failing % 2 === 0 ? new StorageFullError("it is full") : new DOMException("an I/O error", "Unknown");
    world.folder.faults.onCall = (call) => {
      if (call === failing) throw failure;
    };
    const errors: unknown[] = [];
    const session = await live(world, errors);
    world.folder.faults.onCall = undefined;
    const where = `call ${failing} of ${calls}`;
    if (session === null) {
      // Before the run was there, or while its last save was made: then it stays open.
      expect(errors, where).toEqual([failure]);
      expect((await world.store.list()).runs, where).toEqual([]);
      continue;
    }
    expect(session.phase, where).toBe("finished");
    expect(world.of("trouble"), where).toEqual([]);
    const told = world.of("storage").map(({ problem }) => problem);
    expect(told.length, where).toBeLessThanOrEqual(2);
    if (told.length > 0) {
      expect(told[0], where).toMatch(/(it is full|an I\/O error)\. Training continues/);
      expect(told.at(-1), where).toBeNull();
    }
    const { record, step, samples, rows, warnings } = await world.store.load(session.id);
    expect([step, samples.map((sample) => sample.step), rows.length > 0, warnings], where).toEqual([
      3,
      [0, 3],
      true,
      [],
    ]);
    expect(record.config.lrG, where).toBe(0.0004);
    expect(Buffer.compare(tensorsOf(await bytesOf(world, session.id)), expected), where).toBe(0);
  }
}, 600_000);

test("a storage that stays broken: the run stays open, can be downloaded as it is, and is saved once that works", async () => {
  const world = new World();
  const session = await Session.create(world.host, run);
  await session.oneStep();
  await session.save();
  world.folder.faults.full = true;
  await trained(session);
  expect(session.phase).toBe("finished");
  // First a grid fails, then a checkpoint, and so on: nothing is told twice.
  const told = world.of("storage").map(({ problem }) => problem);
  expect(new Set(told).size).toBe(told.length);
  expect(told.at(-1)).toMatch(
    /^The run could not be saved: full\. .* everything since the save of step 1 is only in this tab: download it/,
  );
  await expect(session.close()).rejects.toThrow("the run stays open, as it could not be saved");
  const { file, step, warning } = await session.download();
  expect([step, warning]).toEqual([3, null]);
  const downloaded = new Uint8Array(await file.arrayBuffer());
  expect(checkpointInfo(decodeSafetensors(downloaded).metadata).step).toBe(3);
  expect((await world.store.load(session.id)).step).toBe(1);
  world.folder.faults.full = false;
  await session.close();
  expect(world.of("storage").at(-1)!.problem).toBeNull();
  expect(Buffer.compare(await bytesOf(world, session.id), downloaded)).toBe(0);
});

test("a device that is lost while nothing can be saved: the run continues from memory", async () => {
  const world = new World();
  const session = await Session.create(world.host, { ...run, config: { ...run.config, steps: 8 } });
  await session.oneStep();
  await session.save();
  world.folder.faults.full = true;
  await session.oneStep();
  await session.save();
  world.device.gpu.device.destroy();
  await trained(session);
  expect(session.phase).toBe("finished");
  expect(world.of("trouble").map(({ trouble }) => trouble)).toMatchObject([{ kind: "device lost", backTo: 2 }]);
  world.folder.faults.full = false;
  await session.close();
  expect((await world.store.load(session.id)).step).toBe(8);
});

test("site data that are cleared while it trains: the run is stored again, with its pictures and grids", async () => {
  const world = new World();
  const session = await Session.create(world.host, run);
  await session.oneStep();
  await session.save();
  world.folder = new MemoryFolder();
  await trained(session);
  expect(world.of("note")[0].text).toMatch(/^This site's data were cleared while Mine was training\./);
  expect(world.of("trouble")).toEqual([]);
  await session.close();
  const { record, state, step, samples } = await world.store.load(session.id);
  expect([record.name, step, samples.map((sample) => sample.step)]).toEqual(["Mine", 3, [0, 3]]);
  expect((await world.store.photographs(session.id, record, state))!.pixels).toEqual(paintCats(16, 13, 5).pixels);
  const again = await Session.open(world.host, session.id, null);
  expect(again.step).toBe(3);
  await again.close();
});

test("damaged pictures or checkpoints are never trained on", async () => {
  const world = new World();
  const session = await Session.create(world.host, run);
  for (let saves = 0; saves < 2; saves++) {
    await session.oneStep();
    await session.save();
  }
  await session.close();
  const { contents } = world.folder.inside.get(session.id)!;
  contents.get("pictures.u8")![1] ^= 1;
  await expect(Session.open(world.host, session.id, null)).rejects.toThrow(
    /Mine: its copy of the training pictures is damaged, so it cannot be trained further/,
  );
  contents.get("pictures.u8")![1] ^= 1;
  for (const slot of ["a", "b"]) contents.get(`${slot}.safetensors`)![9000] ^= 1;
  await expect(Session.open(world.host, session.id, null)).rejects.toThrow(/both of its saves are damaged/);
});

test("no GPU after a loss: the run stops at once, is safe, and can be opened again", async () => {
  const world = new World();
  const session = await Session.create(world.host, run);
  await session.oneStep();
  await session.save();
  const { reopen } = world.host;
  world.host.reopen = async () => {
    throw new NoGpuError({ kind: "none", reason: "no adapter", detail: "no GPU at the moment" });
  };
  world.device.gpu.device.destroy();
  await trained(session);
  expect(session.phase).toBe("failed");
  expect(world.of("trouble").map(({ trouble }) => trouble)).toMatchObject([
    { kind: "device lost", attempt: 1, backTo: 1 },
    { kind: "no GPU", attempt: null, backTo: 1 },
  ]);
  await session.close();
  world.host.reopen = reopen;
  await reopen(100);
  const again = await Session.open(world.host, session.id, null);
  expect(again.step).toBe(1);
  await again.close();
});
