/** The loops of a program, and which of them is the main one. */
import type { Instruction } from "./disassembly.ts";

/** From the first instruction to the last branch back to it. */
export interface Loop {
  readonly start: number;
  readonly end: number;
}

/** All loops, in the order of their starts. Several branches back to one instruction are one loop. */
export function loopsOf(code: readonly Instruction[]): Loop[] {
  const ends = new Map<number, number>();
  for (const [i, { kind, target }] of code.entries()) {
    if (kind === "branch" && target <= i) ends.set(target, Math.max(i, ends.get(target) ?? 0));
  }
  return [...ends].map(([start, end]) => ({ start, end })).sort((a, b) => a.start - b.start);
}

/** Whether a loop contains a smaller range. */
export const contains = (outer: Loop, inner: Loop) =>
  outer.start <= inner.start && inner.end <= outer.end && outer.end - outer.start > inner.end - inner.start;

/** The instructions of a range. */
export const within = (code: readonly Instruction[], { start, end }: Loop) => code.slice(start, end + 1);

export const fmasIn = (instructions: readonly Instruction[]) => instructions.reduce((sum, { fma }) => sum + fma, 0);

/**
 * The loop that goes through the depth of a matrix product. If a tile is shared, it is the outermost one that fills LDS and
 * multiplies; otherwise, of those that contain no other loop, the one with the most multiply-adds. Null if there is none.
 */
export function mainLoop(code: readonly Instruction[], loops: readonly Loop[]): Loop | null {
  const multiplying = loops.filter((loop) => fmasIn(within(code, loop)) > 0);
  const filling = multiplying.filter((loop) => within(code, loop).some(({ kind }) => kind === "LDS write"));
  const largest = (loops: readonly Loop[], size: (loop: Loop) => number) =>
    loops.reduce<Loop | null>((best, loop) => (best && size(best) >= size(loop) ? best : loop), null);
  if (filling.length > 0) return largest(filling, ({ start, end }) => end - start);
  const innermost = multiplying.filter((loop) => !multiplying.some((other) => contains(loop, other)));
  return largest(innermost, (loop) => fmasIn(within(code, loop)));
}
