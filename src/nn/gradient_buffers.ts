/**
 * Who owns the buffers of a tape, and when they return to the stream's pool. The order of allocations and releases is the
 * memory plan: the next temporary reuses a released buffer, so early releases save memory.
 */
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { accumulate, add, fill } from "../kernels/elementwise.ts";
import type { Sink } from "./ops/backward.ts";

/** The pooled tensors that a tape has allocated and not yet released. */
export class Temporaries {
  private readonly owned = new Map<GPUBuffer, Tensor>();
  private readonly kept = new Set<GPUBuffer>();

  constructor(readonly stream: Stream) {}

  /** A tensor on a pooled buffer, contents undefined: released after its last use in a walk, or by `releaseAll`. */
  readonly allocate = (label: string, shape: readonly number[]): Tensor => {
    const tensor = this.stream.temporary(label, shape);
    this.owned.set(tensor.buffer, tensor);
    return tensor;
  };

  /** Keeps a temporary past its last use in a walk, until `releaseAll`: for example a loss to be displayed. */
  readonly keep = (tensor: Tensor): Tensor => {
    this.kept.add(tensor.buffer);
    return tensor;
  };

  /** Releases a temporary that will not be read again. A view releases its buffer; a tensor owned elsewhere is ignored. */
  readonly release = (tensor: Tensor): void => {
    const owner = this.owned.get(tensor.buffer);
    if (!owner) return;
    this.owned.delete(tensor.buffer);
    this.stream.release(owner);
  };

  /** Whether this very tensor was allocated here, as opposed to a reshaped view of it. */
  owns(tensor: Tensor): boolean {
    return this.owned.get(tensor.buffer) === tensor;
  }

  isKept(tensor: Tensor): boolean {
    return this.kept.has(tensor.buffer);
  }

  releaseAll(): void {
    for (const tensor of this.owned.values()) this.stream.release(tensor);
    this.owned.clear();
    this.kept.clear();
  }
}

/** The gradients of one backward walk that is not differentiated again: summed in place, released after their last use. */
export class GradientBuffers {
  private readonly gradients = new Map<Tensor, Tensor>();
  /** Gradients allocated here as sums, which nothing else refers to. */
  private readonly ownSums = new Set<Tensor>();

  /** @param sinks parameter → the tensor that its gradient must end up in */
  constructor(
    private readonly temporaries: Temporaries,
    private readonly sinks: ReadonlyMap<Tensor, Tensor>,
  ) {}

  /** The tensor into which an op may write the gradient of x directly. */
  sink(x: Tensor): Sink | undefined {
    const tensor = this.sinks.get(x);
    return tensor && { tensor, accumulate: this.gradients.has(x) };
  }

  /** gradient of x += dx. Takes over dx, unless it is the sink itself, written by the op. */
  add(x: Tensor, dx: Tensor): void {
    const { stream } = this.temporaries;
    const before = this.gradients.get(x);
    const inPlace = this.sinks.get(x) ?? (before && this.ownSums.has(before) ? before : null);
    if (inPlace) {
      if (dx !== inPlace) {
        if (!before) fill(stream, inPlace, 0);
        accumulate(stream, dx, inPlace);
        this.releaseUnshared(dx);
      }
      this.gradients.set(x, inPlace);
    } else if (before) {
      // An addition passes the same gradient to both inputs, so neither may be modified in place.
      const sum = this.temporaries.allocate("sum of gradients", x.shape);
      add(stream, before, dx, sum);
      this.ownSums.add(sum);
      this.gradients.set(x, sum);
      this.releaseUnshared(before);
      this.releaseUnshared(dx);
    } else this.gradients.set(x, dx);
  }

  /** The complete gradient of y. An op may pass it on to its inputs, so from now on it is not modified in place. */
  take(y: Tensor): Tensor | undefined {
    const dy = this.gradients.get(y);
    if (dy) this.ownSums.delete(dy);
    return dy;
  }

  /** The walk has passed the op that made y: all readers of y, its gradient and `saved` are later on the tape. */
  passed(y: Tensor, saved: readonly Tensor[]): void {
    const dy = this.gradients.get(y);
    if (dy && !this.sinks.has(y)) {
      this.gradients.delete(y);
      this.releaseUnshared(dy);
    }
    for (const tensor of [y, ...saved]) if (this.temporaries.owns(tensor)) this.releaseUnshared(tensor);
  }

  /** Called at the end of the walk: fills sinks that no gradient reached with zeros. */
  fillUnreached(): void {
    for (const [x, sink] of this.sinks) if (!this.gradients.has(x)) fill(this.temporaries.stream, sink, 0);
  }

  /** Releases a tensor unless it is kept, or its buffer is also another tensor's gradient (as a reshaped view). */
  private releaseUnshared(tensor: Tensor): void {
    if (this.temporaries.isKept(tensor)) return;
    for (const other of this.gradients.values()) if (other.buffer === tensor.buffer) return;
    this.temporaries.release(tensor);
  }
}
