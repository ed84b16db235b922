/** The training worker: owns the GPU, the open run and the store; answers the page's calls one after the other. */

import { paintCats } from "../../data/painted.ts";
import { paintedCount } from "../../data/pictures.ts";
import type { VariantMemory } from "../../train/choose_variants.ts";
import { checkConfig, presets } from "../../train/config.ts";
import { planTraining } from "../../train/plan.ts";
import { realsGrid } from "../grid_file.ts";
import type { CallMessage, CallName, WorkerCalls, WorkerEvent, WorkerMessage } from "../protocol.ts";
import { reasonOf } from "../reason.ts";
import { stepsPerEpoch } from "../steps_per_epoch.ts";
import { openOpfs } from "../store/opfs.ts";
import { RunStore } from "../store/run_store.ts";
import { variantMemory } from "../store/variant_memory.ts";
import { augmented } from "./augmented.ts";
import { type Device, describe, measure, NoGpuError, newStream, openDevice } from "./device.ts";
import { GpuWait } from "./gpu_wait.ts";
import { GridView } from "./grid_view.ts";
import { checkUnlocked, RunLock } from "./run_lock.ts";
import { Session, type Surroundings } from "./session.ts";
import { Tabs } from "./tabs.ts";

/** What a dedicated worker's global scope has and TypeScript's DOM types do not. */
declare function postMessage(message: WorkerMessage): void;

let tabs: Tabs;
const store = new RunStore(async () => await (await openOpfs()).folder("runs"));
const variants: VariantMemory = variantMemory(openOpfs);
let view: GridView;
/** Hands over the canvas that was asked for. */
let gotCanvas: ((canvas: OffscreenCanvas) => void) | null = null;
let device: Device | null = null;
/** Whether the device at hand has gone. */
let lost = false;
let session: Session | null = null;
/** The lock of the session's run. */
const runLock = new RunLock();
let measuring: { controller: AbortController; done: Promise<void> } | null = null;
let testing = false;

const gpuWait = new GpuWait((event) => around.emit(event));

const around: Surroundings = {
  store,
  variants,
  get view() {
    return view;
  },
  emit(event) {
    post(event);
    tabs.share(event);
  },
  device: async () => (device && !lost ? device : await open()),
  reopen: open,
  endGpuWait: () => gpuWait.giveUp(),
};

/** Does something that nobody waits for; people are told when it fails. */
function unattended(what: string, work: Promise<unknown>): void {
  work.catch((error) => post({ type: "note", text: `${what}: ${reasonOf(error)}` }));
}

/** Where this tab stands among the others. */
function lookAround(): Tabs {
  return new Tabs({
    onEvent: post,
    onTraining: (training) => post({ type: "elsewhere", training }),
    onAsked: () => unattended("Handing the run over to another tab failed", inTurn(closeSession)),
    onStolen: () =>
      unattended(
        "Closing the run that another tab took over failed",
        inTurn(async () => {
          const stolen = session;
          session = null;
          runLock.letGo();
          post({ type: "closed" });
          post({ type: "phase", phase: "idle" });
          post({ type: "elsewhere", training: true });
          await stolen?.discard();
        }),
      ),
    onError: (error) => post({ type: "note", text: `Looking for other tabs of this page failed: ${reasonOf(error)}` }),
    snapshot: async () => (await session?.snapshot()) ?? [],
  });
}

async function open(submitBudget?: number): Promise<Device> {
  device?.gpu.destroy();
  const openOne = () =>
    openDevice((what, done, total) => around.emit({ type: "progress", what, done, total }), submitBudget);
  // Where there never was a GPU, there is nothing to wait for.
  const opened = device ? await gpuWait.open(openOne) : await openOne();
  device = opened;
  lost = false;
  unattended(
    "Watching the GPU failed",
    opened.gpu.lost.then(() => {
      if (device === opened) lost = true;
    }),
  );
  return opened;
}

function post(event: WorkerEvent): void {
  postMessage({ type: "event", event });
}

/** Never throws: the change before it has succeeded, even if the list cannot be read now. */
async function postRuns(): Promise<void> {
  try {
    post({ type: "runs", ...(await store.list()) });
  } catch (error) {
    post({
      type: "note",
      text: `Your saved runs could not be listed: ${reasonOf(error)}. Reload the page to try again`,
    });
  }
}

/** The adapter in a word and how fast it is; in the background, until somebody wants to train. */
async function getAcquainted(): Promise<void> {
  try {
    const found = await around.device();
    post({ type: "adapter", adapter: describe(found) });
    // Two on one GPU would only measure each other.
    if (testing || (await tabs.elsewhere())) return;
    const controller = new AbortController();
    const done = measure(found, controller.signal).then((speed) => {
      if (speed) post({ type: "speed", speed });
    });
    measuring = { controller, done: done.catch(console.error) };
    await measuring.done;
  } catch (error) {
    if (!(error instanceof NoGpuError)) throw error;
    post({ type: "adapter", adapter: error.adapter });
  } finally {
    measuring = null;
    if (session === null) post({ type: "phase", phase: "idle" });
  }
}

async function endMeasuring(): Promise<void> {
  measuring?.controller.abort();
  await measuring?.done;
}

/** Becomes the tab that trains. @throws Error when another is */
async function claim(): Promise<void> {
  if (await tabs.claim()) return;
  post({ type: "elsewhere", training: true });
  throw new Error("another tab of this page trains: stop it there, or take over");
}

