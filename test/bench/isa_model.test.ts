import { expect, test } from "vitest";
import { parseDisassembly } from "../../bench/isa/disassembly.ts";
import { type Family, families } from "../../bench/isa/families.ts";
import { modelTile } from "../../bench/isa/model.ts";
import { readShape } from "../../bench/isa/shape.ts";
import { simulate } from "../../bench/isa/workgroup_processor.ts";
import { disassembly, tileDisassembly, tileSize } from "./isa_tile.ts";

const [navi21, navi31] = families;
const fma = "v_fmac_f32_e32 v1, v2, v3\n";
const read = "ds_load_b128 v[0:3], v9\n";
const load = "buffer_load_b128 v[0:3], v9, s[8:11], 0 offen\n";

/** Runs the same instructions in every wave of the workgroups. */
function run(text: string, waves: number, family: Family = navi21, groups = 1) {
  const code = parseDisassembly(disassembly(`${text}s_endpgm`));
  const path = code.map((_, i) => i);
  return simulate(code, new Array(waves).fill(path), groups, family);
}

test("multiply-adds alone reach the peak, one wave per SIMD", () => {
  const { fma: share, vector } = run(fma.repeat(300), 4);
  expect(share).toBeGreaterThan(0.95);
  expect(share).toBeLessThanOrEqual(1);
  expect(vector).toBe(share);
  // One wave occupies one of four SIMDs.
  expect(run(fma.repeat(300), 1).fma).toBeCloseTo(0.25, 1);
});

test("RDNA3 does them in half the clocks", () => {
  const ratio = run(fma.repeat(300), 4, navi21).clocks / run(fma.repeat(300), 4, navi31).clocks;
  expect(ratio).toBeGreaterThan(1.9);
  expect(ratio).toBeLessThanOrEqual(2);
});

test("reads of LDS are limited by its two ports", () => {
  const { lds, clocks } = run(read.repeat(100), 4);
  expect(lds).toBeGreaterThan(0.95);
  // Two rounds of workgroups, two waves per port, 8 clocks per read.
  expect(clocks).toBeGreaterThan(2 * 2 * 100 * 8);
});

test("a wait costs the latency, unless there is work to do meanwhile", () => {
  const idle = run(`${load}s_waitcnt vmcnt(0)\n${fma.repeat(400)}`, 4);
  const hidden = run(`${load}${fma.repeat(400)}s_waitcnt vmcnt(0)\n`, 4);
  expect(idle.clocks - hidden.clocks).toBeGreaterThan(1.5 * navi21.memoryLatency);
  // Waiting for all but one of two loads does not wait for the second.
  const [all, butOne] = [0, 1].map((left) => run(`${load.repeat(2)}s_waitcnt vmcnt(${left})\n`, 1).clocks);
  expect(all - butOne).toBe(2 * navi21.memoryClocks);
});

test("other workgroups compute while one waits", () => {
  const text = `${load}s_waitcnt vmcnt(0)\n${fma.repeat(100)}`.repeat(5);
  expect(run(text, 4, navi21, 4).fma).toBeGreaterThan(2 * run(text, 4, navi21, 1).fma);
});

test("waves of a workgroup wait for each other at a barrier", () => {
  const code = parseDisassembly(disassembly(`${fma.repeat(300)}s_barrier\n${fma.repeat(300)}s_endpgm`));
  const all = code.map((_, i) => i);
  // The second wave has nothing to do before the barrier, the first nothing after it: they do not overlap.
  const [before, after] = [all.filter((i) => i < 301 || i > 600), all.filter((i) => i >= 300)];
  const apart = simulate(code, [before, after], 1, navi21).clocks;
  expect(apart).toBeGreaterThan(0.95 * simulate(code, [all], 1, navi21).clocks);
});

test("a tile: latency that is not hidden lowers its rate, and a longer depth weighs its start less", () => {
  const model = (afterLoads: string, steps: number) => {
    const shape = readShape(parseDisassembly(tileDisassembly({ afterLoads })), tileSize, 4096);
    const facts = { wave: 64, wavesPerSimd: 4, ldsBytes: 4096 };
    return modelTile(shape, tileSize, { steps, stepsPerTap: 8 }, facts as never, navi21);
  };
  const [good, bad, short] = [model("", 3200), model("s_waitcnt vmcnt(0)", 3200), model("", 64)];
  expect(good.groups).toBe(8);
  expect(good.rate).toBeGreaterThan(bad.rate);
  expect(good.rate).toBeGreaterThan(short.rate);
  expect(good.rate).toBeLessThan(good.loopRate);
  for (const share of [good.rate, good.loopRate, good.vector, good.lds, good.memory]) {
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThanOrEqual(1);
  }
});

test("the model is one of waves of 64", () => {
  const shape = readShape(parseDisassembly(tileDisassembly()), tileSize, 4096);
  const facts = { wave: 32, wavesPerSimd: 4, ldsBytes: 4096 };
  expect(() => modelTile(shape, tileSize, { steps: 64, stepsPerTap: null }, facts as never, navi21)).toThrow(
    "waves of 32",
  );
});
