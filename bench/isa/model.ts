/** The modelled rate of a shared tile at one layer. */
import type { Family } from "./families.ts";
import { waveSize, wavesOf } from "./iteration.ts";
import { pathOf } from "./path.ts";
import type { Shape, TileSize } from "./shape.ts";
import type { Facts } from "./statistics.ts";
import { simulate } from "./workgroup_processor.ts";

export interface Model {
  /** Workgroups that a workgroup processor runs at once. */
  readonly groups: number;
  /** The share of the peak rate of multiply-adds that the whole tile reaches, from its first instruction to its last. */
  readonly rate: number;
  /** The same share during the main loop. */
  readonly loopRate: number;
  /** Shares of the time that units are busy, in the main loop. */
  readonly vector: number;
  readonly lds: number;
  readonly memory: number;
}

/** The depth of a tile's matrix product. */
export interface Depth {
  /** Steps that a workgroup goes through. */
  readonly steps: number;
  /** Of them, those of one tap; null if there are no taps. */
  readonly stepsPerTap: number | null;
}

/** Iterations after which everything repeats, if there are no taps. */
const period = 8;

export const iterationsPerTap = ({ stepsPerTap }: Depth, { steps }: Shape) =>
  stepsPerTap === null ? 1 : Math.max(1, Math.round(stepsPerTap / steps));

/**
 * Simulates a short and a longer depth. What the longer one takes more is the time of the main loop, from which the time of
 * the whole depth follows.
 */
export function modelTile(shape: Shape, tile: TileSize, depth: Depth, facts: Facts, family: Family): Model {
  const waves = wavesOf(tile);
  const perTap = iterationsPerTap(depth, shape);
  const short = Math.ceil(period / perTap) * perTap;
  const groups = groupsAtOnce(waves.length, facts, family);
  const run = (iterations: number) => {
    const options = { iterations, iterationsPerTap: perTap };
    const paths = waves.map((loads) => pathOf(shape, { ...options, loads }));
    return simulate(shape.code, paths, groups, family);
  };
  const [first, second] = [run(short), run(2 * short)];
  const extra = second.clocks - first.clocks;
  const added = (share: "fma" | "vector" | "lds" | "memory") =>
    second[share] * second.clocks - first[share] * first.clocks;
  const more = depth.steps / (shape.steps * short) - 1;
  return {
    groups,
    rate: (first.fma * first.clocks + more * added("fma")) / (first.clocks + more * extra),
    loopRate: added("fma") / extra,
    vector: added("vector") / extra,
    lds: added("lds") / extra,
    memory: added("memory") / extra,
  };
}

/** @throws Error when the compiler did not compile for waves of 64, which all of this assumes */
function groupsAtOnce(waves: number, { wave, wavesPerSimd, ldsBytes }: Facts, family: Family): number {
  if (wave !== waveSize) throw new Error(`was compiled for waves of ${wave}; the model is one of waves of ${waveSize}`);
  const byWaves = Math.floor((wavesPerSimd * family.simds) / waves);
  return Math.max(1, Math.min(byWaves, ldsBytes > 0 ? Math.floor(family.ldsBytes / ldsBytes) : byWaves));
}
