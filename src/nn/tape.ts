/**
 * The tape: reverse-mode differentiation as a list. An op computes its output and records its inputs and one function
 * per input that turns the output's gradient into that input's; going through the list backwards is the chain rule.
 * Those functions are made of ops too, so a gradient can itself be recorded and differentiated (R1 needs that).
 */
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { accumulate, fill, add as kernelAdd } from "../kernels/elementwise.ts";

/** Where a parameter's gradient is to go, so that no copy is needed: added to what is there, or written over it. */
export interface Sink {
  readonly tensor: Tensor;
  readonly accumulate: boolean;
}

/**
 * dy → the gradient of one input. An op that can write into the sink returns `sink.tensor`; one that cannot ignores it
 * and the tape adds up.
 */
export type Backward = (dy: Tensor, sink?: Sink) => Tensor;

/**
 * dy → the gradients of all inputs, for an op whose kernel computes them together. `asked` is null for an input whose
 * gradient nobody needs, and so may the result be. Inputs are different tensors.
 */
export type JointBackward = (
  dy: Tensor,
  asked: readonly ({ readonly sink?: Sink } | null)[],
) => readonly (Tensor | null)[];

export interface Node {
  readonly op: string;
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  /** One for each input, null where an input has no gradient; or one for all. */
  readonly backward: readonly (Backward | null)[] | JointBackward;
  /** Temporaries that only `backward` needs; given back with the output. */
  readonly saved: Tensor[];
}

/** A tensor to differentiate and the gradient that comes in from above, of the same shape. */
export interface Root {
  readonly y: Tensor;
  readonly dy: Tensor;
}

export class Tape {
  private nodes: Node[] = [];
  private readonly temporaries = new Map<GPUBuffer, Tensor>();
  private readonly kept = new Set<GPUBuffer>();
  private recording = true;

  constructor(readonly stream: Stream) {}

  /** A tensor on a pooled buffer, owned by the tape: given back after its last use in `gradientsInto`, or by `reset`. */
  temporary(label: string, shape: readonly number[]): Tensor {
    const tensor = this.stream.temporary(label, shape);
    this.temporaries.set(tensor.buffer, tensor);
    return tensor;
  }

  /** Records what an op computed. Returns the output. */
  record(
    op: string,
    inputs: readonly Tensor[],
    output: Tensor,
    backward: Node["backward"],
    saved: Tensor[] = [],
  ): Tensor {
    if (this.recording) this.nodes.push({ op, inputs, output, backward, saved });
    return output;
  }

  get isRecording(): boolean {
    return this.recording;
  }

  /** Keeps a temporary past its last use in `gradientsInto`, until `reset`: a loss that is still to be shown. */
  keep(tensor: Tensor): Tensor {
    this.kept.add(tensor.buffer);
    return tensor;
  }

  /** The same numbers without their history: no gradient flows through. */
  detach(x: Tensor): Tensor {
    return x.reshape(x.shape);
  }

  /** Runs `compute` without recording, for pictures drawn between steps. */
  noGrad<Result>(compute: () => Result): Result {
    const before = this.recording;
    this.recording = false;
    try {
      return compute();
    } finally {
      this.recording = before;
    }
  }

  /**
   * The gradients of Σ roots with respect to `wrt`, recorded themselves, so that they can be differentiated again.
   * @throws Error when one of `wrt` has no path to a root.
   */
  gradients(roots: readonly Root[], wrt: readonly Tensor[]): Tensor[] {
    const found = this.backward(roots, new Map(wrt.map((tensor) => [tensor, null])), true);
    return wrt.map((tensor) => {
      const gradient = found.get(tensor);
      if (!gradient) throw new Error(`gradients: ${tensor} has no path to ${roots.map(({ y }) => y).join(", ")}`);
      return gradient;
    });
  }

  /**
   * Writes the gradients of Σ roots into the given tensors (zeros where there is no path). This is the last use of the
   * nodes on the way: what they held is given back as the walk passes.
   * @param sinks parameter → where its gradient goes
   */
  gradientsInto(roots: readonly Root[], sinks: ReadonlyMap<Tensor, Tensor>): void {
    const found = this.backward(roots, sinks, false);
    for (const [parameter, sink] of sinks) if (!found.has(parameter)) fill(this.stream, sink, 0);
  }

