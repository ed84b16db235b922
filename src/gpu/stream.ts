/**
 * The stream: kernels append work, and the stream runs it in order. A captured step can be replayed without building
 * anything again. The parts, in reading order: pool.ts (temporaries), dispatch.ts (work cut into dispatches),
 * pacing.ts (how much a submit holds), commands.ts (encoding), recording.ts (replay), readback.ts.
 *
 * Invariants: calls take effect in order, awaited or not. A failing call throws to its own caller, and later calls still
 * run.
 */
import { ChoiceRecord } from "./choices.ts";
import { type Command, sendCommands } from "./commands.ts";
import { type Dispatch, Dispatcher, ready, type Work } from "./dispatch.ts";
import type { Gpu } from "./gpu.ts";
import { Pacing } from "./pacing.ts";
import { TensorPool, tensorUsage } from "./pool.ts";
import { Readback } from "./readback.ts";
import { type Recording, sendRecording, validateRecording } from "./recording.ts";
import { elements, paddedBytes, Tensor } from "./tensor.ts";

export class Stream {
  /** How submits and dispatches are cut, and how many were sent. */
  readonly pacing: Pacing;
  /** The variants used by kernels that have several. */
  readonly choices = new ChoiceRecord();

  private readonly pool: TensorPool;
  private readonly dispatcher: Dispatcher;
  private readonly readback: Readback;
  /** The commands appended since the last flush. */
  private commands: Command[] = [];
  private capturing: { readonly dispatches: Dispatch[]; flops: number } | null = null;
  /** Settles when all work passed to `inOrder` so far is done. */
  private ordered: Promise<unknown> = Promise.resolve();

  constructor(readonly gpu: Gpu) {
    this.pacing = new Pacing(gpu);
    this.pool = new TensorPool(gpu);
    this.dispatcher = new Dispatcher(gpu, this.pacing);
    this.readback = new Readback(gpu);
  }

  // Tensors

  /** A tensor that lives until `destroy`: parameters, moments, pictures. Initially zero. */
  persistent(label: string, shape: readonly number[]): Tensor {
    return new Tensor(label, shape, this.gpu.createBuffer(label, paddedBytes(elements(shape)), tensorUsage));
  }

  /** A persistent tensor that contains the given numbers. */
  from(label: string, shape: readonly number[], data: ArrayLike<number>): Tensor {
    const tensor = this.persistent(label, shape);
    if (data.length !== tensor.size) {
      throw new Error(`from: ${tensor} needs ${tensor.size} numbers, got ${data.length}`);
    }
    this.write(tensor, Float32Array.from(data));
    return tensor;
  }

  destroy(tensor: Tensor): void {
    this.gpu.destroyBuffer(tensor.buffer);
  }

  /** A tensor on a pooled buffer, contents undefined. Return it with `release`. */
  temporary(label: string, shape: readonly number[]): Tensor {
    return this.pool.take(label, shape);
  }

  /** Returns a temporary's buffer to the pool. @throws Error when it is not a live temporary */
  release(tensor: Tensor): void {
    this.pool.release(tensor);
  }

  /** The number of temporaries that have not been released. */
  get liveTemporaries(): number {
    return this.pool.liveCount;
  }

  /** Destroys every pooled buffer; recordings that use them can no longer be replayed. */
  dispose(): void {
    this.pool.dispose();
    this.readback.dispose();
    this.dispatcher.dispose();
  }

  // Appending

  /**
   * Appends a kernel's work, cut into dispatches within the grid's limits and the time budget.
   * @throws Error when sizes or bindings differ from those that the shader declares
   */
  append(work: Work): void {
    const appended: Command[] = this.capturing?.dispatches ?? this.commands;
    for (const dispatch of this.dispatcher.cut(work)) appended.push(dispatch);
    if (this.capturing) this.capturing.flops += work.flops ?? 0;
  }

  /** Uploads data, in order with the kernels around it. The data is not copied: do not change it before a flush. */
  write(target: Tensor, data: ArrayBufferView<ArrayBuffer>): void {
    if (this.capturing) throw new Error(`write: ${target} cannot be written while a step is captured`);
    this.commands.push({ target, data });
  }

  // Running

  /** Submits everything appended. Resolves when it is submitted, not when it is done. @throws GpuError */
  async flush(): Promise<void> {
    if (this.capturing) throw new Error("flush: the stream cannot be flushed while a step is captured");
    const { commands } = this;
    this.commands = [];
    const outcomes = this.dispatcher.takeOutcomes();
    await this.inOrder(() => sendCommands(this.gpu, this.pacing, commands, outcomes));
  }

  /** Waits until everything appended is done. */
  async idle(): Promise<void> {
    await this.flush();
    await this.inOrder(() => this.pacing.idle());
    this.gpu.checkAlive();
  }

  /** Runs work strictly in call order: while one waits for the compiler or the GPU, later ones must not overtake it. */
  private inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.ordered.then(work).catch((error) => this.gpu.fail(error));
    // The caller of this work sees its error; later work still runs.
    this.ordered = done.catch(() => {});
    return done;
  }

  // Capturing

  /** Runs `build` once, keeping the dispatches that it appends instead of sending them. @throws GpuError */
  async capture(label: string, build: () => void): Promise<Recording> {
    if (this.capturing) throw new Error(`capture: ${label} cannot start inside another capture`);
    await this.flush();
    const capturing = { label, dispatches: [] as Dispatch[], flops: 0 };
    this.capturing = capturing;
    try {
      build();
    } finally {
      this.capturing = null;
    }
    const outcomes = this.dispatcher.takeOutcomes();
    await this.inOrder(async () => {
      await ready(this.gpu, capturing.dispatches, outcomes);
      await validateRecording(this.gpu, capturing);
    });
    return capturing;
  }

  /** Runs a recording again. @throws Error while a temporary is live, since the recording may use its buffer */
  async replay(recording: Recording): Promise<void> {
    const { liveTemporaries } = this;
    if (liveTemporaries > 0) {
      throw new Error(`replay: ${recording.label} would overwrite ${liveTemporaries} live temporaries`);
    }
    await Promise.all([this.flush(), this.inOrder(() => sendRecording(this.gpu, this.pacing, recording))]);
  }

  // Reading back

  /** The tensor's numbers at this point of the stream. The stream does not wait for the read. */
  async read(source: Tensor): Promise<Float32Array> {
    return new Float32Array(await this.readBytes(source)).subarray(0, source.size);
  }

  /** The tensor's bytes, for tensors that hold u32 or packed pixels. */
  async readBytes(source: Tensor): Promise<ArrayBuffer> {
    if (this.capturing) throw new Error(`read: ${source} cannot be read while a step is captured`);
    const copy = this.readback.begin(source);
    this.commands.push(copy);
    return await this.readback.finish(copy, this.flush());
  }
}
