/** The instructions that one wave executes, from the first to the last. */
import type { Instruction } from "./disassembly.ts";
import { contains, fmasIn, type Loop, within } from "./loops.ts";
import type { Shape } from "./shape.ts";

export interface PathOptions {
  /** Iterations of the main loop. */
  readonly iterations: number;
  /** After so many of them a new tap begins. */
  readonly iterationsPerTap: number;
  /** Whether the wave has threads that load A, and threads that load B. */
  readonly loads: { readonly a: boolean; readonly b: boolean };
}

/** A path longer than this has lost its way. */
const maxLength = 5_000_000;

/** @returns indices into the shape's code @throws Error when the path does not reach the end of the program */
export function pathOf(shape: Shape, { iterations, iterationsPerTap, loads }: PathOptions): number[] {
  const { code, loops, main } = shape;
  const path: number[] = [];
  // How often each loop has begun again.
  const begun = new Map<Loop, number>();
  const again = (loop: Loop) => begun.get(loop) ?? 0;
  const trips = (loop: Loop) => {
    if (loop === main) return iterations;
    return contains(main, loop) && fmasIn(within(code, loop)) > 0 ? shape.innerTrips : shape.trips(loop);
  };
  const leave = (loop: Loop, to: number) => {
    begun.delete(loop);
    return to;
  };
  const repeat = (loop: Loop) => {
    begun.set(loop, again(loop) + 1);
    return loop.start;
  };
  const startsAt = (blocks: readonly Loop[], i: number) => blocks.some(({ start }) => start === i);
  const runs = (blockStart: number) => {
    const a = startsAt(shape.loadsA, blockStart);
    const b = startsAt(shape.loadsB, blockStart);
    if (a || b) return (a && loads.a) || (b && loads.b);
    if (startsAt(shape.tapChanges, blockStart)) return (again(main) + 1) % iterationsPerTap === 0;
    return true;
  };

  for (let i = 0; i < code.length; ) {
    if (path.length > maxLength) throw new Error("a loop does not end: the rules of bench/isa/path.ts do not fit it");
    path.push(i);
    const { kind, target, conditional } = code[i];
    if (kind === "end") return path;
    if (kind !== "branch") {
      i++;
    } else if (target <= i) {
      const loop = loops.find(({ start }) => start === target)!;
      i = conditional && again(loop) + 1 >= trips(loop) ? leave(loop, i + 1) : repeat(loop);
    } else {
      const left = innermostLeft(loops, i, target);
      if (!conditional) i = left ? leave(left, target) : target;
      else if (left) i = again(left) + worked(shape, left, i) >= trips(left) ? leave(left, target) : i + 1;
      else i = runs(i + 1) ? i + 1 : target;
    }
  }
  throw new Error("does not end with s_endpgm");
}

/** The innermost loop that a jump leaves. */
function innermostLeft(loops: readonly Loop[], from: number, to: number): Loop | undefined {
  return loops.findLast(({ start, end }) => start <= from && from <= end && to > end);
}

/** 1 if a loop has done its work before this exit, as in `do … while`; 0 if the exit comes first. */
function worked({ code }: Shape, loop: Loop, exit: number): 0 | 1 {
  const all = within(code, loop);
  const before = code.slice(loop.start, exit);
  // Its work is what is most special about it: a loop that multiplies may also store spilled registers.
  const kinds = [({ fma }: Instruction) => fma > 0, ({ kind }: Instruction) => kind === "LDS write"];
  const isWork = kinds.find((is) => all.some(is));
  return isWork && before.some(isWork) ? 1 : 0;
}
