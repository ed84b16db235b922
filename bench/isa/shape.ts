/**
 * The shape of a tile's program: its main loop, and what decides which way branches go. The conditions are values that
 * only a GPU would compute, so they are derived from what the blocks contain. These rules fit tiles as gemm_shared.wgsl
 * and gemm_nn.wgsl write them; `readShape` throws when the number of multiply-adds shows that they do not.
 */
import type { Instruction } from "./disassembly.ts";
import { contains, fmasIn, type Loop, loopsOf, mainLoop, within } from "./loops.ts";

/** Numbers of a tile that are not in its machine code. */
export interface TileSize {
  /** Threads of a workgroup. */
  readonly threads: number;
  /** Outputs that one thread computes. */
  readonly sums: number;
  /** Of a shared tile: steps of the depth that are staged at a time, and how many threads stage A. */
  readonly staged: { readonly steps: number; readonly threadsOfA: number } | null;
}

export interface Shape {
  readonly code: readonly Instruction[];
  readonly loops: readonly Loop[];
  readonly main: Loop;
  /** Steps of the depth that one iteration of the main loop multiplies. */
  readonly steps: number;
  /** How often loops in the main loop that multiply run in one of its iterations. */
  readonly innerTrips: number;
  /** How often any other loop runs. */
  trips(loop: Loop): number;
  /** The blocks that load A for the next slab, and those that load B: before the main loop, and in it. */
  readonly loadsA: readonly Loop[];
  readonly loadsB: readonly Loop[];
  /** Blocks in the main loop that run when the next slab begins a new tap. */
  readonly tapChanges: readonly Loop[];
}

/** How often a loop runs about which nothing is known, such as one that looks for a tile's phase. */
const unknownTrips = 2;

/** @param ldsBytes shared memory of a workgroup @throws Error when the program has no such shape */
export function readShape(code: readonly Instruction[], tile: TileSize, ldsBytes: number): Shape {
  const loops = loopsOf(code);
  const main = mainLoop(code, loops);
  if (main === null) throw new Error("has no loop with multiply-adds");
  const multiplying = loops.filter((loop) => contains(main, loop) && fmasIn(within(code, loop)) > 0);
  if (multiplying.length > 1)
    throw new Error(`has ${multiplying.length} loops that multiply in its main loop, expected 1`);
  const inner = multiplying.length === 1 ? fmasIn(within(code, multiplying[0])) : 0;
  const outer = fmasIn(within(code, main)) - inner;
  const { steps, innerTrips } = countSteps(outer, inner, tile);
  const blocks = skippableBlocks(code);
  const loads = pairsOfLoads(code, blocks, main);
  return {
    code,
    loops,
    main,
    steps,
    innerTrips,
    trips: (loop) => {
      if (contains(loop, main)) return 1;
      const fills = within(code, loop).some(({ kind }) => kind === "LDS write");
      // Dawn fills shared memory with zeros first, 16 bytes per thread at a time.
      return fills ? Math.ceil(ldsBytes / (16 * tile.threads)) : unknownTrips;
    },
    loadsA: loads.map(([a]) => a),
    loadsB: loads.map(([, b]) => b),
    tapChanges: tapChanges(code, blocks, main),
  };
}

/** @param outer multiply-adds of the main loop outside the inner one @param inner of the inner loop */
function countSteps(outer: number, inner: number, { sums, staged }: TileSize) {
  const wrong = (expected: string) =>
    new Error(`multiplies ${outer + inner} numbers in its main loop, expected ${expected}`);
  if (staged === null) {
    if (inner > 0 || outer % sums !== 0) throw wrong(`a multiple of ${sums}`);
    return { steps: outer / sums, innerTrips: 0 };
  }
  const slab = sums * staged.steps;
  // An unrolled inner loop leaves no loop, and compilers may unroll the main loop too.
  if (inner === 0) {
    if (outer % slab !== 0) throw wrong(`a multiple of ${slab}`);
    return { steps: outer / sums, innerTrips: 0 };
  }
  const innerTrips = (slab - outer) / inner;
  if (!(innerTrips >= 1 && Number.isInteger(innerTrips))) throw wrong(`a share of ${slab}`);
  return { steps: staged.steps, innerTrips };
}

/** Instructions that a conditional branch jumps over, forwards. */
function skippableBlocks(code: readonly Instruction[]): (Loop & { uniform: boolean })[] {
  return code.flatMap(({ conditional, target, opcode }, i) =>
    conditional && target > i + 1 ? [{ start: i + 1, end: target - 1, uniform: /_scc[01]$/.test(opcode) }] : [],
  );
}

const has = (code: readonly Instruction[], block: Loop, ...kinds: readonly Instruction["kind"][]) =>
  within(code, block).some(({ kind }) => kinds.includes(kind));

/**
 * Threads load either A or B, in two blocks of an `if`, A's first. A wave runs a block if one of its threads does. Without
 * exactly two such blocks in the main loop, every wave is taken to run all of them.
 */
function pairsOfLoads(code: readonly Instruction[], blocks: readonly Loop[], main: Loop): [Loop, Loop][] {
  const loading = blocks.filter(
    (block) => has(code, block, "load") && !has(code, block, "store", "LDS write", "LDS read"),
  );
  const before = loading.filter(({ end }) => end < main.start);
  const inside = loading.filter((block) => contains(main, block));
  return [before, inside].flatMap((pair): [Loop, Loop][] => (pair.length === 2 ? [[pair[0], pair[1]]] : []));
}

/** Blocks under a condition that is the same for the whole wave and that touch neither memory nor sums. */
function tapChanges(
  code: readonly Instruction[],
  blocks: readonly (Loop & { uniform: boolean })[],
  main: Loop,
): Loop[] {
  return blocks.filter(
    (block) =>
      block.uniform &&
      contains(main, block) &&
      fmasIn(within(code, block)) === 0 &&
      !has(code, block, "load", "store", "LDS read", "LDS write", "barrier"),
  );
}
