/** What the compiler states about a program: facts, read from the statistics that vulkan_shim.c writes. */
import type { Family } from "./families.ts";

export interface Facts {
  /** Threads of a wave. */
  readonly wave: number;
  /** Vector registers of a thread. */
  readonly vgprs: number;
  /** Scalar registers alive at once. (RDNA gives every wave 128, whatever it uses.) */
  readonly sgprs: number;
  /** Registers that did not fit and are kept in memory. */
  readonly spilledVgprs: number;
  readonly spilledSgprs: number;
  /** Bytes of shared memory of a workgroup. */
  readonly ldsBytes: number;
  /** Bytes of memory of each wave, for spilled registers and arrays. */
  readonly scratchBytes: number;
  readonly codeBytes: number;
  readonly instructions: number;
  /** Waves that a SIMD holds at once, limited by registers, LDS and workgroups. */
  readonly wavesPerSimd: number;
}

/** @throws Error that names a missing statistic: another version of Mesa may name it differently */
export function readFacts(text: string, family: Pick<Family, "countedPerWave">): Facts {
  const values = new Map(text.split("\n").map((line) => line.split("\t") as [string, string]));
  const value = (name: string): number => {
    const number = Number(values.get(name) || Number.NaN);
    if (Number.isNaN(number)) throw new Error(`the compiler's statistics have no ${name}; is this Mesa 25?`);
    return number;
  };
  return {
    wave: value("Subgroup size"),
    vgprs: value("VGPRs"),
    sgprs: value("Pre-Sched SGPRs"),
    spilledVgprs: value("Spilled VGPRs"),
    spilledSgprs: value("Spilled SGPRs"),
    ldsBytes: value("LDS size"),
    scratchBytes: value("Scratch size"),
    codeBytes: value("Code size"),
    instructions: value("Instructions"),
    wavesPerSimd: Math.floor(value("Subgroups per SIMD") / family.countedPerWave),
  };
}
