/**
 * A tensor is a shape over a range of a GPU buffer: f32, contiguous, row-major (NHWC for pictures). It does not own the
 * buffer: the code that created the buffer releases it.
 */
export class Tensor {
  /** Number of elements. */
  readonly size: number;

  constructor(
    readonly label: string,
    readonly shape: readonly number[],
    readonly buffer: GPUBuffer,
    /** Offset of the first element in the buffer, in bytes. */
    readonly offset = 0,
  ) {
    this.size = elements(shape);
  }

  get bytes(): number {
    return this.size * 4;
  }

  /** A view of the same numbers with another shape. @throws Error when the element counts differ */
  reshape(shape: readonly number[]): Tensor {
    if (elements(shape) !== this.size) {
      throw new Error(`reshape: ${this} has ${this.size} elements, [${shape}] would have ${elements(shape)}`);
    }
    return new Tensor(this.label, shape, this.buffer, this.offset);
  }

  /**
   * Entries [first, end) of the first axis, as a view.
   * @throws Error when it ends within a vec4 of the tensor, since kernels that write vec4 would write past the slice
   */
  slice(first: number, end: number): Tensor {
    const [length, ...rest] = this.shape;
    if (!(first >= 0 && first <= end && end <= length)) {
      throw new Error(`slice: [${first}, ${end}) is outside the first axis of ${this}`);
    }
    if (end < length && ((end - first) * elements(rest)) % 4 !== 0) {
      throw new Error(
        `slice: [${first}, ${end}) of ${this} needs a multiple of 4 elements, since it does not reach the end`,
      );
    }
    return new Tensor(this.label, [end - first, ...rest], this.buffer, this.offset + first * elements(rest) * 4);
  }

  toString(): string {
    return `${this.label} [${this.shape}]`;
  }
}

export function elements(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Bytes of a buffer that holds `size` f32, rounded up so that kernels may read it as vec4. */
export function paddedBytes(size: number): number {
  return Math.max(16, Math.ceil(size / 4) * 16);
}
