/**
 * The stream: kernels append dispatches, the stream encodes and submits them, in order, in submits short enough that no
 * watchdog fires and no desktop freezes. What was appended can be captured and replayed without building anything anew.
 */
import { type Gpu, GpuError } from "./gpu.ts";
import { type Bindings, encodeSizes, orderBindings, type Sizes } from "./interface.ts";
import type { Program } from "./program.ts";
import { SizesSlots } from "./sizes.ts";
import { elements, paddedBytes, Tensor } from "./tensor.ts";

/** One kernel's work, before the stream cuts it to what a dispatch and a submit may hold. */
export interface Work {
  readonly program: Program;
  /** The words of the shader's `Sizes` by name. The stream adds the range of tiles, `first` and `end`. */
  readonly sizes: Sizes;
  /** Tensors by the names of the shader's variables. */
  readonly bindings: Bindings;
  /** Workgroups in all; a tile is what one workgroup does. */
  readonly tiles: number;
  /** Floating-point operations of a product, nominal: taps on the padding included. Other kernels leave it out. */
  readonly flops?: number;
  /** What it takes, in flops of a product that takes about as long; `flops` where left out. */
  readonly cost?: number;
}

interface Dispatch {
  readonly program: Program;
  readonly bindGroup: GPUBindGroup;
  readonly x: number;
  readonly y: number;
  readonly cost: number;
}

interface Write {
  readonly target: Tensor;
  readonly data: ArrayBufferView<ArrayBuffer>;
}

interface Copy {
  readonly source: Tensor;
  readonly staging: GPUBuffer;
}

type Command = Dispatch | Write | Copy;

/** A captured list of dispatches with everything they need; `Stream.replay` runs it again. */
export interface Recording {
  readonly label: string;
  readonly dispatches: readonly Dispatch[];
  /** Nominal floating-point operations of one replay. */
  readonly flops: number;
}

/** Bytes and operations on one scale: a dispatch costs at least what its launch does. */
const launchCost = 20_000;
/** Flops per millisecond of the slowest adapters of a kind: assumed until the first submits were timed. */
const firstRate = { software: 1e6, hardware: 5e7 };
/** Cost that one dispatch may have: 100 ms on two CPU cores, or at 200 GFLOP/s. It is fixed when a step is captured. */
const longestDispatch = { software: 2e8, hardware: 2e10 };
/** A submit shorter than this, in milliseconds, cannot be timed. */
const shortestTimed = 0.5;
/** A submit in flight keeps the GPU busy while the next is encoded; more would only let them pile up. */
const submitsInFlight = 3;
const storageUsage = 0x80 | 0x4 | 0x8; // STORAGE | COPY_SRC | COPY_DST

export class Stream {
  /** Submits are cut so that each runs about this long, in milliseconds. */
  submitBudget = 100;
  /** Dispatches above this cost are cut by tile range. */
  maxDispatchCost: number;
  /** How many submits and dispatches were sent so far. */
  submits = 0;
  dispatches = 0;

  private commands: Command[] = [];
  private capturing: { dispatches: Dispatch[]; flops: number } | null = null;
  /** Flops per millisecond, as measured; adapts to the adapter and to how busy it is. */
  private rate: number;
  private readonly free = new Map<number, GPUBuffer[]>();
  private readonly temporaries = new Set<GPUBuffer>();
  private readonly staging = new Map<number, GPUBuffer[]>();
  private readonly sizes: SizesSlots;
  private readonly inFlight: Promise<void>[] = [];
  /** What WebGPU said of the bind groups since the last flush or capture. */
  private readonly bindErrors: Promise<GPUError | null>[] = [];
  /** Settles when all work handed to `inOrder` so far is submitted. */
  private ordered: Promise<unknown> = Promise.resolve();
  private lastDone = 0;

  constructor(readonly gpu: Gpu) {
    this.sizes = new SizesSlots(gpu);
    const kind = gpu.software ? "software" : "hardware";
    this.rate = firstRate[kind];
    this.maxDispatchCost = longestDispatch[kind];
  }

  // Tensors

  /** A tensor that stays until `destroy`: parameters, moments, pictures. Zero at first. */
  persistent(label: string, shape: readonly number[]): Tensor {
    return new Tensor(label, shape, this.gpu.createBuffer(label, paddedBytes(elements(shape)), storageUsage));
  }

