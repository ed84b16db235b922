/** What one iteration of a tile's main loop executes: counted in the machine code, along the paths of a workgroup's waves. */
import type { Instruction } from "./disassembly.ts";
import { type Family, portClocks } from "./families.ts";
import { pathOf } from "./path.ts";
import type { Shape, TileSize } from "./shape.ts";

/** Instructions of one iteration, the mean of all waves and, where taps change, of a whole tap. */
export interface Iteration {
  readonly instructions: number;
  readonly fma: number;
  readonly vector: number;
  readonly scalar: number;
  readonly ldsReads: number;
  readonly ldsWrites: number;
  readonly loads: number;
  /** The share of all instructions that are multiply-adds. */
  readonly fmaShare: number;
  /** The share of the clocks of vector instructions (an assumption of families.ts) that multiply-adds take. */
  readonly fmaClockShare: number;
  /** Whether loads for the next slab are still under way when the multiplication begins; null if nothing is staged. */
  readonly prefetches: boolean | null;
}

/** Threads of a wave. */
export const waveSize = 64;

/** For each wave of a workgroup, whether it has threads that load A and threads that load B. */
export function wavesOf({ threads, staged }: TileSize): { a: boolean; b: boolean }[] {
  const threadsOfA = staged?.threadsOfA ?? threads;
  return Array.from({ length: Math.ceil(threads / waveSize) }, (_, wave) => ({
    a: wave * waveSize < threadsOfA,
    b: (wave + 1) * waveSize > threadsOfA,
  }));
}

/** Clocks that a vector instruction occupies its SIMD. */
export function vectorClocks({ opcode, fma }: Instruction, family: Family): number {
  const slow = /^v_(mul_(lo|hi)_[iu]32|mad_[iu]64|rcp|rsq|sqrt|exp|log|sin|cos)/;
  const paired = /^v_(dual_\w+|(mul|add|sub|subrev|max|min)_f32|mov_b32|cndmask_b32|lshlrev_b32|and_b32|add_nc_u32)/;
  if (fma > 0 || paired.test(opcode)) return family.pairedClocks;
  if (slow.test(opcode)) return family.slowClocks;
  return /_[bfiu]64/.test(opcode) && !/_cmpx?_/.test(opcode) ? 2 * family.vectorClocks : family.vectorClocks;
}

/** @param iterationsPerTap after so many iterations a new tap begins */
export function countIteration(shape: Shape, tile: TileSize, iterationsPerTap: number, family: Family): Iteration {
  const waves = wavesOf(tile);
  const counts = { instructions: 0, fma: 0, vector: 0, scalar: 0, ldsReads: 0, ldsWrites: 0, loads: 0 };
  let [fmaInstructions, fmaClocks, allClocks] = [0, 0, 0];
  let prefetches = true;
  for (const loads of waves) {
    // What two taps execute more than one: the program's start and end cancel out.
    for (const [taps, sign] of [
      [2, 1],
      [1, -1],
    ]) {
      const share = sign / (waves.length * iterationsPerTap);
      for (const i of pathOf(shape, { iterations: taps * iterationsPerTap, iterationsPerTap, loads })) {
        const instruction = shape.code[i];
        const { kind, fma } = instruction;
        if (kind === "none") continue;
        counts.instructions += share;
        counts.fma += share * fma;
        if (kind === "vector") {
          const clocks = share * vectorClocks(instruction, family);
          counts.vector += share;
          allClocks += clocks;
          if (fma > 0) [fmaInstructions, fmaClocks] = [fmaInstructions + share, fmaClocks + clocks];
        } else if (kind === "LDS read") counts.ldsReads += share;
        else if (kind === "LDS write") counts.ldsWrites += share;
        else if (kind === "load") counts.loads += share;
        else if (kind.startsWith("scalar")) counts.scalar += share;
      }
    }
    prefetches &&= loadsReachMultiplication(shape, pathOf(shape, { iterations: 3, iterationsPerTap, loads }));
  }
  return {
    ...counts,
    fmaShare: fmaInstructions / counts.instructions,
    fmaClockShare: fmaClocks / allClocks,
    prefetches: tile.staged ? prefetches : null,
  };
}

/** Whether, after the last loads of the second iteration, the first multiply-add comes before the wait for them. */
function loadsReachMultiplication({ code, main }: Shape, path: readonly number[]): boolean {
  const begins = path.flatMap((i, at) => (i === main.start ? [at] : []));
  const iteration = path.slice(begins[1], begins[2]);
  const last = iteration.findLastIndex((i) => code[i].kind === "load");
  let underway = iteration.slice(0, last + 1).filter((i) => code[i].kind === "load").length;
  for (const i of [...iteration.slice(last + 1), ...path.slice(begins[2])]) {
    const { kind, fma, loadsLeft } = code[i];
    if (kind === "wait" && loadsLeft !== null) underway = Math.min(underway, loadsLeft);
    if (fma > 0) break;
  }
  return underway > 0;
}

/** Clocks that an instruction occupies its unit. */
export function unitClocks(instruction: Instruction, family: Family): number {
  const { kind, bytes } = instruction;
  if (kind === "vector") return vectorClocks(instruction, family);
  if (kind === "LDS read" || kind === "LDS write") return portClocks(family.ldsClocks, bytes);
  // A port looks up addresses at a quarter of its rate for 16 bytes, however few bytes are wanted at each.
  if (kind === "load" || kind === "store") return portClocks(family.memoryClocks, Math.max(4, bytes));
  return 1;
}
