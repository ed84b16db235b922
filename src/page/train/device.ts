/** The page's GPU: finding, describing and measuring it, progress while it compiles, and reopening it after a loss. */
import { paintCats } from "../../data/painted.ts";
import { Gpu, GpuError } from "../../gpu/gpu.ts";
import { Stream } from "../../gpu/stream.ts";
import { presets } from "../../train/config.ts";
import { Trainer } from "../../train/trainer.ts";
import type { Adapter, Speed } from "../protocol.ts";

/** A device and how long its submits may take, in milliseconds: less after one was lost. */
export interface Device {
  gpu: Gpu;
  submitBudget: number;
}

export type OnProgress = (what: string, done: number, total: number) => void;

/** There is no GPU to train on. */
export class NoGpuError extends Error {
  constructor(readonly adapter: Adapter & { kind: "none" }) {
    super(adapter.detail);
  }
}

/** @throws NoGpuError */
export async function openDevice(onProgress: OnProgress, submitBudget = 100): Promise<Device> {
  // A page that is not served over https or from localhost has no `navigator.gpu` either.
  const { gpu: webgpu } = navigator as Navigator & { gpu?: GPU };
  if (!webgpu) throw new NoGpuError({ kind: "none", reason: "no WebGPU", detail: "this browser has no WebGPU" });
  const adapter = await webgpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter)
    throw new NoGpuError({ kind: "none", reason: "no adapter", detail: "the browser offers no GPU at the moment" });
  let gpu: Gpu;
  try {
    gpu = await Gpu.open(adapter);
  } catch (error) {
    if (!(error instanceof GpuError)) throw error;
    throw new NoGpuError({ kind: "none", reason: "too small", detail: error.message });
  }
  watchCompilation(gpu.device, onProgress);
  return { gpu, submitBudget };
}

/** A stream for one trainer: its buffers and its choice of kernels belong to that trainer alone. */
export function newStream({ gpu, submitBudget }: Device): Stream {
  const stream = new Stream(gpu);
  stream.pacing.submitBudget = submitBudget;
  return stream;
}

export function describe({ gpu }: Device): Adapter {
  return { kind: "found", name: gpu.name, software: gpu.software };
}

/** Counts the device's pipelines as they are asked for and as they become ready. */
function watchCompilation(device: GPUDevice, onProgress: OnProgress): void {
  let done = 0;
  let total = 0;
  const create = device.createComputePipelineAsync.bind(device);
  device.createComputePipelineAsync = async (descriptor) => {
    onProgress("compiling shaders", done, ++total);
    try {
      return await create(descriptor);
    } finally {
      onProgress("compiling shaders", ++done, total);
    }
  };
}

/** How long is measured, in milliseconds. */
const measured = 1000;
/** Steps whose losses may be unread. */
const unread = 32;

/**
 * Trains the smallest preset for a second, after a few steps that are not counted.
 * @param signal ends it early, when the user wants to train
 * @returns null when it ended early
 */
export async function measure(device: Device, signal: AbortSignal): Promise<Speed | null> {
  const config = presets.tiny;
  const stream = newStream(device);
  const trainer = new Trainer(stream, config, paintCats(config.size, config.batch, config.seed));
  const train = async (goOn: () => boolean) => {
    const first = trainer.step;
    while (goOn() && !signal.aborted) {
      await trainer.trainStep();
      if (trainer.step % unread === 0) await trainer.readRecords();
    }
    await stream.idle();
    return trainer.step - first;
  };
  try {
    await trainer.prepare();
    await train(() => trainer.step < 2);
    const began = performance.now();
    const steps = await train(() => performance.now() - began < measured);
    const seconds = (performance.now() - began) / 1000;
    if (signal.aborted) return null;
    return {
      picturesPerSecond: (steps * config.batch) / seconds,
      flopsPerSecond: (steps * trainer.flopsPerStep) / seconds,
    };
  } finally {
    trainer.destroy();
    stream.dispose();
  }
}