  /** A persistent tensor with these numbers in it. */
  from(label: string, shape: readonly number[], data: ArrayLike<number>): Tensor {
    const tensor = this.persistent(label, shape);
    if (data.length !== tensor.size) {
      throw new Error(`from: ${tensor} needs ${tensor.size} numbers, came ${data.length}`);
    }
    this.write(tensor, Float32Array.from(data));
    return tensor;
  }

  destroy(tensor: Tensor): void {
    this.gpu.destroyBuffer(tensor.buffer);
  }

  /**
   * A tensor on a pooled buffer, contents undefined. Giving it back with `release` lets the next temporary reuse the
   * buffer at once, since commands run in order: the order of allocations and releases is the memory plan.
   */
  temporary(label: string, shape: readonly number[]): Tensor {
    const need = paddedBytes(elements(shape));
    let best = 0;
    for (const [bytes, buffers] of this.free) {
      if (bytes >= need && bytes <= 2 * need && buffers.length > 0 && (best === 0 || bytes < best)) best = bytes;
    }
    const buffer = best > 0 ? this.free.get(best)!.pop()! : this.gpu.createBuffer(label, need, storageUsage);
    this.temporaries.add(buffer);
    return new Tensor(label, shape, buffer);
  }

  /** Gives a temporary's buffer back. @throws when it is not one, or was given back already. */
  release(tensor: Tensor): void {
    if (!this.temporaries.delete(tensor.buffer)) {
      throw new Error(`release: ${tensor} is no live temporary (given back twice, or a persistent tensor)`);
    }
    const { size } = tensor.buffer;
    const buffers = this.free.get(size);
    if (buffers) buffers.push(tensor.buffer);
    else this.free.set(size, [tensor.buffer]);
  }

  /** Temporaries that nobody gave back yet. */
  get liveTemporaries(): number {
    return this.temporaries.size;
  }

  /** Gives every pooled buffer back to the GPU; recordings that used them are of no use any more. */
  dispose(): void {
    const pooled = [...this.free.values(), ...this.staging.values()].flat();
    for (const buffer of pooled) this.gpu.destroyBuffer(buffer);
    this.free.clear();
    this.staging.clear();
    this.sizes.dispose();
  }

  /**
   * Takes a measured rate for the adapter's: submits and dispatches are cut by it. Numbers do not depend on it.
   * @param rate in flops of a product per millisecond
   */
  assumeRate(rate: number): void {
    this.rate = rate;
    // Half of a submit's budget, as a GPU that others use too may be half as fast at another time.
    this.maxDispatchCost = Math.max(this.maxDispatchCost, (rate * this.submitBudget) / 2);
  }

  // Appending

  /**
   * Appends a kernel's work, cut into dispatches that the grid's limits and the time budget allow.
   * @throws Error when sizes or bindings are not those that the shader declares
   */
  append({ program, sizes, bindings, tiles, flops = 0, cost = flops }: Work): void {
    // Checked here, once for all dispatches and replays.
    const words = encodeSizes(program, sizes);
    const tensors = orderBindings(program, bindings);
    if (tiles === 0) return;
    const widest = this.gpu.limits.workgroupsPerDimension;
    const cuts = Math.max(Math.ceil(tiles / widest ** 2), Math.min(tiles, Math.ceil(cost / this.maxDispatchCost)), 1);
    for (let cut = 0; cut < cuts; cut++) {
      const first = Math.floor((tiles * cut) / cuts);
      const end = Math.floor((tiles * (cut + 1)) / cuts);
      const x = Math.min(end - first, widest);
      const y = Math.ceil((end - first) / x);
      const part = (end - first) / tiles;
      const bindGroup = this.bind(program, this.sizes.slot(first, end, words), tensors);
      const dispatch = { program, bindGroup, x, y, cost: cost * part + launchCost };
      if (this.capturing) this.capturing.dispatches.push(dispatch);
      else this.commands.push(dispatch);
    }
    if (this.capturing) this.capturing.flops += flops;
  }

  /** Uploads numbers, in order with the kernels around it. The data is not copied: do not change it before a flush. */
  write(target: Tensor, data: ArrayBufferView<ArrayBuffer>): void {
    if (this.capturing) throw new Error(`write: ${target} cannot be written while a step is captured`);
    this.commands.push({ target, data });
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
    this.bindErrors.push(handled(device.popErrorScope()));
    return bindGroup;
  }

  // Running

