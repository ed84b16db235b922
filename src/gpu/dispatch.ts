/**
 * Turns a kernel's work into dispatches, each with its bind group, cut to the limits of the grid and of one dispatch.
 *
 * Invariants: the dispatches of one `Work` cover its workgroups [0, workgroups) once, in order. A dispatch is encoded only
 * after `ready`: its pipeline is compiled, its buffers exist, its bind group is valid.
 */
import { type Gpu, GpuError, handled } from "./gpu.ts";
import { type Bindings, encodeSizes, orderBindings, type Sizes } from "./interface.ts";
import { launchCost, type Pacing } from "./pacing.ts";
import type { Program } from "./program.ts";
import { SizesSlots } from "./sizes.ts";
import { paddedBytes, type Tensor } from "./tensor.ts";

/** One kernel's work, before it is cut into dispatches. */
export interface Work {
  readonly program: Program;
  /** The words of the shader's `Sizes` by name. The range of workgroups, `first` and `end`, is added. */
  readonly sizes: Sizes;
  /** Tensors by the names of the shader's variables. */
  readonly bindings: Bindings;
  /** The total number of workgroups. */
  readonly workgroups: number;
  /** Nominal floating-point operations of a matrix product, taps on the padding included. Other kernels omit it. */
  readonly flops?: number;
  /** Duration, in flops of a matrix product that takes about as long. Default: `flops`. */
  readonly cost?: number;
}

/** One `dispatchWorkgroups` call with everything it needs. */
export interface Dispatch {
  readonly program: Program;
  readonly bindGroup: GPUBindGroup;
  /** The grid's size, in workgroups. */
  readonly x: number;
  readonly y: number;
  /** Like `Work.cost`, plus the launch. */
  readonly cost: number;
}

/** The validation result of a created bind group: null if it is valid. */
export type BindOutcome = Promise<GPUError | null>;

export class Dispatcher {
  private readonly sizes: SizesSlots;
  private readonly outcomes: BindOutcome[] = [];

  constructor(
    private readonly gpu: Gpu,
    private readonly pacing: Pacing,
  ) {
    this.sizes = new SizesSlots(gpu);
  }

  /**
   * Cuts work into dispatches within the grid's limits and the time budget.
   * @throws Error when sizes or bindings differ from those that the shader declares
   */
  cut({ program, sizes, bindings, workgroups, flops = 0, cost = flops }: Work): Dispatch[] {
    // Checked once here, for all dispatches and replays.
    const words = encodeSizes(program, sizes);
    const tensors = orderBindings(program, bindings);
    const dispatches: Dispatch[] = [];
    if (workgroups === 0) return dispatches;
    const widest = this.gpu.limits.workgroupsPerDimension;
    const { maxDispatchCost } = this.pacing;
    const cuts = Math.max(
      Math.ceil(workgroups / widest ** 2),
      Math.min(workgroups, Math.ceil(cost / maxDispatchCost)),
      1,
    );
    for (let cut = 0; cut < cuts; cut++) {
      const first = Math.floor((workgroups * cut) / cuts);
      const end = Math.floor((workgroups * (cut + 1)) / cuts);
      const x = Math.min(end - first, widest);
      const y = Math.ceil((end - first) / x);
      const part = (end - first) / workgroups;
      const bindGroup = this.bind(program, this.sizes.slot(first, end, words), tensors);
      dispatches.push({ program, bindGroup, x, y, cost: cost * part + launchCost });
    }
    return dispatches;
  }

  /** The outcomes of all bind groups created since the last call. */
  takeOutcomes(): BindOutcome[] {
    return this.outcomes.splice(0);
  }

  dispose(): void {
    this.sizes.dispose();
  }

  private bind(program: Program, sizes: GPUBufferBinding, tensors: readonly [number, Tensor][]): GPUBindGroup {
    const { device, counts } = this.gpu;
    counts.bindGroups++;
    device.pushErrorScope("validation");
    const bindGroup = device.createBindGroup({
      label: program.name,
      layout: program.layout,
      entries: [
        { binding: 0, resource: sizes },
        ...tensors.map(([binding, tensor]) => ({
          binding,
          resource: { buffer: tensor.buffer, offset: tensor.offset, size: paddedBytes(tensor.size) },
        })),
      ],
    });
    this.outcomes.push(handled(device.popErrorScope()));
    return bindGroup;
  }
}

/** Waits until dispatches can be encoded: pipelines, memory, valid bind groups. @throws GpuError that names the kernel */
export async function ready(gpu: Gpu, dispatches: readonly Dispatch[], outcomes: readonly BindOutcome[]) {
  const waiting = new Set<Promise<GPUComputePipeline>>();
  for (const { program } of dispatches) if (program.pipeline === null) waiting.add(program.compiled);
  if (waiting.size > 0) await Promise.all(waiting);
  await gpu.settle();
  if (outcomes.length === 0) return;
  const errors = await Promise.all(outcomes);
  check(errors.find((error) => error !== null) ?? null, dispatches);
}

/** @throws GpuError if there was a WebGPU error, naming the kernel at fault if it is known */
export function check(error: GPUError | null, dispatches: readonly Dispatch[]): void {
  if (error === null) return;
  // Dawn and wgpu quote the label of the object at fault, and every object carries its kernel's name.
  const named = dispatches.find(({ program }) => error.message.includes(`"${program.name}"`));
  const short = error.message.trim().split("\n")[0];
  throw new GpuError(named ? `${named.program.name}: ${short}` : short);
}

export function encode(pass: GPUComputePassEncoder, dispatch: Dispatch): void {
  pass.setPipeline(dispatch.program.pipeline!);
  pass.setBindGroup(0, dispatch.bindGroup);
  pass.dispatchWorkgroups(dispatch.x, dispatch.y);
}
