/**
 * The tape: reverse-mode differentiation as a list. An op computes its output and records its inputs and, for each of
 * them, a function that turns the output's gradient into the input's. Walking the list backwards is the chain rule.
 * Those functions are made of ops too, so a gradient can itself be recorded and differentiated (R1 and R2 need that).
 */
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { add as addKernel } from "../kernels/elementwise.ts";
import { GradientBuffers, Temporaries } from "./gradient_buffers.ts";
import type { Backward, JointBackward } from "./ops/backward.ts";
import { requireSecondDerivative } from "./second_derivatives.ts";

/** One recorded op. `backward`: a function for each input, or one for all. `saved`: temporaries that only it reads. */
type Node = { op: string; inputs: Tensor[]; output: Tensor; backward: Backward[] | JointBackward; saved: Tensor[] };
/** Where a backward walk starts: a tensor and its gradient, of the same shape. */
export type Root = { readonly y: Tensor; readonly dy: Tensor };
/** The operations by which a backward walk collects gradients. */
type Gradients = Pick<GradientBuffers, "add" | "sink" | "take" | "passed">;

/** Records ops and computes gradients through them. `reset` prepares it for the next step. */
export class Tape {
  /** Whether ops are recorded: false inside `noGrad`. */
  recording = true;
  private nodes: Node[] = [];
  private readonly temporaries = new Temporaries(this.stream);
  readonly temporary = this.temporaries.allocate;
  readonly keep = this.temporaries.keep;
  readonly release = this.temporaries.release;
  constructor(readonly stream: Stream) {}

  /** Records what an op has computed. @returns the output */
  record(op: string, inputs: Tensor[], output: Tensor, backward: Node["backward"], saved: Tensor[] = []): Tensor {
    if (this.recording) this.nodes.push({ op, inputs, output, backward, saved });
    return output;
  }

  /**
   * The gradients of Σ roots with respect to each of `wrt`, recorded like any other op: they can be differentiated again.
   * @throws Error when one of `wrt` has no path to a root, or a path leads through an op without a second derivative
   */
  gradients(roots: readonly Root[], wrt: readonly Tensor[]): Tensor[] {
    const sums = new Map<Tensor, Tensor>();
    const add = (x: Tensor, dx: Tensor) => sums.set(x, sums.has(x) ? addRecorded(this, sums.get(x)!, dx) : dx);
    this.backward(roots, wrt, { add, sink: () => undefined, take: (y) => sums.get(y), passed: () => {} });
    return wrt.map((x) => {
      const gradient = sums.get(x);
      if (!gradient) throw new Error(`gradients: ${x} has no path to ${roots.map(({ y }) => y).join(", ")}`);
      return gradient;
    });
  }

  /**
   * Writes the gradients of Σ roots into the given tensors, zeros where there is no path. This is the last use of the ops
   * on the way: they leave the tape and their buffers are released.
   * @param sinks parameter → the tensor for its gradient, of the same shape
   */
  gradientsInto(roots: readonly Root[], sinks: ReadonlyMap<Tensor, Tensor>): void {
    const buffers = new GradientBuffers(this.temporaries, sinks);
    const passed = this.noGrad(() => this.backward(roots, [...sinks.keys()], buffers));
    buffers.fillUnreached();
    this.nodes = this.nodes.filter((node) => !passed.has(node));
  }

  /** The chain rule. @returns the nodes that a gradient went through */
  private backward(roots: readonly Root[], wrt: readonly Tensor[], gradients: Gradients): Set<Node> {
    // The tensors that depend on wrt. Gradients flow only towards these: in G's step, none of D's filters gets one.
    const needed = new Set(wrt);
    for (const { inputs, output } of this.nodes) if (inputs.some((x) => needed.has(x))) needed.add(output);
    const add = (op: string, x: Tensor, dx: Tensor) => {
      if (`${dx.shape}` !== `${x.shape}`) throw new Error(`${op}: the gradient ${dx} does not have the shape of ${x}`);
      gradients.add(x, dx);
    };
    for (const { y, dy } of roots) {
      if (!needed.has(y)) throw new Error(`backward: ${y} does not depend on any tensor whose gradient is wanted`);
      add("backward", y, dy);
    }
    const passed = new Set<Node>();
    // A tensor is recorded before the ops that read it, so when a backward walk reaches it, its gradient is complete.
    // The list is copied since a recorded walk appends to it.
    for (const node of [...this.nodes].reverse()) {
      const { op, inputs, output, backward, saved } = node;
      const dy = gradients.take(output);
      if (!dy) continue;
      if (this.recording) for (const [i, x] of inputs.entries()) if (needed.has(x)) requireSecondDerivative(op, i);
      if (typeof backward === "function") {
        const asked = inputs.map((x) => (needed.has(x) ? { sink: gradients.sink(x) } : null));
        for (const [i, dx] of backward(dy, asked).entries()) if (asked[i]) add(op, inputs[i], dx!);
      } else {
        for (const [i, x] of inputs.entries()) if (needed.has(x)) add(op, x, backward[i](dy, gradients.sink(x)));
      }
      passed.add(node);
      gradients.passed(output, saved);
    }
    return passed;
  }

  /** Runs `compute` without recording: for pictures drawn between steps, and for constants. */
  noGrad<Result>(compute: () => Result): Result {
    const before = this.recording;
    this.recording = false;
    try {
      return compute();
    } finally {
      this.recording = before;
    }
  }

  /** Forgets all ops and releases every temporary. */
  reset(): void {
    this.nodes = [];
    this.temporaries.releaseAll();
  }
}

/** a + b, the one op that the chain rule itself needs. */
export function addRecorded(tape: Tape, a: Tensor, b: Tensor): Tensor {
  const y = tape.temporary("add", a.shape);
  addKernel(tape.stream, a, b, y);
  return tape.record("add", [a, b], y, [(dy) => dy, (dy) => dy]);
}
