/**
 * GPU families, and what the model assumes about them. Everything in this file is an assumption: figures that AMD
 * published about the architectures, and round numbers for latencies. Nothing in it was measured for this project.
 *
 * The modelled unit is the workgroup processor (WGP): two compute units, whose waves share their LDS. RADV compiles compute
 * shaders for it. Dawn requires subgroups of 64, so a wave has 64 threads.
 */

export interface Family {
  /** As RADV_FORCE_FAMILY and the command line spell it. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** SIMDs of a workgroup processor. Each issues one vector instruction at a time. */
  readonly simds: number;
  /** Units that SIMDs share in pairs: a port to LDS and one to the caches for each compute unit. */
  readonly ports: number;
  /** Waves that RADV's statistic "Subgroups per SIMD" counts for each wave of 64: it counts in waves of 32. */
  readonly countedPerWave: number;
  /** Bytes of LDS in a workgroup processor. */
  readonly ldsBytes: number;

  /** Clocks that a vector instruction occupies its SIMD: 64 threads on 32 lanes are two passes. */
  readonly vectorClocks: number;
  /** The same for multiply-adds, and for the few simple instructions that can be paired. RDNA3 runs both passes at once. */
  readonly pairedClocks: number;
  /** The same for 32-bit integer products, 1/x, square roots, exponentials. */
  readonly slowClocks: number;
  /** Clocks that an LDS port needs per 16 bytes of each of 64 threads: 1,024 bytes at 128 bytes per clock. */
  readonly ldsClocks: number;
  /** Clocks that a port to the caches needs per 16 bytes of each of 64 threads: 1,024 bytes at 64 bytes per clock. */
  readonly memoryClocks: number;

  /** Clocks from when a port has served an instruction until its result can be used. No cache is modelled. */
  readonly ldsLatency: number;
  readonly memoryLatency: number;
  readonly scalarLoadLatency: number;
  /** Clocks lost by a taken branch. */
  readonly branchClocks: number;
}

const rdna = {
  simds: 4,
  ports: 2,
  countedPerWave: 2,
  ldsBytes: 131_072,
  vectorClocks: 2,
  slowClocks: 8,
  ldsClocks: 8,
  memoryClocks: 16,
  ldsLatency: 50,
  scalarLoadLatency: 50,
  branchClocks: 8,
} as const;

export const families: readonly Family[] = [
  { ...rdna, name: "navi21", title: "RDNA2 (Radeon RX 6800 and 6900)", pairedClocks: 2, memoryLatency: 500 },
  { ...rdna, name: "navi31", title: "RDNA3 (Radeon RX 7900)", pairedClocks: 1, memoryLatency: 550 },
];

/** Clocks that an instruction occupies the unit that executes it. @param width bytes per thread that it moves */
export function portClocks(perSixteenBytes: number, width: number): number {
  return Math.max(1, Math.ceil((perSixteenBytes * width) / 16));
}