  /** Runs what was appended. Resolves when it is submitted (not when it is done). @throws GpuError */
  async flush(): Promise<void> {
    if (this.capturing) throw new Error("flush: not while a step is captured");
    const { commands } = this;
    this.commands = [];
    const bindErrors = this.bindErrors.splice(0);
    await this.inOrder(() => this.send(commands, bindErrors));
  }

  /** Waiting for a compiler or for the GPU must not let work overtake what was handed over before it. */
  private inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.ordered.then(work).catch((error) => this.gpu.fail(error));
    // Whoever waits for a piece of work sees its error; the next piece runs all the same.
    this.ordered = done.catch(() => {});
    return done;
  }

  private async send(commands: readonly Command[], bindErrors: readonly Promise<GPUError | null>[]): Promise<void> {
    const { device } = this.gpu;
    // A step's own numbers: nothing to wait for, nothing to watch.
    if (commands.every((command) => "data" in command)) {
      for (const { target, data } of commands as Write[]) {
        device.queue.writeBuffer(target.buffer, target.offset, data.buffer, data.byteOffset, data.byteLength);
      }
      return;
    }
    await this.ready(commands, bindErrors);
    device.pushErrorScope("validation");
    let error: Promise<GPUError | null>;
    try {
      await this.encodeAll(commands);
    } finally {
      error = device.popErrorScope();
    }
    this.check(await error, commands);
    await this.pace();
  }

  private async encodeAll(commands: readonly Command[]): Promise<void> {
    const { device } = this.gpu;
    let encoder: GPUCommandEncoder | null = null;
    let pass: GPUComputePassEncoder | null = null;
    let cost = 0;
    const submit = () => {
      pass?.end();
      if (encoder) this.submit(encoder.finish(), cost);
      encoder = pass = null;
      cost = 0;
    };
    for (const command of commands) {
      if ("program" in command) {
        if (cost > 0 && cost + command.cost > this.rate * this.submitBudget) {
          submit();
          await this.pace();
        }
        encoder ??= device.createCommandEncoder({ label: "stream" });
        pass ??= encoder.beginComputePass({ label: "stream" });
        encode(pass, command);
        this.dispatches++;
        cost += command.cost;
      } else if ("data" in command) {
        submit();
        const { target, data } = command;
        device.queue.writeBuffer(target.buffer, target.offset, data.buffer, data.byteOffset, data.byteLength);
      } else {
        encoder ??= device.createCommandEncoder({ label: "stream" });
        (pass as GPUComputePassEncoder | null)?.end();
        pass = null;
        const { source, staging } = command;
        encoder.copyBufferToBuffer(source.buffer, source.offset, staging, 0, paddedBytes(source.size));
      }
    }
    submit();
  }

  /** Waits for what commands need: pipelines, memory, valid bind groups. @throws GpuError */
  private async ready(commands: readonly Command[], bindErrors: readonly Promise<GPUError | null>[]): Promise<void> {
    const waiting = new Set<Promise<GPUComputePipeline>>();
    for (const command of commands) {
      if ("program" in command && command.program.pipeline === null) waiting.add(command.program.compiled);
    }
    if (waiting.size > 0) await Promise.all(waiting);
    await this.gpu.settle();
    if (bindErrors.length === 0) return;
    const errors = await Promise.all(bindErrors);
    this.check(errors.find((error) => error !== null) ?? null, commands);
  }

  private check(error: GPUError | null, commands: readonly Command[]): void {
    if (error !== null) throw new GpuError(this.nameKernel(error.message, commands));
  }

  /** Dawn and wgpu quote the labels of what was wrong; every object carries its kernel's name. */
  private nameKernel(message: string, commands: readonly Command[]): string {
    const named = commands.find((command) => "program" in command && message.includes(`"${command.program.name}"`));
    const short = message.trim().split("\n")[0];
    return named && "program" in named ? `${named.program.name}: ${short}` : short;
  }

  private submit(buffer: GPUCommandBuffer, cost: number): void {
    const { queue } = this.gpu.device;
    queue.submit([buffer]);
    this.submits++;
    const sent = performance.now();
    const done = queue.onSubmittedWorkDone().then(() => {
      const now = performance.now();
      const took = now - Math.max(sent, this.lastDone);
      this.lastDone = now;
      const measured = cost / Math.max(took, shortestTimed);
      // A submit of a few launches measures those; one too short to be timed only says that the rate is higher.
      const telling = took > shortestTimed ? cost > 50 * launchCost : measured > this.rate;
      if (telling) this.rate += (measured - this.rate) * 0.25;
    });
    this.inFlight.push(handled(done));
  }

  /** Waits until the GPU has room for another submit. */
  private async pace(): Promise<void> {
    while (this.inFlight.length >= submitsInFlight) await this.inFlight.shift();
  }

  /** Waits until everything that was appended is done. */
  async idle(): Promise<void> {
    await this.flush();
    await this.inOrder(() => Promise.all(this.inFlight.splice(0)));
    this.gpu.checkAlive();
  }

  // Capturing

  /** Runs `build` once, keeping the dispatches that it appends instead of sending them. */
  async capture(label: string, build: () => void): Promise<Recording> {
    if (this.capturing) throw new Error(`capture: ${label} cannot start inside another capture`);
    await this.flush();
    const capturing: { dispatches: Dispatch[]; flops: number } = { dispatches: [], flops: 0 };
    this.capturing = capturing;
    try {
      build();
    } finally {
      this.capturing = null;
    }
    const { dispatches } = capturing;
    const bindErrors = this.bindErrors.splice(0);
    await this.inOrder(async () => {
      await this.ready(dispatches, bindErrors);
      // Encoded once without being sent: a replay is not watched, so what WebGPU rejects has to show here.
      const { device } = this.gpu;
      device.pushErrorScope("validation");
      const encoder = device.createCommandEncoder({ label });
      const pass = encoder.beginComputePass({ label });
      for (const dispatch of dispatches) encode(pass, dispatch);
      pass.end();
      encoder.finish();
      this.check(await device.popErrorScope(), dispatches);
    });
    return { label, ...capturing };
  }

  /**
   * Runs a recording again. Every pooled buffer is the recording's to use meanwhile, so no temporary may be live.
   * Nothing is allocated but WebGPU's own encoder objects.
   */
  async replay(recording: Recording): Promise<void> {
    if (this.temporaries.size > 0) {
      throw new Error(`replay: ${recording.label} would overwrite ${this.temporaries.size} live temporaries`);
    }
    await Promise.all([this.flush(), this.inOrder(() => this.sendRecording(recording))]);
  }

  private async sendRecording(recording: Recording): Promise<void> {
    this.gpu.checkAlive();
    const { device } = this.gpu;
    const { dispatches } = recording;
    for (let i = 0; i < dispatches.length; ) {
      const encoder = device.createCommandEncoder(recording);
      const pass = encoder.beginComputePass(recording);
      let cost = 0;
      do {
        cost += dispatches[i].cost;
        encode(pass, dispatches[i++]);
      } while (i < dispatches.length && cost + dispatches[i].cost <= this.rate * this.submitBudget);
      pass.end();
      this.submit(encoder.finish(), cost);
      if (this.inFlight.length >= submitsInFlight) await this.pace();
    }
    this.dispatches += dispatches.length;
  }

  // Reading back

  /** The tensor's numbers at this point of the stream. The stream goes on meanwhile. */
  async read(source: Tensor): Promise<Float32Array> {
    return new Float32Array(await this.readBytes(source)).subarray(0, source.size);
  }

  /** The tensor's bytes, for tensors that hold u32 or packed pixels. */
  async readBytes(source: Tensor): Promise<ArrayBuffer> {
    if (this.capturing) throw new Error(`read: ${source} cannot be read while a step is captured`);
    const bytes = paddedBytes(source.size);
    const staging = this.staging.get(bytes)?.pop() ?? this.gpu.createBuffer("readback", bytes, 0x1 | 0x8); // MAP_READ | COPY_DST
    this.commands.push({ source, staging });
    let copy: ArrayBuffer;
    try {
      await this.flush();
      await staging.mapAsync(0x1);
      // If the device is lost at this point, the mapping is gone.
      copy = staging.getMappedRange().slice(0);
      staging.unmap();
    } catch (error) {
      this.gpu.destroyBuffer(staging);
      return await this.gpu.fail(error, `read: ${source}`);
    }
    const pooled = this.staging.get(bytes);
    if (pooled) pooled.push(staging);
    else this.staging.set(bytes, [staging]);
    return copy;
  }
}

/** A promise whose error is seen by whoever awaits it later, and does not end the process before. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function encode(pass: GPUComputePassEncoder, dispatch: Dispatch): void {
  pass.setPipeline(dispatch.program.pipeline!);
  pass.setBindGroup(0, dispatch.bindGroup);
  pass.dispatchWorkgroups(dispatch.x, dispatch.y);
}
