/** A test bench for one kernel: inputs of a chosen kind, poisoned outputs, and all tensors released afterwards. */
import type { Stream } from "../gpu/stream.ts";
import { elements, type Tensor } from "../gpu/tensor.ts";
import { fill } from "../kernels/elementwise.ts";

/**
 * `integers`: whole numbers from −3 to 3, whose sums of products are exact in f32, so results must be equal: even one wrong
 * tap in a hundred thousand is detected. `reals`: numbers in [−1, 1), compared within rounding bounds.
 */
export type NumberKind = "integers" | "reals";

/** A kernel's output next to the reference implementation's. */
export interface Comparison {
  readonly output: string;
  readonly actual: ArrayLike<number>;
  readonly expected: ArrayLike<number>;
  /** Maximum |actual − expected| at element i. */
  allowed(i: number): number;
}

export class Lab {
  private readonly owned: Tensor[] = [];

  constructor(
    readonly stream: Stream,
    readonly kind: NumberKind,
    /** Uniform in [0, 1). */
    readonly next: () => number,
    /** Whether to compute convolutions by every variant that fits the shape, in addition to the chosen one. */
    readonly everyVariant = false,
  ) {}

  get exact(): boolean {
    return this.kind === "integers";
  }

  /** Numbers of the lab's kind. */
  numbers(count: number): Float32Array {
    return Float32Array.from({ length: count }, () =>
      this.exact ? Math.floor(this.next() * 7) - 3 : 2 * this.next() - 1,
    );
  }

  upload(shape: readonly number[], data: ArrayLike<number>): Tensor {
    return this.own(this.stream.from("input", shape, data));
  }

  /** An output filled with NaN, so that elements that a kernel forgets to write are detected. */
  poisoned(shape: readonly number[]): Tensor {
    const tensor = this.own(this.stream.persistent("output", shape));
    fill(this.stream, tensor, Number.NaN);
    return tensor;
  }

  /** An output that a kernel overwrites, or adds to if `plus` is 1; and its previous content. */
  output(shape: readonly number[], plus: number): { tensor: Tensor; before: Float32Array } {
    const before = plus ? this.numbers(elements(shape)) : new Float32Array(elements(shape));
    return { tensor: plus ? this.upload(shape, before) : this.poisoned(shape), before };
  }

  /** Uploads words unchanged, for inputs that are not floats. */
  uploadWords(words: Uint32Array<ArrayBuffer>): Tensor {
    const tensor = this.own(this.stream.persistent("words", [words.length]));
    this.stream.write(tensor, words);
    return tensor;
  }

  /** Compares an output with the reference's: within the bound, or exactly if the numbers are integers. */
  async compare(
    tensor: Tensor,
    expected: ArrayLike<number>,
    allowed: (i: number) => number,
    output = "y",
  ): Promise<Comparison> {
    const actual = await this.stream.read(tensor);
    return { output, actual, expected, allowed: this.exact ? () => 0 : allowed };
  }

  /** Compares an output of integer words with the reference's, for equality. */
  async compareWords(tensor: Tensor, expected: Uint32Array, output = "y"): Promise<Comparison> {
    const actual = new Uint32Array(await this.stream.readBytes(tensor)).subarray(0, tensor.size);
    return { output, actual, expected, allowed: () => 0 };
  }

  /** Destroys every tensor of this lab. */
  async close(): Promise<void> {
    await this.stream.idle();
    for (const tensor of this.owned.splice(0)) this.stream.destroy(tensor);
  }

  private own(tensor: Tensor): Tensor {
    this.owned.push(tensor);
    return tensor;
  }
}

/** The largest error ÷ allowed error. A result over 1 is a failure; NaN anywhere gives Infinity. */
export function worst({ actual, expected, allowed }: Comparison): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    if (error === 0) continue;
    const ratio = error / allowed(i);
    if (!(ratio <= largest)) largest = Number.isNaN(ratio) ? Number.POSITIVE_INFINITY : ratio;
  }
  return largest;
}

/** A small deterministic random number generator (mulberry32), uniform in [0, 1). */
export function randomNumbers(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Unit roundoff of f32. */
export const ulp = 2 ** -24;

/** The bound for a sum of `depth` products whose squares sum to `squares`: rounding errors add up like a random walk. */
export function sumBound(depth: number, squares: number): number {
  return 4 * (Math.sqrt(depth) + 2) * ulp * Math.sqrt(squares) + 1e-30;
}

export const square = (values: ArrayLike<number>): Float64Array => Float64Array.from(values, (value) => value * value);
