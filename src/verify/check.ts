/** What a check of one kernel is: shapes, and a comparison of the kernel with its f64 twin on each of them. */
import type { Comparison, Lab, NumberKind } from "./lab.ts";

/** Sizes and options of one run of a kernel. */
export type Dims = Readonly<Record<string, number>>;

/** A whole number from `least` to `most`, both included. */
export type RandomInt = (least: number, most: number) => number;

export interface Check {
  /** The host function of src/kernels that is checked, or the role of it that is. */
  readonly kernel: string;
  /** Kinds of numbers that it is checked on; `integers` where its arithmetic on them is exact. */
  readonly kinds: readonly NumberKind[];
  /** Shapes on which kernels go wrong. */
  readonly shapes: readonly Dims[];
  /** A small shape that nobody thought of. */
  random(int: RandomInt): Dims;
  /** Runs the kernel and its twin on new numbers. */
  run(lab: Lab, dims: Dims): Promise<Comparison[]>;
}

export const both: readonly NumberKind[] = ["integers", "reals"];
/** For kernels that divide, or call exp, log, sqrt, tanh: no inputs make them exact. */
export const realsOnly: readonly NumberKind[] = ["reals"];

/**
 * The relative size of a unit in the last place, at most: how far WGSL's +, − and × may be off, which round, but not
 * necessarily to the nearest. Source of this and the next: the WGSL specification, "Floating Point Accuracy".
 */
export const unit = 2 ** -23;
/** Division: 2.5 units. */
export const divisionUnits = 2.5;
/** sqrt(x) is as exact as 1 / inverseSqrt(x), which has 2 units and a division. */
export const sqrtUnits = 2 + divisionUnits;
/** exp(x): 3 + 2·|x| units. */
export const expUnits = (x: number): number => 3 + 2 * Math.abs(x);
/** The smallest normal f32: what is below it may be flushed to zero. */
export const smallest = 2 ** -126;

/** `N2 H9 W7`: for people. */
export function describeDims(dims: Dims): string {
  return Object.entries(dims)
    .map(([name, value]) => (name.length === 1 ? `${name}${value}` : `${name}=${value}`))
    .join(" ");
}
