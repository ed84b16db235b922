/**
 * A model of a workgroup processor that executes a tile's machine code: which share of the multiply-adds that it could do
 * does it do?
 *
 * As many workgroups as fit go through their instructions, each wave in order and at most one instruction per clock. An
 * instruction needs its unit (the vector or the scalar unit of the wave's SIMD, the LDS port or the memory port of its
 * compute unit) and occupies it for some clocks. If several waves want a unit, the oldest gets it. s_waitcnt and s_barrier
 * are obeyed. When a workgroup ends, another takes its place, so what comes before and after the main loop counts too.
 *
 * Not modelled: caches, bank conflicts of LDS or registers, dependencies between vector instructions, the instruction
 * cache, clock rates and power. All make a real GPU slower than the model.
 */
import type { Instruction } from "./disassembly.ts";
import type { Family } from "./families.ts";
import { unitClocks } from "./iteration.ts";

/** Clocks, and the share of them that units of each kind are busy. */
export interface Simulated {
  readonly clocks: number;
  readonly fma: number;
  readonly vector: number;
  readonly lds: number;
  readonly memory: number;
}

/** Clocks between the starts of the first workgroups, and from the end of a workgroup to the start of the next. */
const stagger = 700;
const launchClocks = 50;
/** Workgroups in each place, one after the other. */
const rounds = 2;

interface Wave {
  readonly group: number;
  readonly simd: number;
  readonly path: readonly number[];
  at: number;
  /** The clock from which it may issue; infinite while it waits for a barrier or for the rest of its workgroup to end. */
  ready: number;
  /** When its workgroup started, as a count of waves: of two that are ready at once, the older one goes first. */
  age: number;
  /** The clocks at which results under way arrive. */
  loads: number[];
  lds: number[];
}

/**
 * @param paths of the waves of one workgroup
 * @param groups workgroups that run at once
 */
export function simulate(
  code: readonly Instruction[],
  paths: readonly (readonly number[])[],
  groups: number,
  family: Family,
): Simulated {
  const clocksOf = code.map((instruction) => unitClocks(instruction, family));
  const { simds, ports } = family;
  const waves: Wave[] = Array.from({ length: groups * paths.length }, (_, i) => {
    const group = Math.floor(i / paths.length);
    const start = { at: 0, ready: group * stagger, age: i, loads: [], lds: [] };
    return { group, simd: i % simds, path: paths[i % paths.length], ...start };
  });
  const groupsLeft = new Array<number>(groups).fill(rounds);
  const waiting = new Map<number, Wave[]>();
  const freeAt = { vector: filled(simds), scalar: filled(simds), lds: filled(ports), memory: filled(ports) };
  const busy = { fma: 0, vector: 0, lds: 0, memory: 0 };
  let started = waves.length;
  let clocks = 0;

  /** Holds a wave until its whole workgroup is here. @returns whether it is now */
  const gather = (wave: Wave): boolean => {
    const together = waiting.get(wave.group) ?? [];
    waiting.set(wave.group, together);
    together.push(wave);
    wave.ready = Number.POSITIVE_INFINITY;
    if (together.length < paths.length) return false;
    waiting.delete(wave.group);
    return true;
  };
  const restart = (group: number, ready: number) => {
    for (const wave of waves) if (wave.group === group) wave.ready = ready;
  };

  for (;;) {
    const wave = next(waves);
    if (wave.ready === Number.POSITIVE_INFINITY) break;
    const { simd, path, ready: now } = wave;
    const index = path[wave.at];
    const { kind, fma, loadsLeft, ldsLeft } = code[index];
    const port = simd % ports;
    const unit =
      kind === "vector"
        ? { freeAt: freeAt.vector, at: simd }
        : kind === "scalar" || kind === "scalar load"
          ? { freeAt: freeAt.scalar, at: simd }
          : kind === "LDS read" || kind === "LDS write"
            ? { freeAt: freeAt.lds, at: port }
            : kind === "load" || kind === "store"
              ? { freeAt: freeAt.memory, at: port }
              : null;
    if (unit && unit.freeAt[unit.at] > now) {
      wave.ready = unit.freeAt[unit.at];
      continue;
    }
    const done = now + (unit ? clocksOf[index] : 0);
    if (unit) unit.freeAt[unit.at] = done;
    wave.at++;
    wave.ready = now + 1;
    switch (kind) {
      case "vector":
        busy.vector += done - now;
        if (fma > 0) busy.fma += done - now;
        break;
      case "LDS read":
      case "LDS write":
        busy.lds += done - now;
        wave.lds.push(done + family.ldsLatency);
        break;
      case "scalar load":
        wave.lds.push(done + family.scalarLoadLatency);
        break;
      case "load":
        busy.memory += done - now;
        wave.loads.push(done + family.memoryLatency);
        break;
      case "store":
        busy.memory += done - now;
        break;
      case "wait":
        wave.ready = Math.max(now + 1, arrival(wave.loads, loadsLeft), arrival(wave.lds, ldsLeft));
        break;
      case "branch":
        if (path[wave.at] !== index + 1) wave.ready = now + family.branchClocks;
        break;
      case "barrier":
        if (gather(wave)) restart(wave.group, now + 1);
        break;
      case "end":
        clocks = Math.max(clocks, now);
        Object.assign(wave, { at: 0, age: started++, loads: [], lds: [] });
        if (gather(wave) && --groupsLeft[wave.group] > 0) restart(wave.group, now + launchClocks);
        break;
    }
  }
  const perSimd = (sum: number) => sum / (simds * clocks);
  const perPort = (sum: number) => sum / (ports * clocks);
  return {
    clocks,
    fma: perSimd(busy.fma),
    vector: perSimd(busy.vector),
    lds: perPort(busy.lds),
    memory: perPort(busy.memory),
  };
}

const filled = (length: number) => new Array<number>(length).fill(0);

/** The wave that issues next. */
function next(waves: readonly Wave[]): Wave {
  let first = waves[0];
  for (const wave of waves) {
    if (wave.ready < first.ready || (wave.ready === first.ready && wave.age < first.age)) first = wave;
  }
  return first;
}

/** The clock at which at most `left` results are still under way; these stay in the list. */
function arrival(underway: number[], left: number | null): number {
  if (left === null || underway.length <= left) return 0;
  underway.sort((a, b) => a - b);
  const arrived = underway.splice(0, underway.length - left);
  return arrived[arrived.length - 1];
}
