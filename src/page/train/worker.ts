/** The training worker: owns the GPU, the open run and the store; answers the page's calls one after the other. */

import { paintCats } from "../../data/painted.ts";
import { paintedCount } from "../../data/pictures.ts";
import { augmented } from "../../train/augmented.ts";
import { checkConfig, presets } from "../../train/config.ts";
import { planTraining } from "../../train/plan.ts";
import { realsGrid } from "../grid_file.ts";
import type { CallMessage, CallName, WorkerCalls, WorkerEvent, WorkerMessage } from "../protocol.ts";
import { reasonOf } from "../reason.ts";
import { stepsPerEpoch } from "../steps_per_epoch.ts";
import { openOpfs } from "../store/opfs.ts";
import { RunStore } from "../store/run_store.ts";
import { variantMemory } from "../store/variant_memory.ts";
import { newStream } from "./device.ts";
import { GpuHolder } from "./gpu_holder.ts";
import { GridView } from "./grid_view.ts";
import type { SessionHost } from "./host.ts";
import { checkpointBlob } from "./open_run.ts";
import { checkUnlocked } from "./run_lock.ts";
import { Session } from "./session.ts";
import { SessionHolder } from "./session_holder.ts";
import { Tabs } from "./tabs.ts";
import { Turns } from "./turns.ts";

/** What a dedicated worker's global scope has and TypeScript's DOM types do not. */
declare function postMessage(message: WorkerMessage): void;

// Set by the first call, `hello`.
let tabs: Tabs;
let view: GridView;

const store = new RunStore(async () => await (await openOpfs()).folder("runs"));
const turns = new Turns();
const gpu = new GpuHolder({ post, emit, onWatchFailed: (error) => note("Watching the GPU failed", error) });
const sessions = new SessionHolder({ tabs: () => tabs, post, postRuns, endMeasuring: () => gpu.endMeasuring() });
/** Resolves the request for a fresh canvas. */
let gotCanvas: ((canvas: OffscreenCanvas) => void) | null = null;

const host: SessionHost = {
  store,
  variants: variantMemory(openOpfs),
  get view() {
    return view;
  },
  emit,
  device: () => gpu.get(),
  reopen: (submitBudget) => gpu.reopen(submitBudget),
  endGpuWait: () => gpu.wait.giveUp(),
};

function post(event: WorkerEvent): void {
  postMessage({ type: "event", event });
}

/** Also to tabs that watch this one. */
function emit(event: WorkerEvent): void {
  post(event);
  tabs.share(event);
}

function note(what: string, error: unknown): void {
  post({ type: "note", text: `${what}: ${reasonOf(error)}` });
}

/** Runs work that no call waits for, and reports a failure to the user. */
function unattended(what: string, work: Promise<unknown>): void {
  work.catch((error) => note(what, error));
}

/** Connects this tab with the others that show the page. */
function joinTabs(): Tabs {
  return new Tabs({
    onEvent: post,
    onTraining: (training) => post({ type: "elsewhere", training }),
    onAsked: () =>
      unattended(
        "Handing the run over to another tab failed",
        turns.run(() => sessions.close()),
      ),
    onStolen: () =>
      unattended(
        "Closing the run that another tab took over failed",
        turns.run(() => sessions.stolen()),
      ),
    onError: (error) => note("Looking for other tabs of this page failed", error),
    snapshot: async () => (await sessions.current?.snapshot()) ?? [],
  });
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

/** Describes and measures the GPU in the background, until the user wants to train. */
async function introduceGpu(testing: boolean): Promise<void> {
  try {
    await gpu.introduce(async () => !testing && !(await tabs.elsewhere()));
  } finally {
    if (sessions.current === null) post({ type: "phase", phase: "idle" });
  }
}

/** Closes the run, if it is the one that is open here. */
async function closeIfOpen(id: string): Promise<void> {
  if (sessions.current?.id === id) await sessions.close();
}

const calls: {
  [Name in CallName]: (...args: Parameters<WorkerCalls[Name]>) => Promise<ReturnType<WorkerCalls[Name]>>;
} = {
  async hello({ canvas, test }) {
    tabs = joinTabs();
    view = new GridView(canvas, () => {
      post({ type: "canvas" });
      return new Promise((resolve) => {
        gotCanvas = resolve;
      });
    });
    const { size, seed } = presets.tiny;
    post({ type: "reals", png: await realsGrid(paintCats(size, 64, seed)) });
    await postRuns();
    unattended("Looking for a GPU failed", introduceGpu(test));
  },
  async start(run) {
    (await sessions.begin(() => Session.create(host, run))).play();
  },
  async open(id, photographs) {
    await sessions.begin(() => Session.open(host, id, photographs));
  },
  async play() {
    sessions.open.play();
  },
  pause: async () => await sessions.open.pause(),
  step: async () => await sessions.open.oneStep(),
  stop: () => sessions.close(),
  abandon: () => sessions.abandon(),
  async save() {
    await sessions.open.save();
    await postRuns();
  },
  change: async (changes) => await sessions.open.change(changes),

  async plan(config, pictures) {
    checkConfig(config);
    const { parameters, bytes, flopsPerStep } = await planTraining(config, {
      bufferBytes: Number.POSITIVE_INFINITY,
      bindingBytes: Number.POSITIVE_INFINITY,
      software: gpu.current?.gpu.software ?? false,
    });
    const perEpoch = stepsPerEpoch(pictures ?? paintedCount(config.size), config.batch);
    const totalSteps = config.steps ?? config.epochs! * perEpoch;
    return { parameters, gpuBytes: bytes, totalSteps, flops: totalSteps * flopsPerStep };
  },

  augmented: async (pictures, config) =>
    (gpu.current && (await augmented(newStream(gpu.current), pictures, config)))?.pixels ?? null,
  refreshRuns: postRuns,
  async rename(id, name) {
    await store.update(id, { name });
    if (sessions.current?.id === id) sessions.current.name = name;
    await postRuns();
  },
  async duplicate(id) {
    if (sessions.current?.id === id) await sessions.current.save();
    const copy = await store.duplicate(id);
    await postRuns();
    return await store.summary(copy);
  },
  async remove(id) {
    await closeIfOpen(id);
    await checkUnlocked(id);
    await store.remove(id);
    await postRuns();
  },
  async download(id) {
    if (sessions.current?.id === id) return await sessions.current.download();
    const { bytes, step, warning } = await store.checkpoint(id);
    return { file: checkpointBlob(bytes), step, warning };
  },
  remains: async (id) => checkpointBlob(await store.remains(id)),
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
    if (newest) (await sessions.begin(() => Session.open(host, newest.id, null))).play();
    else tabs.letGo();
  },
  async leaving() {
    await sessions.current?.save();
  },
  findGpu: () => gpu.announce(),
  async endGpuWait(choice) {
    if (choice === "try now") gpu.wait.tryNow();
    else gpu.wait.giveUp();
  },
  async canvas({ canvas }) {
    gotCanvas?.(canvas);
  },
  async destroyDevice() {
    gpu.current?.gpu.device.destroy();
  },
};

/** Calls that do not wait for earlier ones. */
const atOnce: readonly CallName[] = ["augmented", "canvas", "destroyDevice", "endGpuWait", "plan", "watch"];

export async function receive({ id, name, args }: CallMessage): Promise<void> {
  const work = () => (calls[name] as (...args: unknown[]) => Promise<unknown>)(...args);
  try {
    const value = await (atOnce.includes(name) ? work() : turns.run(work));
    postMessage({ type: "answer", id, value });
  } catch (error) {
    postMessage({ type: "failure", id, message: reasonOf(error) });
  }
}
