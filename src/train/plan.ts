/**
 * What a configuration costs, computed without a GPU: the trainer is built on a simulated device that only counts, so
 * buffers and dispatches are exactly those of training.
 */

import type { Choices } from "../gpu/choices.ts";
import { Gpu, inMebibytes, LimitError } from "../gpu/gpu.ts";
import { type ProgramSource, program, programsOf } from "../gpu/program.ts";
import { Stream } from "../gpu/stream.ts";
import { type Convolution, convolutionsUsed } from "../kernels/choices.ts";
import type { Config } from "./config.ts";
import { Trainer } from "./trainer.ts";

export interface Plan {
  /** Trainable parameters. */
  parameters: { g: number; d: number };
  /** GPU memory of training, preview and checkpoints, without the data set. */
  bytes: number;
  /** Nominal floating-point operations of a step: the mean over steps with and without penalties. */
  flopsPerStep: number;
  /** Dispatches of a step (as `Trainer.dispatchesPerStep`), before the stream splits those that would take too long. */
  dispatchesPerStep: number;
  /** The programs that training and its preview run, under the given variants. */
  programs: ProgramSource[];
  /** The passes of convolutions and dense layers in training and its preview. */
  convolutions: Convolution[];
}

/** The properties of an adapter that decide what fits. */
export interface PlanLimits {
  bufferBytes: number;
  bindingBytes: number;
  software: boolean;
}

/** A configuration is too large for an adapter. */
export class TooLargeError extends Error {
  constructor(
    /** What is too large. */
    readonly obstacle: string,
    /** A smaller batch that fits; null where none does. */
    readonly batch: number | null,
  ) {
    super(obstacle);
  }
}

/** As `planTraining`, with advice. @throws TooLargeError where the adapter's limits are too small */
export async function planWithin(config: Config, limits: PlanLimits, choices?: Choices): Promise<Plan> {
  const planFor = async (batch: number): Promise<Plan | LimitError> => {
    try {
      return await planTraining({ ...config, batch }, limits, choices);
    } catch (error) {
      if (!(error instanceof LimitError)) throw error;
      return error;
    }
  };
  const plan = await planFor(config.batch);
  if (!(plan instanceof LimitError)) return plan;
  // Without the kernel's own advice, which ignores everything else that training needs.
  const { obstacle } = plan;
  for (let batch = Math.floor(config.batch / 2); batch >= 1; batch = Math.floor(batch / 2)) {
    if (!((await planFor(batch)) instanceof LimitError)) throw new TooLargeError(obstacle, batch);
  }
  throw new TooLargeError(obstacle, null);
}

/** Starts compiling a plan's programs without waiting, so that the compiler works while pictures are painted or read. */
export function compileAhead(gpu: Gpu, { programs }: Plan): void {
  for (const { files, constants } of programs) program(gpu, files, constants);
}

/**
 * @param choices kernel variants, as a checkpoint records them; by default those of the table
 * @throws LimitError that says what is too large, when the configuration does not fit the limits
 */
export async function planTraining(config: Config, planLimits: PlanLimits, choices?: Choices): Promise<Plan> {
  const gpu = await Gpu.open(paperAdapter(planLimits));
  const { size, batch } = config;
  const pictures = { size, count: batch, pixels: new Uint8Array(batch * size ** 2 * 3) };
  const stream = new Stream(gpu);
  if (choices) stream.choices.chosen = choices;
  stream.pacing.maxDispatchCost = Number.POSITIVE_INFINITY;
  const trainer = new Trainer(stream, config, pictures);
  await trainer.prepare();
  await trainer.previewSampler.draw();
  const { model, batches, flopsPerStep, dispatchesPerStep } = trainer;
  const { g, d, singular, running } = model;
  // A checkpoint is read back through one buffer for every size of arena.
  const readbacks = [g.values, d.values, running, ...(singular ? [singular] : [])].reduce(
    (sum, { all }) => sum + all.bytes,
    0,
  );
  const bytes = gpu.counts.bytes - batches.pixels.buffer.size + readbacks;
  const parameters = { g: g.count, d: d.count };
  const [programs, convolutions] = [programsOf(gpu), convolutionsUsed(stream)];
  return { parameters, bytes, flopsPerStep, dispatchesPerStep, programs, convolutions };
}

/** A simulated adapter: the part of WebGPU that the stream uses. It counts and checks limits, and computes nothing. */
export function paperAdapter({ bufferBytes, bindingBytes, software }: PlanLimits): GPUAdapter {
  const pass = { setPipeline() {}, setBindGroup() {}, dispatchWorkgroups() {}, end() {} };
  const encoder = { beginComputePass: () => pass, copyBufferToBuffer() {}, finish: () => ({}) };
  const limits = {
    maxBufferSize: bufferBytes,
    maxStorageBufferBindingSize: bindingBytes,
    maxComputeWorkgroupsPerDimension: 65_535,
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupSizeX: 256,
    maxComputeWorkgroupStorageSize: 32_768,
    maxStorageBuffersPerShaderStage: 8,
    minStorageBufferOffsetAlignment: 256,
    minUniformBufferOffsetAlignment: 256,
  };
  const device = {
    limits,
    lost: new Promise(() => {}),
    queue: { writeBuffer() {}, submit() {}, onSubmittedWorkDone: async () => {} },
    createBuffer: ({ size }: GPUBufferDescriptor) => ({
      size,
      mapAsync: async () => {},
      getMappedRange: () => new ArrayBuffer(size),
      unmap() {},
      destroy() {},
    }),
    createBindGroupLayout: () => ({}),
    createBindGroup: ({ label, entries }: GPUBindGroupDescriptor) => {
      for (const { resource } of entries) {
        const { size } = resource as GPUBufferBinding;
        if (size! > bindingBytes) {
          throw new LimitError(
            `${label}: needs a binding of ${inMebibytes(size!)}, this GPU allows ${inMebibytes(bindingBytes)}`,
          );
        }
      }
      return {};
    },
    createPipelineLayout: () => ({}),
    createShaderModule: () => ({}),
    createComputePipelineAsync: async () => ({}),
    createCommandEncoder: () => encoder,
    pushErrorScope() {},
    popErrorScope: async () => null,
  };
  const info = { description: "paper", isFallbackAdapter: software };
  return { limits, info, features: new Set(), requestDevice: async () => device } as unknown as GPUAdapter;
}
