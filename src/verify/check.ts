/** A check of one kernel: shapes, and a comparison of the kernel with its f64 reference implementation on each of them. */
import type { Comparison, Lab, NumberKind } from "./lab.ts";

/** Sizes and options of one run of a kernel. */
export type Dims = Readonly<Record<string, number>>;

/** A whole number from `min` to `max`, both included. */
export type RandomInt = (min: number, max: number) => number;

export interface Check {
  /** The checked host function of src/kernels, or the checked role of it. */
  readonly kernel: string;
  /** The kinds of numbers it is checked on; includes `integers` if its arithmetic on them is exact. */
  readonly kinds: readonly NumberKind[];
  /** Shapes that are prone to errors. */
  readonly shapes: readonly Dims[];
  /** A small random shape, for cases that the table misses. */
  random(int: RandomInt): Dims;
  /** Runs the kernel and its reference implementation on new numbers. */
  run(lab: Lab, dims: Dims): Promise<Comparison[]>;
}

export const both: readonly NumberKind[] = ["integers", "reals"];
/** For kernels that divide, or call exp, log, sqrt or tanh, and so are not exact on integers either. */
export const realsOnly: readonly NumberKind[] = ["reals"];

/**
 * The maximum relative size of a unit in the last place: the error allowed for WGSL's +, − and ×, which round, but not
 * necessarily to the nearest. Source of this and the following: the WGSL specification, "Floating Point Accuracy".
 */
export const unit = 2 ** -23;
/** Division: 2.5 units. */
export const divisionUnits = 2.5;
/** sqrt(x) is as accurate as 1 / inverseSqrt(x): 2 units and a division. */
export const sqrtUnits = 2 + divisionUnits;
/** exp(x): 3 + 2·|x| units. */
export const expUnits = (x: number): number => 3 + 2 * Math.abs(x);
/** The smallest normal f32; values below it may be flushed to zero. */
export const smallest = 2 ** -126;

/** Sizes for display: `N2 H9 W7`. */
export function describeDims(dims: Dims): string {
  return Object.entries(dims)
    .map(([name, value]) => (name.length === 1 ? `${name}${value}` : `${name}=${value}`))
    .join(" ");
}