async function closeSession(): Promise<void> {
  if (session === null) return tabs.letGo();
  await session.close();
  await closed();
}

async function closed(): Promise<void> {
  session = null;
  runLock.letGo();
  post({ type: "closed" });
  post({ type: "phase", phase: "idle" });
  tabs.letGo();
  await postRuns();
}

async function begin(make: () => Promise<Session>): Promise<Session> {
  await endMeasuring();
  await claim();
  await closeSessionButKeepLock();
  post({ type: "phase", phase: "preparing" });
  try {
    session = await make();
    await runLock.take(session.id);
  } catch (error) {
    await session?.discard();
    session = null;
    post({ type: "closed" });
    post({ type: "phase", phase: "idle" });
    tabs.letGo();
    throw error;
  }
  await postRuns();
  return session;
}

async function closeSessionButKeepLock(): Promise<void> {
  await session?.close();
  session = null;
  runLock.letGo();
}

function current(): Session {
  if (session === null) throw new Error("no run is open");
  return session;
}

/** Closes the run, if it is the one that is open here. */
async function notOpen(id: string): Promise<void> {
  if (session?.id === id) await closeSession();
}

const calls: {
  [Name in CallName]: (...args: Parameters<WorkerCalls[Name]>) => Promise<ReturnType<WorkerCalls[Name]>>;
} = {
  async hello({ canvas, test }) {
    testing = test;
    tabs = lookAround();
    view = new GridView(canvas, () => {
      post({ type: "canvas" });
      return new Promise((resolve) => {
        gotCanvas = resolve;
      });
    });
    const { size, seed } = presets.tiny;
    post({ type: "reals", png: await realsGrid(paintCats(size, 64, seed)) });
    await postRuns();
    unattended("Looking for a GPU failed", getAcquainted());
  },
  async start(run) {
    (await begin(() => Session.create(around, run))).play();
  },
  async open(id, photographs) {
    await begin(() => Session.open(around, id, photographs));
  },
  async play() {
    current().play();
  },
  pause: () => current().pause(),
  step: () => current().oneStep(),
  stop: closeSession,
  async abandon() {
    await current().discard();
    await closed();
  },
  async save() {
    await current().save();
    await postRuns();
  },
  change: (changes) => current().change(changes),

  async plan(config, pictures) {
    checkConfig(config);
    const { parameters, bytes, flopsPerStep } = await planTraining(config, {
      bufferBytes: Number.POSITIVE_INFINITY,
      bindingBytes: Number.POSITIVE_INFINITY,
      software: device?.gpu.software ?? false,
    });
    const perEpoch = stepsPerEpoch(pictures ?? paintedCount(config.size), config.batch);
    const totalSteps = config.steps ?? config.epochs! * perEpoch;
    return { parameters, gpuBytes: bytes, totalSteps, flops: totalSteps * flopsPerStep };
  },

  augmented: async (pictures, config) =>
    device && !lost ? await augmented(newStream(device), pictures, config) : null,
  refreshRuns: postRuns,
  async rename(id, name) {
    await store.update(id, { name });
    if (session?.id === id) session.name = name;
    await postRuns();
  },
  async duplicate(id) {
    if (session?.id === id) await session.save();
    const copy = await store.duplicate(id);
    await postRuns();
    return await store.summary(copy);
  },
  async remove(id) {
    await notOpen(id);
    await checkUnlocked(id);
    await store.remove(id);
    await postRuns();
  },
  async download(id) {
    if (session?.id === id) return await session.download();
    const { bytes, step, warning } = await store.checkpoint(id);
    return { file: new Blob([bytes], { type: "application/octet-stream" }), step, warning };
  },
  remains: async (id) => new Blob([await store.remains(id)], { type: "application/octet-stream" }),
  async upload(file, name) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const { id, verified } = await store.import(bytes, name, stepsPerEpoch);
    if (!verified) {
      const text = `${name}: an earlier version wrote this file without a checksum, so damage to it cannot be detected`;
      post({ type: "note", text });
    }
    await postRuns();
    return await store.summary(id);
  },

  async watch() {
    tabs.watch();
  },
  async takeOver() {
    await tabs.takeOver();
    post({ type: "elsewhere", training: false });
    const [newest] = (await store.list()).runs;
    if (newest) (await begin(() => Session.open(around, newest.id, null))).play();
    else tabs.letGo();
  },
  async leaving() {
    await session?.save();
  },
  async findGpu() {
    post({ type: "adapter", adapter: describe(await around.device()) });
  },
  async endGpuWait(choice) {
    if (choice === "try now") gpuWait.tryNow();
    else gpuWait.giveUp();
  },
  async canvas({ canvas }) {
    gotCanvas?.(canvas);
  },
  async destroyDevice() {
    device?.gpu.device.destroy();
  },
};

/** Calls that do not wait for the one before. */
const atOnce: readonly CallName[] = ["augmented", "canvas", "destroyDevice", "endGpuWait", "plan", "watch"];

let last: Promise<unknown> = Promise.resolve();

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const done = last.then(work);
  last = done.catch(() => {});
  return done;
}

export async function receive({ id, name, args }: CallMessage): Promise<void> {
  const work = () => (calls[name] as (...args: unknown[]) => Promise<unknown>)(...args);
  try {
    const value = await (atOnce.includes(name) ? work() : inTurn(work));
    postMessage({ type: "answer", id, value });
  } catch (error) {
    postMessage({ type: "failure", id, message: reasonOf(error) });
  }
}
