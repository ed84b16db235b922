// One peer's process: opens WebGPU in Node, counts what the peer does with it, and answers compare.mjs' requests.
// The process is named after the module that it runs: child.mjs ours | tfjs | jaxjs.

import { create, globals } from "webgpu";
import { describeAdapter } from "../../dist/index.js";

const counts = { bytes: 0, peakBytes: 0, dispatches: 0 };
let adapterName = "";

/** Lets `after` see every call of a method of a WebGPU class: what it returned, and the object. */
function watch(prototype, method, after) {
  const original = prototype[method];
  prototype[method] = function (...given) {
    const result = original.apply(this, given);
    after(result, this);
    return result;
  };
}

/**
 * Every framework is counted by the same rule: bytes of all buffers from createBuffer to destroy. A buffer that is
 * left to the garbage collector counts until the end.
 */
function countBuffers() {
  const live = new WeakSet();
  watch(globals.GPUDevice.prototype, "createBuffer", (buffer) => {
    live.add(buffer);
    counts.bytes += buffer.size;
    counts.peakBytes = Math.max(counts.peakBytes, counts.bytes);
  });
  watch(globals.GPUBuffer.prototype, "destroy", (_, buffer) => {
    if (live.delete(buffer)) counts.bytes -= buffer.size;
  });
  for (const dispatch of ["dispatchWorkgroups", "dispatchWorkgroupsIndirect"]) {
    watch(globals.GPUComputePassEncoder.prototype, dispatch, () => counts.dispatches++);
  }
}

/** Every framework asks for an adapter its own way; all get the fastest. */
function openWebGpu(flags) {
  Object.assign(globalThis, globals);
  countBuffers();
  const gpu = create(flags);
  const request = globals.GPU.prototype.requestAdapter;
  globals.GPU.prototype.requestAdapter = async function (options) {
    const adapter = await request.call(this, { ...options, powerPreference: "high-performance" });
    if (adapter) adapterName = describeAdapter(adapter.info);
    return adapter;
  };
  const navigator = { gpu, userAgent: "Node.js", hardwareConcurrency: 1 };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
  return gpu;
}

// Dawn's instance crashes the process when it is collected while its devices live.
const gpu = openWebGpu(JSON.parse(process.env.PEER_DAWN_FLAGS));
const opened = await (await import(`./${process.argv[2]}.mjs`)).open(gpu);
let operations = null;

/** Wall time, and the CPU time of all of the process' threads: on a software adapter those do the GPU's work. */
async function timed(work) {
  const cpuBefore = process.cpuUsage();
  const from = performance.now();
  const result = await work();
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { seconds, cpuSeconds: (user + system) / 1e6, result };
}

const requests = {
  adapter: () => adapterName,
  begin: (setup) => opened.begin(setup),
  pictures: (step) => opened.pictures(step),
  /** One training step, from its inputs in memory to its losses in memory. */
  async step(inputs) {
    const before = counts.dispatches;
    const { result, ...times } = await timed(() => opened.step(inputs));
    return { ...times, ...result, dispatches: counts.dispatches - before };
  },
  memory: () => ({ peakBytes: counts.peakBytes, bytes: counts.bytes, own: opened.ownBytes() }),
  endTraining: () => opened.endTraining(),
  async beginOperations(inputs) {
    operations = await opened.operations(inputs);
  },
  /** Times of `repeats` calls, until the GPU is done. */
  operation: ({ name, repeats }) => timed(() => operations[name].run(repeats)),
  /** What it computed last; the next operation may overwrite it. */
  operationResult: (name) => operations[name].result(),
};

process.on("message", async ({ id, name, argument }) => {
  try {
    process.send({ id, result: await requests[name](argument) });
  } catch (error) {
    process.send({ id, error: error.stack ?? String(error) });
  }
});
process.on("disconnect", () => process.exit());
process.send({ id: 0 });
