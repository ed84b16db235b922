/** One program on one family: facts, what its main loop executes, and what the model predicts. */
import type { Compiled } from "./compiler.ts";
import { parseDisassembly } from "./disassembly.ts";
import type { Family } from "./families.ts";
import { countIteration, type Iteration } from "./iteration.ts";
import { type Depth, iterationsPerTap, type Model, modelTile } from "./model.ts";
import { layer, type Tile } from "./programs.ts";
import { readShape, type TileSize } from "./shape.ts";
import { type Facts, readFacts } from "./statistics.ts";

export interface Analysis {
  readonly program: string;
  readonly family: string;
  /** Whether a step of `article` runs it. */
  readonly inStep: boolean;
  /** Whether it is a tile, and one in shared memory. */
  readonly tile: "direct" | "shared" | null;
  readonly facts: Facts;
  /** Steps of the depth in one iteration of the main loop, and what it executes; null if this is no tile. */
  readonly iteration: (Iteration & { readonly steps: number }) | null;
  /** Null where nothing is modelled. */
  readonly model: Model | null;
}

/** The number of parts into which default_choice.ts splits the layer's filter gradient for 128×128 tiles. */
const splits = 6;

/** @param withModel also runs the model: about a second per tile @throws Error that names the program */
export function analyse({ program, statistics, disassembly }: Compiled, family: Family, withModel: boolean): Analysis {
  const { name, inStep, tile } = program;
  try {
    const facts = readFacts(statistics, family);
    const row = { program: name, family: family.name, inStep, facts };
    if (tile === null) return { ...row, tile: null, iteration: null, model: null };
    const size = sizeOf(tile);
    const depth = depthOf(tile);
    const shape = readShape(parseDisassembly(disassembly), size, facts.ldsBytes);
    const iteration = countIteration(shape, size, iterationsPerTap(depth, shape), family);
    // Without shared memory, speed depends on caches, which are not modelled.
    const modelled = withModel && size.staged !== null;
    return {
      ...row,
      tile: size.staged ? "shared" : "direct",
      iteration: { ...iteration, steps: shape.steps },
      model: modelled ? modelTile(shape, size, depth, facts, family) : null,
    };
  } catch (error) {
    throw new Error(`${name} on ${family.name}: ${(error as Error).message}`);
  }
}

function sizeOf({ variant: { rows, columns, threads, sharedBytes, constants } }: Tile): TileSize {
  if (sharedBytes === 0) return { threads, sums: rows * columns, staged: null };
  const steps = constants!.SLAB;
  // A block of slab.wgsl has 4 rows and 4 steps; the first threads load A's blocks.
  return { threads, sums: (rows * columns) / threads, staged: { steps, threadsOfA: (rows * steps) / 16 } };
}

/** The depth of a workgroup's matrix product at the layer. */
function depthOf({ pass }: Tile): Depth {
  const { N, P, Q, R, S, C, K, stride } = layer;
  switch (pass) {
    case "forward":
      return { steps: R * S * C, stepsPerTap: C };
    case "input gradient":
      // The mean of the phases: at a stride, each phase has its share of the taps.
      return { steps: (R * S * K) / stride ** 2, stepsPerTap: K };
    case "filter gradient":
      return { steps: (N * P * Q) / splits, stepsPerTap: null };
  }
}