  private backward(
    roots: readonly Root[],
    wrt: ReadonlyMap<Tensor, Tensor | null>,
    again: boolean,
  ): Map<Tensor, Tensor> {
    // What depends on wrt: only along these are gradients computed.
    const needed = new Set<Tensor>(wrt.keys());
    for (const { inputs, output } of this.nodes) if (inputs.some((input) => needed.has(input))) needed.add(output);

    const gradients = new Map<Tensor, Tensor>();
    const sums = new Set<Tensor>();
    const accumulateInto = (input: Tensor, gradient: Tensor, sink: Sink | undefined) => {
      if (gradient.shape.join() !== input.shape.join()) {
        throw new Error(`backward: the gradient ${gradient} does not have the shape of ${input}`);
      }
      const before = gradients.get(input);
      if (sink) {
        if (gradient !== sink.tensor) {
          if (!sink.accumulate) fill(this.stream, sink.tensor, 0);
          accumulate(this.stream, gradient, sink.tensor);
          this.releaseGradient(gradient, gradients);
        }
        gradients.set(input, sink.tensor);
      } else if (!before) gradients.set(input, gradient);
      else if (again) gradients.set(input, addRecorded(this, before, gradient));
      else if (sums.has(before)) {
        accumulate(this.stream, gradient, before);
        this.releaseGradient(gradient, gradients);
      } else {
        // `before` may be shared (an addition hands the same gradient to both sides), so it is not added to in place.
        const sum = this.temporary("sum of gradients", input.shape);
        kernelAdd(this.stream, before, gradient, sum);
        sums.add(sum);
        gradients.set(input, sum);
        this.releaseGradient(before, gradients);
        this.releaseGradient(gradient, gradients);
      }
    };

    for (const { y, dy } of roots) {
      if (!needed.has(y)) throw new Error(`backward: ${y} does not depend on what it is to be differentiated by`);
      if (dy.shape.join() !== y.shape.join()) throw new Error(`backward: dy ${dy} needs the shape of ${y}`);
      const target = wrt.get(y);
      accumulateInto(y, dy, target ? { tensor: target, accumulate: gradients.has(y) } : undefined);
    }

    const count = this.nodes.length;
    const passed = new Set<Node>();
    const walk = () => {
      // Backwards from the last node there was: what the walk itself records comes after it.
      for (let n = count - 1; n >= 0; n--) {
        const node = this.nodes[n];
        const dy = gradients.get(node.output);
        if (!dy) continue;
        // An op may hand this very gradient on to several inputs, so nothing is added to it in place any more.
        sums.delete(dy);
        const sinkOf = (input: Tensor): Sink | undefined => {
          const target = wrt.get(input);
          return target ? { tensor: target, accumulate: gradients.has(input) } : undefined;
        };
        const { inputs, backward } = node;
        if (typeof backward === "function") {
          const asked = inputs.map((input) => (needed.has(input) ? { sink: sinkOf(input) } : null));
          const results = backward(dy, asked);
          for (const [i, input] of inputs.entries()) if (asked[i]) accumulateInto(input, results[i]!, asked[i].sink);
        } else {
          for (const [i, input] of inputs.entries()) {
            const one = backward[i];
            if (!one || !needed.has(input)) continue;
            const sink = sinkOf(input);
            accumulateInto(input, one(dy, sink), sink);
          }
        }
        if (again) continue;
        // Everything that reads this output or its gradient was recorded later, so it was passed already.
        passed.add(node);
        if (!wrt.has(node.output)) {
          gradients.delete(node.output);
          this.releaseGradient(dy, gradients);
        }
        for (const tensor of [node.output, ...node.saved]) {
          if (this.temporaries.get(tensor.buffer) === tensor) this.releaseGradient(tensor, gradients);
        }
      }
    };
    if (again) walk();
    else {
      this.noGrad(walk);
      this.nodes = this.nodes.filter((node) => !passed.has(node));
    }
    return gradients;
  }

  /** Gives a buffer back, unless it is kept, not the tape's, or (a reshaped view) still somebody's gradient. */
  private releaseGradient(tensor: Tensor, gradients: ReadonlyMap<Tensor, Tensor>): void {
    const { buffer } = tensor;
    if (this.kept.has(buffer)) return;
    for (const other of gradients.values()) if (other.buffer === buffer) return;
    this.release(tensor);
  }

  /** Gives a temporary back that no node will need any more. */
  release(tensor: Tensor): void {
    const owner = this.temporaries.get(tensor.buffer);
    if (!owner) return;
    this.temporaries.delete(tensor.buffer);
    this.stream.release(owner);
  }

  /** Forgets everything and gives every temporary back. */
  reset(): void {
    for (const tensor of this.temporaries.values()) this.stream.release(tensor);
    this.temporaries.clear();
    this.kept.clear();
    this.nodes = [];
  }
}

/** a + b, as an op. */
export function addRecorded(tape: Tape, a: Tensor, b: Tensor): Tensor {
  const y = tape.temporary("add", a.shape);
  kernelAdd(tape.stream, a, b, y);
  return tape.record("add", [a, b], y, [(dy) => dy, (dy) => dy]);
}
